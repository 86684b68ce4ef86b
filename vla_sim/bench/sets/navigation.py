"""Navigation: global plans over the chapter's routes and over a map of 1000 x 1000 cells."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from vla_sim.bench.benchmark import Benchmark, Meter, Wrong

CELL = 0.05  # [m]
ROOM = 1.0  # [m] of floor around start and goal


def plan(meter: Meter, size: float, obstacles: int) -> None:
    """From (0, 0) to (size, size) [m] past so many discs on and beside the straight way."""
    from vla_sim.navigation.global_planner import GlobalPlanner, Path

    field, planner = floor(size, obstacles), GlobalPlanner()

    def check(found: object) -> None:
        if not isinstance(found, Path):
            raise Wrong(f"no path: {found}")
        ends = math.dist(found.points[0], (0.0, 0.0)), math.dist(found.points[-1], (size, size))
        if max(ends) > 1e-6:
            raise Wrong(f"the path ends {max(ends):.2f} m beside start or goal")
        if found.clearance.min() < planner.hard - CELL:
            raise Wrong(f"the path passes {found.clearance.min():.2f} m beside an obstacle")
        if not math.sqrt(2.0) * size <= found.length + 1e-6 <= 1.3 * math.sqrt(2.0) * size:
            raise Wrong(f"the path is {found.length:.2f} m long")

    meter.time(lambda: planner.plan(field, (0.0, 0.0), (size, size)), check=check)


def floor(size: float, obstacles: int) -> Any:
    """The clearance around discs of 0.25 m radius along the diagonal, seeded."""
    import numpy as np

    from vla_sim.navigation.distance import DistanceField, clearance_field

    rng = np.random.default_rng(obstacles)
    cells = round((size + 2.0 * ROOM) / CELL)
    at = -ROOM + (np.arange(cells) + 0.5) * CELL
    x, y = np.meshgrid(at, at)
    occupied = np.zeros((cells, cells), bool)
    for k in range(obstacles):
        along = size * (k + 1) / (obstacles + 1)
        aside = rng.uniform(-0.5, 0.5)
        occupied |= np.hypot(x - along - aside, y - along + aside) < 0.25
    return DistanceField(clearance_field(occupied, CELL), -ROOM, -ROOM, CELL)


BENCHMARKS = tuple(
    Benchmark(
        f"navigation.plan_{size}m_{obstacles}", f"global plan from (0, 0) to ({size}, {size}) m, "
        f"{obstacles} obstacles", partial(plan, size=float(size), obstacles=obstacles), repeat=100, quick=20,
    )
    for size, obstacles in ((5, 0), (5, 5), (10, 0), (10, 10))
)  # fmt: skip
