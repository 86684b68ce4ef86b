"""A robot's lidar sees the robot: its own points are taken out of a cloud."""

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array
from vla_sim.common.numba_cache import kernel
from vla_sim.stages.perception.depth_scan import of_robot


@kernel
def others(points: Array, capsules: Array) -> NDArray[np.bool_]:
    """(n,) which of the points (n, 3) in the pelvis frame [m] are not the robot's: see `of_robot`."""
    out = np.empty(points.shape[0], dtype=np.bool_)
    for p in range(points.shape[0]):
        out[p] = not of_robot(capsules, points[p, 0], points[p, 1], points[p, 2])
    return out
