"""A floor with round obstacles, the same for every library."""

from __future__ import annotations

from typing import Any

CELL = 0.05  # [m]
ROOM = 1.0  # [m] of floor around start and goal


def floor(size: float, obstacles: int) -> Any:
    """`DistanceField` around discs of 0.25 m radius beside the straight way from (0, 0) to (size, size) [m],
    seeded; 48 m make 1000 x 1000 cells."""
    import numpy as np

    from vla_sim.navigation.distance import DistanceField, clearance_field

    rng = np.random.default_rng(obstacles)
    at = -ROOM + (np.arange(round((size + 2.0 * ROOM) / CELL)) + 0.5) * CELL
    x, y = np.meshgrid(at, at)
    occupied = np.zeros(x.shape, bool)
    for k in range(obstacles):
        along, aside = size * (k + 1) / (obstacles + 1), rng.uniform(-0.5, 0.5)
        occupied |= np.hypot(x - along - aside, y - along + aside) < 0.25
    return DistanceField(clearance_field(occupied, CELL), -ROOM, -ROOM, CELL)
