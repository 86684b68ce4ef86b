"""The pinhole camera: intrinsics, projection, and where the optical frame sits in a sensor frame.

Optical frame (REP-103): x right, y down, z forward. An SDF camera looks along +x of its sensor frame
with z up; `SENSOR_FROM_OPTICAL` turns one into the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.errors import InputError
from vla_sim.common.geometry import Array

Pinhole = tuple[float, float, float, float]
"""fx, fy, cx, cy [px], as kernels take them."""

SENSOR_FROM_OPTICAL: Array = np.array(
    [[0.0, 0.0, 1.0, 0.0], [-1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
)


@dataclass(frozen=True)
class Intrinsics:
    """fx, fy, cx, cy [px]; (u, v) = (0, 0) is the centre of the top left pixel."""

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int

    def __post_init__(self) -> None:
        values = (self.fx, self.fy, self.cx, self.cy)
        if not all(math.isfinite(v) for v in values) or self.fx <= 0 or self.fy <= 0:
            raise InputError(f"camera fx, fy, cx, cy are {values}; they must be finite, fx and fy above 0")
        if self.width < 1 or self.height < 1:
            raise InputError(f"camera image is {self.width} x {self.height}; both must be at least 1")

    @property
    def pinhole(self) -> Pinhole:
        return self.fx, self.fy, self.cx, self.cy

    @staticmethod
    def from_field_of_view(horizontal: float, width: int, height: int) -> Intrinsics:
        """Square pixels, principal point in the middle. horizontal: [rad]."""
        f = width / (2.0 * math.tan(horizontal / 2.0))
        return Intrinsics(f, f, (width - 1) / 2.0, (height - 1) / 2.0, width, height)

    def project(self, points: Array) -> tuple[Array, Array]:
        """Pixels (n, 2) and depths (n,) of points (n, 3) in the optical frame; NaN pixels behind it."""
        z = points[:, 2]
        safe = np.where(z > 1e-6, z, np.nan)
        u = self.fx * points[:, 0] / safe + self.cx
        v = self.fy * points[:, 1] / safe + self.cy
        return np.stack([u, v], axis=1), z


def check_images(rgb: NDArray[np.uint8], depth: NDArray[np.float32], camera: Intrinsics) -> None:
    """Raises `InputError` unless rgb (h, w, 3) uint8 and depth (h, w) float32 fit the camera."""
    shape = (camera.height, camera.width)
    if rgb.shape != (*shape, 3) or rgb.dtype != np.uint8:
        raise InputError(f"colour image is {rgb.shape} {rgb.dtype}; it must be {(*shape, 3)} uint8")
    if depth.shape != shape or depth.dtype != np.float32:
        raise InputError(f"depth image is {depth.shape} {depth.dtype}; it must be {shape} float32")
