"""States by time: the robot sways as it walks, so an image is placed with the pose of its own instant."""

from bisect import bisect_left
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class StampedHistory(Generic[T]):
    """The last samples of something, found by stamp [s]. A stamp that jumps back clears it."""

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
