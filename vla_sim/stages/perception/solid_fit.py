"""Pose of a known solid by analysis by synthesis: the pose whose predicted depth and outline agree best.

A camera sees the front of a thing only, so its centre is inferred: every sampled pixel is predicted by
casting its ray at the solid and compared with what was measured. That averages the depth noise over all
pixels, uses top and side alike, and the same cost tells kinds apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array
from vla_sim.stages.perception.solid_kernels import BOX, search
from vla_sim.stages.perception.solids import Solid


class Samples(NamedTuple):
    """Pixels in and around one component.

    origin: (3,) camera in the level frame. rays: (n, 3) in the level frame, scaled so that the ray
    parameter is the depth. depth: (n,) measured [m], NaN allowed. inside: (n,) bool, of the component.
    """

    origin: Array
    rays: Array
    depth: Array
    inside: NDArray[np.bool_]

    def thinned(self, stride: int) -> Samples:
        """Every stride-th sample."""
        return Samples(
            self.origin, np.ascontiguousarray(self.rays[::stride]), self.depth[::stride].copy(),
            self.inside[::stride].copy(),
        )  # fmt: skip


@dataclass(frozen=True)
class Fit:
    """x, y, z of the centre and yaw in the level frame; cost: about 1 for a perfect model."""

    solid: Solid
    pose: Array
    cost: float


def fit(solid: Solid, samples: Samples, guess: Array, height: float) -> Fit:
    """Coarse fit, good to about 5 mm, on thinned samples; `refine` makes it fine.

    guess: (3,) a point on the thing's surface in the level frame. height: of the support under it [m],
    NaN if unknown; the solid then finds its own.
    """
    s = solid.lengths
    view = guess - samples.origin
    view = view / max(float(np.linalg.norm(view)), 1e-9)
    centre = guess + 0.6 * s[0] * view
    z = centre[2] if math.isnan(height) else height + s[2]
    bearing = math.atan2(view[1], view[0])
    starts = [bearing + math.radians(k) for k in (0.0, 30.0, 60.0)] if solid.code == BOX else [0.0]
    fits = []
    for yaw in starts:
        pose = np.array([centre[0], centre[1], z, yaw])
        fits.append(Fit(solid, pose, _search(solid, pose, samples, height, 2.0, 0.016, 0.004)))
    return min(fits, key=lambda one: one.cost)


def refine(coarse: Fit, samples: Samples, height: float) -> Fit:
    """The same fit at the sensor's own noise, to half a millimetre of step."""
    pose = coarse.pose.copy()
    return Fit(coarse.solid, pose, _search(coarse.solid, pose, samples, height, 1.0, 0.004, 0.0005))


def _search(
    solid: Solid, pose: Array, samples: Samples, height: float, noise: float, step: float, least: float
) -> float:
    turns = solid.code == BOX
    found = search(solid.code, solid.lengths, pose, tuple(samples), height, turns, noise, step, least)
    return float(found)
