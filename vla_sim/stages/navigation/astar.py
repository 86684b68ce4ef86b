"""A* (Hart, Nilsson, Raphael 1968) over a grid of clearances.

The cost of a step grows as the clearance falls below what is comfortable, so the cheapest way goes
through the middle of doors and corridors and keeps off furniture where there is room.
"""

import math

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.numba_cache import kernel

DIAGONAL = math.sqrt(2.0)
NEARER = 1.0 + 1e-9
"""Of cells that promise the same cost the search takes the one nearer to the goal."""


@kernel
def _octile(rows: int, columns: int) -> float:
    """Steps of a free way over 8 neighbours: the least that is left. The straight line is less than that, and
    has the search look at several times as many cells."""
    rows, columns = abs(rows), abs(columns)
    return max(rows, columns) + (DIAGONAL - 1.0) * min(rows, columns)


@kernel
def coarse(fine: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Smallest value of each factor x factor block; a partial block at the border is kept."""
    rows = (fine.shape[0] + factor - 1) // factor
    columns = (fine.shape[1] + factor - 1) // factor
    out = np.full((rows, columns), np.float32(1e9))
    for r in range(fine.shape[0]):
        for c in range(fine.shape[1]):
            if fine[r, c] < out[r // factor, c // factor]:
                out[r // factor, c // factor] = fine[r, c]
    return out


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
