"""Distances between points, and between the robot's discs and discs that stand or move around it."""

from __future__ import annotations

import math

import numpy as np

from vla_sim.common.arrays import Array
from vla_sim.common.numba_cache import kernel


@kernel
def pairwise_distances(a: Array, b: Array) -> Array:
    """(n, m) distances [m] of points (n, d) from points (m, d)."""
    n, m, size = a.shape[0], b.shape[0], a.shape[1]
    out = np.empty((n, m))
    for i in range(n):
        for j in range(m):
            total = 0.0
            for k in range(size):
                d = a[i, k] - b[j, k]
                total += d * d
            out[i, j] = math.sqrt(total)
    return out


@kernel
def disc_clearance(x: float, y: float, yaw: float, discs: Array, obstacles: Array, after: float) -> float:
    """Smallest gap [m] between the robot's discs at a pose and obstacle discs, where these will be `after`
    seconds; negative where two overlap, 1e9 if there are none.

    discs: (n, 3) x, y in base_link and radius. obstacles: (m, 5) x, y, vx, vy in map and radius."""
    cos, sin = math.cos(yaw), math.sin(yaw)
    worst = 1e9
    for j in range(len(obstacles)):
        ox, oy = obstacles[j, 0] + after * obstacles[j, 2], obstacles[j, 1] + after * obstacles[j, 3]
        for i in range(len(discs)):
            px = x + cos * discs[i, 0] - sin * discs[i, 1]
            py = y + sin * discs[i, 0] + cos * discs[i, 1]
            worst = min(worst, math.hypot(ox - px, oy - py) - obstacles[j, 4] - discs[i, 2])
    return worst
