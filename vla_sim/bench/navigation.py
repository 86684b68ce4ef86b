"""Routes on maps with obstacles, one step of the local planner, and the costmap after a scan."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from vla_sim.bench.suite import Benchmark, Once, Options, Prepare, WrongError, timed
from vla_sim.grid import Grid
from vla_sim.navigation.costmap import Costmap, StaticMap
from vla_sim.navigation.distance import DistanceField, clearance_field
from vla_sim.navigation.global_planner import GlobalPlanner, NoPath, Path
from vla_sim.navigation.local_planner import LocalPlanner

RESOLUTION = 0.05
"""[m] of the cells."""
BORDER = 1.0
"""[m] of floor around start and goal."""
OBSTACLE = (0.3, 0.8)
"""[m] sides of an obstacle."""
ROUTES = ((5.0, 0), (5.0, 5), (10.0, 0), (10.0, 10))
"""Goal (x = y) [m] and obstacles."""


def benchmarks(options: Options) -> list[Benchmark]:
    out = [
        Benchmark(f"navigation/({0},{0}) to ({goal:g},{goal:g}), {count} obstacles", _route(goal, count))
        for goal, count in ROUTES
    ]
    out.append(Benchmark("navigation/1000×1000 map, 400 obstacles", _large, repetitions=20))
    out.append(Benchmark("navigation/local planner step", _step, repetitions=200))
    out.append(Benchmark("navigation/costmap after a scan", _scan, repetitions=100))
    return out


def room(side: float, obstacles: int, seed: int = 0) -> NDArray[np.bool_]:
    """(n, n) cells of a walled room from -BORDER to side + BORDER [m], with boxes that stand neither on the
    start (0, 0) nor on the goal (side, side)."""
    cells = round((side + 2 * BORDER) / RESOLUTION)
    grid = np.zeros((cells, cells), np.bool_)
    grid[[0, -1]] = grid[:, [0, -1]] = True
    rng = np.random.default_rng(seed)
    while obstacles:
        x, y = rng.uniform(0.0, side, 2)
        length, width = rng.uniform(*OBSTACLE, 2)
        free = 0.5 * math.hypot(length, width) + 0.6
        if math.hypot(x, y) < free or math.hypot(x - side, y - side) < free:
            continue
        rows, columns = (
            slice(*(round((BORDER + at + half) / RESOLUTION) for half in (-0.5 * size, 0.5 * size)))
            for at, size in ((y, width), (x, length))
        )
        grid[rows, columns] = True
        obstacles -= 1
    return grid


def field(cells: NDArray[np.bool_]) -> DistanceField:
    return DistanceField(clearance_field(cells, RESOLUTION), -BORDER, -BORDER, RESOLUTION)


def _arrives(found: object, goal: float, planner: GlobalPlanner) -> None:
    if isinstance(found, NoPath):
        raise WrongError(found.reason)
    assert isinstance(found, Path)
    tight = found.clearance[10:-10].min() < planner.hard - 0.05
    if tight or math.dist(found.points[-1], (goal, goal)) > 0.15:
        raise WrongError(f"the route ends at {found.points[-1]} or passes too close")


def _route(goal: float, obstacles: int) -> Prepare:
    @contextmanager
    def prepared() -> Iterator[Once]:
        planner = GlobalPlanner()
        maps = [field(room(goal, obstacles, seed)) for seed in range(5)]
        turn = 0

        def plan() -> Path | NoPath:
            nonlocal turn
            turn += 1
            return planner.plan(maps[turn % len(maps)], (0.0, 0.0), (goal, goal))

        yield timed(plan, lambda found: _arrives(found, goal, planner))

    return prepared


@contextmanager
def _large() -> Iterator[Once]:
    goal = 1000 * RESOLUTION - 2 * BORDER
    planner, floor = GlobalPlanner(), field(room(goal, 400))
    yield timed(
        lambda: planner.plan(floor, (0.0, 0.0), (goal, goal)), lambda found: _arrives(found, goal, planner)
    )


@contextmanager
def _step() -> Iterator[Once]:
    floor = field(room(5.0, 5))
    path = GlobalPlanner().plan(floor, (0.0, 0.0), (5.0, 5.0))
    if isinstance(path, NoPath):
        raise WrongError(path.reason)
    planner = LocalPlanner()
    planner.start(path.points, path.clearance)
    heading = math.atan2(*(path.points[8] - path.points[0])[::-1])
    pose, velocity = np.array([0.0, 0.0, heading]), np.array([0.3, 0.0, 0.0])

    def moves(found: object) -> None:
        if getattr(found, "blocked", True):
            raise WrongError("the local planner says that it is blocked on a free path")

    yield timed(lambda: planner.step(pose, velocity, floor, 0.4), moves)


@contextmanager
def _scan() -> Iterator[Once]:
    cells = room(10.0, 10)
    costmap = Costmap(StaticMap.from_grids(Grid(cells, -BORDER, -BORDER, RESOLUTION)))
    ranges = np.full(720, np.inf, np.float32)
    ranges[340:380] = 1.5  # something new ahead
    pose, now = np.array([5.0, 1.0, 0.0]), 0.0

    def update() -> None:
        nonlocal now
        now += 0.1
        costmap.lidar.integrate(pose, ranges, -math.pi, 2 * math.pi / 720, now)
        costmap.update(5.0, 1.0, now)

    yield timed(update)
