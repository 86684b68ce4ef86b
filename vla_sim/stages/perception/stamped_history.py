"""Poses by time: the robot sways as it walks, so an image is placed with the pose of its own instant."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from typing import Generic, TypeVar

import numpy as np

from vla_sim.common.arrays import Array

T = TypeVar("T")


class History(Generic[T]):
    """The last samples of something, found by stamp [s]. A stamp that jumps back starts it anew."""

    def __init__(self, length: int = 100) -> None:
        self._items: deque[tuple[float, T]] = deque(maxlen=length)

    def add(self, stamp: float, value: T) -> None:
        if self._items and stamp < self._items[-1][0]:
            self._items.clear()
        self._items.append((stamp, value))

    def nearest(self, stamp: float, within: float = 0.1) -> T | None:
        """The sample nearest in time, None if none is within `within` seconds."""
        items = list(self._items)
        i = bisect_left(items, stamp, key=lambda item: item[0])
        around = items[max(0, i - 1) : i + 1]
        if not around:
            return None
        best = min(around, key=lambda item: abs(item[0] - stamp))
        return best[1] if abs(best[0] - stamp) <= within else None


def level_from(odom_base: Array) -> Array:
    """(4, 4) pelvis in the level base frame: on the floor under the pelvis, its yaw, z up.

    odom_base: (4, 4) pelvis in `odom`, whose z = 0 is the floor.
    """
    yaw = math.atan2(odom_base[1, 0], odom_base[0, 0])
    c, s = math.cos(yaw), math.sin(yaw)
    turn = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    out = np.eye(4)
    out[:3, :3] = turn @ odom_base[:3, :3]
    out[2, 3] = odom_base[2, 3]
    return out
