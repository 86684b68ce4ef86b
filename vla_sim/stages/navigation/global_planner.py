"""The way through the map: A* (Hart, Nilsson, Raphael 1968) over a grid of clearances, then an elastic band.

The cost of a step grows as the clearance falls below what is comfortable, so the cheapest way goes
through the middle of doors and corridors and keeps off furniture where there is room.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array
from vla_sim.common.numba_cache import kernel
from vla_sim.robot.body_size import SWATH
from vla_sim.stages.navigation.distance_field import DistanceField, FieldArgs, sample

DIAGONAL = math.sqrt(2.0)
NEARER = 1.0 + 1e-9
"""Of cells that promise the same cost the search takes the one nearer to the goal."""


@kernel
def _octile(rows: int, columns: int) -> float:
    """Steps of a free way over 8 neighbours: the least that is left. The straight line is less than that, and
    has the search look at several times as many cells."""
    rows, columns = abs(rows), abs(columns)
    return max(rows, columns) + (DIAGONAL - 1.0) * min(rows, columns)


def coarse(fine: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Largest value of each factor x factor block, so that no gap is lost for where its middle lies; a
    partial block at the border is kept."""
    whole = np.pad(fine, [(0, -size % factor) for size in fine.shape], constant_values=-np.inf)
    # Slice by slice: numpy's reduceat takes twenty times as long, at every plan.
    tall = np.maximum.reduce([whole[k::factor] for k in range(factor)])
    largest: NDArray[np.float32] = np.maximum.reduce([tall[:, k::factor] for k in range(factor)])
    return largest


@kernel
def search(
    clearance: NDArray[np.float32], start: int, goal: int, hard: float, comfort: float, weight: float,
    escape: float,
) -> tuple[NDArray[np.int32], int]:  # fmt: skip
    """A* over 8 neighbours. Returns the parent of each cell (-1: not reached) and the cell closest to
    the goal that was reached (the goal itself on success).

    Within `escape` cells of the start, cells with too little clearance may be crossed at a high price:
    a robot that stands at a table must be able to leave it."""
    rows, columns = clearance.shape
    size = rows * columns
    best = np.full(size, np.inf)
    parent = np.full(size, -1, np.int32)
    closed = np.zeros(size, np.bool_)
    heap_key = np.empty(8 * size + 8, np.float64)
    heap_cell = np.empty(8 * size + 8, np.int32)
    count = 1
    goal_r, goal_c = goal // columns, goal % columns
    start_r, start_c = start // columns, start % columns
    best[start] = 0.0
    parent[start] = start
    heap_key[0] = 0.0
    heap_cell[0] = start
    nearest, nearest_distance = start, np.inf
    while count > 0:
        cell = heap_cell[0]
        count -= 1
        key, moved = heap_key[count], heap_cell[count]
        i = 0
        while True:  # sift the last entry down from the root
            child = 2 * i + 1
            if child >= count:
                break
            if child + 1 < count and heap_key[child + 1] < heap_key[child]:
                child += 1
            if heap_key[child] >= key:
                break
            heap_key[i] = heap_key[child]
            heap_cell[i] = heap_cell[child]
            i = child
        heap_key[i] = key
        heap_cell[i] = moved
        if closed[cell]:
            continue
        closed[cell] = True
        r, c = cell // columns, cell % columns
        to_goal = math.hypot(r - goal_r, c - goal_c)
        if to_goal < nearest_distance and clearance[r, c] >= hard:
            nearest, nearest_distance = cell, to_goal
        if cell == goal:
            return parent, goal
        for dr in range(-1, 2):
            for dc in range(-1, 2):
                nr, nc = r + dr, c + dc
                if (dr == 0 and dc == 0) or nr < 0 or nc < 0 or nr >= rows or nc >= columns:
                    continue
                nxt = nr * columns + nc
                if closed[nxt]:
                    continue
                d = clearance[nr, nc]
                if d >= comfort:
                    price = 1.0
                elif d >= hard:
                    u = (comfort - d) / (comfort - hard)
                    price = 1.0 + weight * u * u
                else:
                    if math.hypot(nr - start_r, nc - start_c) > escape:
                        continue
                    # Out of a tight spot by the way on which the clearance grows fastest.
                    price = 2.0 + 4.0 * weight * (hard - d) / hard
                cost = best[cell] + price * (DIAGONAL if dr != 0 and dc != 0 else 1.0)
                if cost < best[nxt]:
                    best[nxt] = cost
                    parent[nxt] = cell
                    key = cost + NEARER * _octile(nr - goal_r, nc - goal_c)
                    i = count
                    count += 1
                    while i > 0:
                        up = (i - 1) // 2
                        if heap_key[up] <= key:
                            break
                        heap_key[i] = heap_key[up]
                        heap_cell[i] = heap_cell[up]
                        i = up
                    heap_key[i] = key
                    heap_cell[i] = nxt
    return parent, nearest


