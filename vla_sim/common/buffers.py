"""A pool of arrays for images and tensors: memory that is lent, given back and lent again.

    with pool.lease((480, 640, 3), np.uint8) as image: ...

Large arrays that are made and dropped at every frame cost the kernel's work of mapping and clearing pages,
more than all that is done with them: see `vla-sim bench perception.buffers_pooled perception.buffers_anew`.

No buffer has two owners. When a lease ends, the pool counts the references to its memory (an array, a view of
it, a message that it was put into); if there is any but its own, the buffer is not lent again but left to its
holders. A reference can only be copied from another one, so a buffer without any stays without.
(Weak references are not counted: do not keep any.)

No buffer is lost. A lease that is forgotten gives its buffer back when Python collects it, what is idle is
bounded, and `counts` accounts for every buffer made.
"""

from __future__ import annotations

import array as bytes_array
import math
import sys
import threading
from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

MOST, KINDS = 10, 8
"""Idle buffers of one shape and dtype, and how many shapes and dtypes are kept: the least recently used
go first."""

Kind = tuple[tuple[int, ...], np.dtype[Any]]


class Buffer:
    """Memory as bytes (array('B'), the one type that rclpy takes for a message without copying it) and as an
    array over them."""

    __slots__ = ("root", "store")

    def __init__(self, kind: Kind) -> None:
        shape, dtype = kind
        self.store = bytes_array.array("B", bytes(math.prod(shape) * dtype.itemsize))
        self.root: NDArray[Any] = np.frombuffer(self.store, np.uint8)


def _references(buffer: Buffer) -> tuple[int, int]:
    return sys.getrefcount(buffer.root), sys.getrefcount(buffer.store)


_ALONE = _references(Buffer(((1,), np.dtype(np.uint8))))
"""The counts when only the pool refers to a buffer, including the interpreter's own references."""


class Lease:
    """A buffer of one's own until `release`, or until the end of a `with` block, whose variable is the
    array."""

    __slots__ = ("_array", "_buffer", "_kind", "_pool")

    def __init__(self, pool: BufferPool, kind: Kind, buffer: Buffer) -> None:
        self._pool, self._kind = pool, kind
        self._buffer: Buffer | None = buffer
        shape, dtype = kind
        self._array: NDArray[Any] | None = buffer.root.view(dtype).reshape(shape)

    @property
    def array(self) -> NDArray[Any]:
        """Of the shape and dtype that were asked for; what is in it is left from before. Raises
        `RuntimeError` after the release."""
        if self._array is None:
            raise RuntimeError("this buffer was released; take another lease")
        return self._array

    @property
    def data(self) -> bytes_array.array[int]:
        """The same memory as bytes, for the data of a message. Raises `RuntimeError` after the release."""
        if self._buffer is None:
            raise RuntimeError("this buffer was released; take another lease")
        return self._buffer.store

    def release(self) -> None:
        """Give it back. Raises `RuntimeError` the second time."""
        buffer, self._buffer, self._array = self._buffer, None, None
        if buffer is None:
            raise RuntimeError("this buffer was released before; a lease is released once")
        self._pool._take_back(self._kind, buffer)

    def __enter__(self) -> NDArray[Any]:
        return self.array

    def __exit__(self, *_: Any) -> None:
        self.release()

    def __del__(self) -> None:
        buffer, self._buffer, self._array = getattr(self, "_buffer", None), None, None
        if buffer is not None:
            self._pool._take_back(self._kind, buffer, forgotten=True)


class BufferPool:
    """For any thread. most: idle buffers kept of each shape and dtype; kinds: how many of those are kept."""

    def __init__(self, most: int = MOST, kinds: int = KINDS) -> None:
        self._most, self._kinds = most, kinds
        self._idle: OrderedDict[Kind, list[Buffer]] = OrderedDict()
        self._lock = threading.RLock()  # a lease may be collected in the middle of anything
        self.counts = {"made": 0, "reused": 0, "lent": 0, "kept by others": 0, "forgotten": 0, "dropped": 0}
        """Buffers made; leases of one that was there; leases that have not ended; buffers still
        held at the end of their lease; leases that were collected instead of released; buffers dropped since
        enough were idle, or memory was short."""

    def lease(self, shape: tuple[int, ...], dtype: DTypeLike) -> Lease:
        """An array of this shape and dtype. Raises `ValueError` for a negative size."""
        kind = tuple(int(n) for n in shape), np.dtype(dtype)
        if any(n < 0 for n in kind[0]):
            raise ValueError(f"shape {kind[0]}: no size may be negative")
        with self._lock:
            idle = self._idle.get(kind)
            self.counts["lent"] += 1
            if idle:
                self.counts["reused"] += 1
                self._idle.move_to_end(kind)
                return Lease(self, kind, idle.pop())
            self.counts["made"] += 1
        return Lease(self, kind, Buffer(kind))

    def _take_back(self, kind: Kind, buffer: Buffer, forgotten: bool = False) -> None:
        with self._lock:
            self.counts["lent"] -= 1
            self.counts["forgotten"] += forgotten
            if _references(buffer) != _ALONE:
                self.counts["kept by others"] += 1
                return
            idle = self._idle.setdefault(kind, [])
            self._idle.move_to_end(kind)
            if len(idle) >= self._most:
                self.counts["dropped"] += 1
            else:
                idle.append(buffer)
            while len(self._idle) > self._kinds:
                self.counts["dropped"] += len(self._idle.popitem(last=False)[1])

    @property
    def idle(self) -> int:
        with self._lock:
            return sum(map(len, self._idle.values()))

    @property
    def idle_bytes(self) -> int:
        with self._lock:
            return sum(len(b.store) for buffers in self._idle.values() for b in buffers)

    def cleanup(self) -> int:
        """Drop all that is idle; the bytes that were freed."""
        with self._lock:
            freed = self.idle_bytes
            self.counts["dropped"] += self.idle
            self._idle.clear()
        return freed
