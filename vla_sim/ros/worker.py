"""Slow work beside a node's callbacks, item by item."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

END_TIMEOUT = 5.0
"""[s] for the item in hand when a worker is closed."""


class Worker(Generic[T]):
    """Does work on what is put into it, in a thread of its own.

    capacity: items that may wait. newest: beyond that the oldest one is dropped, else the new one. on_idle:
    called in the thread once nothing came for `idle` seconds after an item.
    """

    def __init__(
        self, name: str, work: Callable[[T], None], *, capacity: int, newest: bool = False,
        idle: float | None = None, on_idle: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._work, self._capacity, self._newest = work, capacity, newest
        self._idle, self._on_idle = idle, on_idle
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many items wait."""
        return len(self._items)

    def put(self, item: T) -> bool:
        """Hand over an item; False if there was no room for it."""
        with self._changed:
            if len(self._items) >= self._capacity:
                if not self._newest:
                    return False
                self._items.popleft()
            self._items.append(item)
            self._changed.notify()
        return True

    def close(self) -> None:
        """Give up what waits, and end."""
        with self._changed:
            self._closing = True
            self._items.clear()
            self._changed.notify()
        self._thread.join(END_TIMEOUT)

    def _run(self) -> None:
        timeout = None
        while True:
            with self._changed:
                came = self._changed.wait_for(lambda: self._closing or self._items, timeout)
                if self._closing:
                    return
                item = self._items.popleft() if came else None
            if item is None:
                timeout = None
                self._on_idle()
            else:
                timeout = self._idle
                self._work(item)