HARD = SWATH + 0.07
"""Clearance [m] of the pelvis's mean way below which a hand could touch: never planned. The walk strays
from its path by 3 cm, and a halt in a gap begins the next walk with a sway to the right of as much: a gap of
0.80 m was passed straight on, but at 30 degrees with a box in the hand an elbow touched in 2 of 5 runs."""
COMFORT = 0.75
"""Clearance [m] above which more makes no difference."""
STIFF, STIFF_NARROW = 0.006, 0.05
"""[m] by which an obstacle at no distance pushes a point of the path away in a round; in a narrow place."""
NARROW_BELOW = 0.65
"""Clearance [m] of a narrow place here: a path is led to its middle from well before a door on."""
WEIGHT = 6.0
"""Price of the hard clearance over that of free floor."""
SPACING = 0.05
"""Distance between path points [m]."""


def costs(clearance: NDArray[np.float32]) -> NDArray[np.int8]:
    """What `search` pays for each cell above free floor, as nav_msgs/OccupancyGrid has it: 0 free, up to 98
    where the clearance is only just enough, 99 where it is not, 100 where something stands."""
    tight = np.clip((COMFORT - clearance) / (COMFORT - HARD), 0.0, 1.0)
    out = np.rint(98.0 * tight * tight).astype(np.int8)
    out[clearance < HARD] = 99
    out[clearance <= 0.0] = 100
    return out


@dataclass(frozen=True)
class Path:
    """points: (n, 2) x, y in map, `SPACING` apart; clearance: (n,) [m]; length [m]."""

    points: Array
    clearance: Array
    length: float


@dataclass(frozen=True)
class NoPath:
    """reason: a sentence for a person."""

    reason: str


@kernel
def _resample(points: Array, spacing: float) -> Array:
    """Points on the same polyline at equal distances, both ends kept."""
    total = 0.0
    for i in range(1, len(points)):
        total += math.hypot(points[i, 0] - points[i - 1, 0], points[i, 1] - points[i - 1, 1])
    n = max(2, math.ceil(total / spacing) + 1)
    out = np.empty((n, 2))
    step = total / (n - 1)
    segment, passed = 1, 0.0
    for k in range(n):
        target = k * step
        while True:
            length = math.hypot(
                points[segment, 0] - points[segment - 1, 0], points[segment, 1] - points[segment - 1, 1]
            )
            if passed + length >= target - 1e-12 or segment == len(points) - 1:
                break
            passed += length
            segment += 1
        u = 0.0 if length < 1e-12 else min(1.0, (target - passed) / length)
        for a in range(2):
            out[k, a] = points[segment - 1, a] + u * (points[segment, a] - points[segment - 1, a])
    out[n - 1] = points[len(points) - 1]
    return out


@kernel
def _smooth(points: Array, field: FieldArgs, hard: float, comfort: float, rounds: int) -> None:
    """An elastic band: each point is pulled to its neighbours' middle and pushed off obstacles nearer
    than `comfort`; a move that brings it below `hard` (or deeper, if it is there already) is undone."""
    h = field[3]
    for _ in range(rounds):
        for i in range(1, len(points) - 1):
            x, y = points[i, 0], points[i, 1]
            here = sample(field, x, y)
            dx = 0.45 * (points[i - 1, 0] + points[i + 1, 0] - 2.0 * x)
            dy = 0.45 * (points[i - 1, 1] + points[i + 1, 1] - 2.0 * y)
            if here < comfort:
                gx = sample(field, x + h, y) - sample(field, x - h, y)
                gy = sample(field, x, y + h) - sample(field, x, y - h)
                # Through a narrow place straight along its middle: the hands pass only there.
                stiff = STIFF_NARROW if here < NARROW_BELOW else STIFF
                push = stiff * (comfort - here) / comfort / (2.0 * h)
                dx += push * gx
                dy += push * gy
            there = sample(field, x + dx, y + dy)
            if there >= min(hard, here):
                points[i, 0] = x + dx
                points[i, 1] = y + dy


