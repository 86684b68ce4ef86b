"""A pool of arrays for images and tensors: memory that is used again once nobody holds it.

    image, data = pool.get_tensor((480, 640, 3), np.uint8)

Large arrays that are made and dropped at every frame cost the kernel's work of mapping and clearing pages,
more than all that is done with them: see `vla-sim bench perception.buffers_pooled perception.buffers_anew`.

No buffer has two owners: every array, view or message over its memory refers to it, and it is lent only while
the pool's reference is the only one. A reference can only be copied from another one, so a buffer without
any stays without. (Weak references are not counted: do not keep any.) No buffer is lost, since nothing need
be given back.
"""

from __future__ import annotations

import math
import sys
import threading
from array import array
from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

MOST, KINDS = 10, 8
"""Buffers of one shape and dtype that are kept, and how many shapes and dtypes: the least recently used go
first."""

Kind = tuple[tuple[int, ...], np.dtype[Any]]


def _references(stores: list[array[int]], index: int) -> int:
    return sys.getrefcount(stores[index])


_ALONE = _references([array("B")], 0)
"""The count when only the pool refers to a buffer, including the interpreter's own references."""


class TensorPool:
    """For any thread. most: buffers kept of each shape and dtype; kinds: how many of those are kept. made:
    buffers that were made since the beginning."""

    def __init__(self, most: int = MOST, kinds: int = KINDS) -> None:
        self._most, self._kinds = most, kinds
        self._stores: OrderedDict[Kind, list[array[int]]] = OrderedDict()
        self._lock = threading.Lock()
        self.made = 0

    def get_tensor(self, shape: tuple[int, ...], dtype: DTypeLike) -> tuple[NDArray[Any], array[int]]:
        """An array of this shape and dtype, and the same memory as array('B'), the one type that rclpy takes
        for a message without copying it; what is in it is left from before. Raises `ValueError` for a
        negative size."""
        if min(shape, default=0) < 0:
            raise ValueError(f"shape {shape}: no size may be negative")
        kind = shape, np.dtype(dtype)
        with self._lock:
            stores = self._stores.setdefault(kind, [])
            self._stores.move_to_end(kind)
            idle = _idle(stores)
            if idle:
                store = stores[idle[0]]
            else:
                store = array("B", bytes(math.prod(shape) * kind[1].itemsize))
                self.made += 1
                if len(stores) < self._most:
                    stores.append(store)
            if len(self._stores) > self._kinds:
                self._stores.popitem(last=False)
        return np.frombuffer(store, kind[1]).reshape(shape), store

    def cleanup_unused_tensors(self) -> int:
        """Forget all buffers; the bytes of those that were idle, which are free now."""
        with self._lock:
            freed = sum(len(stores[i]) for stores in self._stores.values() for i in _idle(stores))
            self._stores.clear()
        return freed


def _idle(stores: list[array[int]]) -> list[int]:
    return [i for i in range(len(stores)) if _references(stores, i) == _ALONE]
