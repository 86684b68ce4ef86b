"""Upright solids as a ray meets them: the forward model that the pose fit compares with depth.

A solid is a code and five lengths [m]: (half_x or radius, half_y, half_z, neck radius, shoulder).
CYLINDER and SPHERE use the first as radius; BOTTLE is a cylinder up to `shoulder` above its centre and a
thinner neck from there to its top.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vla_sim.common.geometry import Array
from vla_sim.stages.perception.solid_kernels import BOTTLE, BOX, CYLINDER, SPHERE

NECK_RADIUS = 0.45
"""Of a bottle's neck, as a part of its body's radius."""
NECK_HEIGHT = 0.24
"""Of a bottle's neck, as a part of its whole height, from the middle of its shoulder."""


@dataclass(frozen=True)
class Solid:
    """What a kind of object looks like. kind: "cup". size: extent along x, y, z [m]."""

    kind: str
    code: int
    size: tuple[float, float, float]

    @property
    def lengths(self) -> Array:
        """(5,) as the kernels take them."""
        x, y, z = (s / 2.0 for s in self.size)
        if self.code == BOTTLE:
            return np.array([x, y, z, NECK_RADIUS * x, z - NECK_HEIGHT * 2.0 * z])
        return np.array([x, y, z, 0.0, 0.0])

    @property
    def radius(self) -> float:
        """Of the enclosing sphere [m]."""
        if self.code == SPHERE:
            return self.size[0] / 2.0
        if self.code == BOX:
            return math.hypot(*self.size) / 2.0
        return math.hypot(self.size[0], self.size[2]) / 2.0


def solid_of(
    kind: str, shape: Literal["cylinder", "sphere", "box"], size: tuple[float, float, float]
) -> Solid:
    """The solid of a kind of object, from the primitive that a gripper closes on."""
    if shape == "sphere":
        return Solid(kind, SPHERE, size)
    if shape == "box":
        return Solid(kind, BOX, size)
    return Solid(kind, BOTTLE if kind == "bottle" else CYLINDER, size)