def _nearest_free(
    clearance: NDArray[np.float32], row: int, column: int, cells: int
) -> tuple[int, int] | None:
    """Closest cell (row, column) within `cells` that has the hard clearance."""
    r0, c0 = max(0, row - cells), max(0, column - cells)
    block = clearance[r0 : row + cells + 1, c0 : column + cells + 1]
    rows, columns = np.nonzero(block >= HARD)
    if not len(rows):
        return None
    distance = np.hypot(rows + r0 - row, columns + c0 - column)
    i = int(np.argmin(distance))
    return (int(rows[i]) + r0, int(columns[i]) + c0) if distance[i] <= cells else None


def plan_path(
    field: DistanceField, start: tuple[float, float], goal: tuple[float, float], tolerance: float = 0.15,
    escape: float = 0.9, weight: float = WEIGHT,
) -> Path | NoPath:  # fmt: skip
    """A path from start to goal, x, y in map [m], or why there is none.

    A goal with too little clearance moves to the nearest point that has it, if one is within
    `tolerance` [m]. escape: around the start, tight spots may be crossed so far [m]."""
    factor = max(1, round(0.05 / field.resolution))
    grid = coarse(field.values, factor)
    size = field.resolution * factor
    rows, columns = grid.shape

    def cell(point: tuple[float, float]) -> tuple[int, int] | None:
        r, c = math.floor((point[1] - field.y0) / size), math.floor((point[0] - field.x0) / size)
        return (r, c) if 0 <= r < rows and 0 <= c < columns else None

    def centre(index: int) -> tuple[float, float]:
        x, y = field.x0 + (index % columns + 0.5) * size, field.y0 + (index // columns + 0.5) * size
        return float(x), float(y)

    first, last = cell(start), cell(goal)
    text = f"({goal[0]:.2f}, {goal[1]:.2f})"
    if first is None:
        return NoPath(f"I am at ({start[0]:.2f}, {start[1]:.2f}), outside my map")
    if last is None:
        return NoPath(f"{text} is outside my map")
    end = goal
    if grid[last] < HARD:
        free = _nearest_free(grid, *last, max(1, int(tolerance / size)))
        if free is None:
            wide = _nearest_free(grid, *last, int(3.0 / size))
            if wide is None:
                return NoPath(f"no room to stand within 3 m of {text}")
            near = centre(wide[0] * columns + wide[1])
            away = math.hypot(near[0] - goal[0], near[1] - goal[1])
            return NoPath(
                f"no room to stand at {text}: the nearest free point is "
                f"({near[0]:.2f}, {near[1]:.2f}), {away:.2f} m away"
            )
        last = free
        if field.at(*goal) < HARD:
            end = centre(free[0] * columns + free[1])
    first_index, last_index = first[0] * columns + first[1], last[0] * columns + last[1]
    parent, reached = search(grid, first_index, last_index, HARD, COMFORT, weight, escape / size)
    if reached != last_index:
        near = centre(int(reached))
        away = math.hypot(near[0] - goal[0], near[1] - goal[1])
        return NoPath(
            f"no way to {text}: the nearest reachable point is ({near[0]:.2f}, {near[1]:.2f}), "
            f"{away:.1f} m away"
        )
    cells = [last_index]
    while cells[-1] != first_index:
        cells.append(int(parent[cells[-1]]))
    points = np.array([start, *(centre(i) for i in reversed(cells[:-1])), end])
    if len(points) > 2:
        points = np.delete(points, len(points) - 2, axis=0)
    points = _resample(points, SPACING)
    _smooth(points, field.args(), HARD + 0.03, COMFORT, 120)
    points = _resample(points, SPACING)
    length = float(np.sum(np.hypot(*np.diff(points, axis=0).T)))
    return Path(points, field.along(points), length)
