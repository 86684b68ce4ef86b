"""Connected pixels of one colour and one surface: union-find over the image in two passes."""

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.numba_cache import kernel
from vla_sim.stages.perception.colour import COLOURS

AREA, LEFT, TOP, RIGHT, BOTTOM, LABEL = range(6)
"""Columns of the statistics; LEFT..BOTTOM are the inclusive bounding box [px]."""


@kernel
def _root(parent: NDArray[np.int32], i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@kernel
def _joined(a: float, b: float, gap: float, slope: float) -> bool:
    # A pixel without depth belongs to its neighbour of the same colour.
    if not (np.isfinite(a) and np.isfinite(b)):
        return True
    return abs(a - b) < gap + slope * min(a, b)


@kernel
def _connect(
    labels: NDArray[np.uint8], depth: NDArray[np.float32], wanted: NDArray[np.bool_], least: int, gap: float,
    slope: float, ids: NDArray[np.int32], stats: NDArray[np.int32],
) -> int:  # fmt: skip
    rows, columns = labels.shape
    parent = np.empty(rows * columns, np.int32)
    for v in range(rows):
        for u in range(columns):
            i = v * columns + u
            parent[i] = i
            label = labels[v, u]
            if not wanted[label]:
                continue
            z = depth[v, u]
            if u > 0 and labels[v, u - 1] == label and _joined(z, depth[v, u - 1], gap, slope):
                parent[i] = _root(parent, i - 1)
            if v > 0 and labels[v - 1, u] == label and _joined(z, depth[v - 1, u], gap, slope):
                a, b = _root(parent, i), _root(parent, i - columns)
                # The smaller index wins, so a root is always its component's first pixel.
                if a < b:
                    parent[b] = a
                else:
                    parent[a] = b
    area = np.zeros(rows * columns, np.int32)
    for v in range(rows):
        for u in range(columns):
            if wanted[labels[v, u]]:
                area[_root(parent, v * columns + u)] += 1
    count = 0
    number = np.zeros(rows * columns, np.int32)
    for v in range(rows):
        for u in range(columns):
            ids[v, u] = 0
            if not wanted[labels[v, u]]:
                continue
            r = _root(parent, v * columns + u)
            if area[r] < least:
                continue
            if number[r] == 0:
                if count == stats.shape[0]:
                    continue
                count += 1
                number[r] = count
                one = stats[count - 1]
                one[AREA], one[LABEL] = area[r], labels[v, u]
                one[LEFT], one[TOP], one[RIGHT] = u, v, u
            ids[v, u] = number[r]
            one = stats[number[r] - 1]
            one[LEFT], one[RIGHT] = min(one[LEFT], u), max(one[RIGHT], u)
            one[BOTTOM] = v
    return count


def connect(
    labels: NDArray[np.uint8], depth: NDArray[np.float32], wanted: NDArray[np.bool_], least: int,
    gap: float = 0.02, slope: float = 0.03, most: int = 256,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:  # fmt: skip
    """Components of the image: ids (h, w), 0 for none, and statistics (n, 6) int32 of ids 1..n.

    labels, depth: (h, w). wanted: (len(COLOURS),) which labels take part. least: smallest area [px].
    Neighbours join if their label is the same and their depths differ by less than gap + slope * depth
    [m]; so a red cup before a red sofa stays a component of its own. At most `most` are kept.
    """
    if wanted.shape != (len(COLOURS),):
        raise ValueError(f"wanted has shape {wanted.shape}; it must be ({len(COLOURS)},)")
    ids = np.empty(labels.shape, np.int32)
    stats = np.zeros((most, 6), np.int32)
    count = _connect(labels, np.ascontiguousarray(depth), wanted, least, gap, slope, ids, stats)
    return ids, stats[:count]
