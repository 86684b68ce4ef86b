"""Global planning against pyastar2d's A* and scikit-image's `route_through_array`."""

import math
from typing import Any

import numpy as np

from vla_sim.bench.baselines.against import against, library
from vla_sim.bench.benchmark import Meter, Wrong
from vla_sim.bench.floor import discs
from vla_sim.bench.floor import field as clearances
from vla_sim.stages.navigation.astar import search
from vla_sim.stages.navigation.global_planner import COMFORT, HARD


def plan(meter: Meter, package: str, size: float, obstacles: int, cost: bool = False) -> None:
    """A way through the grid in which a cell costs more the nearer it is to an obstacle. cost: what the
    library's way costs over what ours does, by our measure, in place of the times."""
    baseline = library("pyastar2d" if package == "pyastar2d" else "skimage.graph", package)
    field = clearances(discs(size, obstacles))
    d, (rows, columns) = field.values, field.values.shape
    near = np.clip((COMFORT - d) / (COMFORT - HARD), 0.0, None)
    price = np.where(d >= HARD, 1.0 + 6.0 * near**2, np.inf)
    begin, end = (
        (int((y - field.y0) / field.resolution), int((x - field.x0) / field.resolution))
        for x, y in ((0.0, 0.0), (size, size))
    )
    first, last = begin[0] * columns + begin[1], end[0] * columns + end[1]

    def ours() -> Any:
        parent, reached = search(d, first, last, HARD, COMFORT, 6.0, 0.0)
        if reached != last:
            raise Wrong("the kernel found no way")
        cells = [last]
        while cells[-1] != first:
            cells.append(int(parent[cells[-1]]))
        return np.array(np.unravel_index(cells[::-1], (rows, columns))).T

    if package == "pyastar2d":
        weights = price.astype(np.float32)

        def theirs() -> Any:
            return baseline.astar_path(weights, begin, end, allow_diagonal=True)
    else:
        penalties = np.where(np.isfinite(price), price, -1.0)

        def theirs() -> Any:
            return np.array(
                baseline.route_through_array(penalties, begin, end, fully_connected=True, geometric=True)[0]
            )

    def paid(cells: Any) -> float:
        steps = np.hypot(*np.diff(cells, axis=0).T)
        return float(np.sum(steps * price[tuple(cells[1:].T)]))

    def check(a: Any, b: Any) -> None:
        if b is None or not math.isfinite(paid(b)):
            raise Wrong(f"{package} found no way that keeps clear")
        if paid(a) > paid(b) * (1.0 + 1e-6):
            raise Wrong(f"the kernel's way costs {paid(a):.3f}, the library's {paid(b):.3f}")

    if cost:
        a, b = ours(), theirs()
        check(a, b)
        meter.add(paid(b) / paid(a))
    else:
        against(meter, ours, theirs, check)
