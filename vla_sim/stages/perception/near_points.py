"""What the depth camera sees within the arms' reach, as points that safety holds the arms' ways against.

The lidar on the head misses what is small, low or behind an edge; here each cell of space has one point, the
mean of the pixels in it, so that the noise of a pixel does not count and a cloud stays small.
"""

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array
from vla_sim.common.numba_cache import kernel
from vla_sim.stages.perception.camera import Intrinsics, Pinhole
from vla_sim.stages.perception.depth_scan import of_robot, seen_at

LOW = np.array([0.0, -0.9, -0.5])
HIGH = np.array([0.9, 0.9, 0.7])
"""[m] in the pelvis frame: the space in which an arm may meet something."""
CELL = 0.03
"""[m]"""
LEAST = 3
"""Pixels in a cell that make a point: a lone one between fore- and background is none."""


@kernel
def _fill(
    depth: NDArray[np.float32], stride: int, pinhole: Pinhole, pose: Array, capsules: Array,
    low: Array, high: Array, cell: float, sums: Array,
) -> None:  # fmt: skip
    """Add up the points in each cell: sums (nx, ny, nz, 4), of x, y, z and one."""
    rows, columns = depth.shape
    for v in range(0, rows, stride):
        for u in range(0, columns, stride):
            d = np.float64(depth[v, u])
            if not (d > 0.0 and d < 3.0):
                continue
            x, y, z = seen_at(pinhole, pose, u, v, d)
            if x < low[0] or x >= high[0] or y < low[1] or y >= high[1] or z < low[2] or z >= high[2]:
                continue
            if of_robot(capsules, x, y, z):
                continue
            one = sums[int((x - low[0]) / cell), int((y - low[1]) / cell), int((z - low[2]) / cell)]
            one[0] += x
            one[1] += y
            one[2] += z
            one[3] += 1.0


class NearPoints:
    """Call it with each depth image."""

    def __init__(self) -> None:
        self._sums = np.zeros((*np.ceil((HIGH - LOW) / CELL).astype(int), 4))

    def __call__(self, depth: NDArray[np.float32], camera: Intrinsics, pose: Array, capsules: Array) -> Array:
        """(n, 3) [m] in the pelvis frame, without the robot itself.

        depth: (h, w) float32 [m]. pose: (4, 4) optical frame in the pelvis frame. capsules: (k, 7) the
        robot's limbs in the pelvis frame, see `depth_scan.own_capsules`.
        """
        self._sums.fill(0.0)
        stride = max(1, camera.width // 320)
        _fill(depth, stride, camera.pinhole, pose, capsules, LOW, HIGH, CELL, self._sums)
        full = self._sums[self._sums[..., 3] >= LEAST]
        return full[:, :3] / full[:, 3:]
