"""A floor with round obstacles, the same for our planner and for every library."""

import numpy as np
from numpy.typing import NDArray

from vla_sim.stages.navigation.distance_field import DistanceField, clearance_field

CELL = 0.05  # [m]
ROOM = 1.0  # [m] of floor around start and goal
RADIUS = 0.25  # [m] of an obstacle


def discs(size: float, obstacles: int) -> NDArray[np.bool_]:
    """Cells that discs on and beside the straight way from (0, 0) to (size, size) [m] occupy, seeded; 48 m
    make 1000 x 1000 cells, the first of them at -`ROOM`."""
    rng = np.random.default_rng(obstacles)
    at = -ROOM + (np.arange(round((size + 2.0 * ROOM) / CELL)) + 0.5) * CELL
    x, y = np.meshgrid(at, at)
    occupied = np.zeros(x.shape, bool)
    for k in range(obstacles):
        along, aside = size * (k + 1) / (obstacles + 1), rng.uniform(-0.5, 0.5)
        occupied |= np.hypot(x - along - aside, y - along + aside) < RADIUS
    return occupied


def field(occupied: NDArray[np.bool_], low: float = -ROOM) -> DistanceField:
    """Clearances on these cells, whose outer corner is at (low, low) [m]."""
    return DistanceField(clearance_field(occupied, CELL), low, low, CELL)
