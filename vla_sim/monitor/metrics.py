"""Measured values in bounded memory: the last 1000 of all, the last 100 of each series."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.arrays import Array

LAST = 1000
LAST_OF_EACH = 100
MOST_SERIES = 512
"""Series have names from outside (diagnostics); what comes after so many is counted and dropped."""


class Metric(NamedTuple):
    """component: who was measured ("voice"). type: what ("latency"). time: [s] of the monotonic clock."""

    component: str
    type: str
    value: float
    time: float
    unit: str


class Summary(NamedTuple):
    average: float
    min: float
    max: float
    samples: int


class Series:
    """The last values of one component and type. `record` is the hot path: it writes into memory that was
    there before (a memoryview takes a number in half the time that a numpy array does)."""

    __slots__ = ("_at", "_store", "_times", "_v", "_values", "component", "count", "number", "type", "unit")

    def __init__(self, store: MetricStore, number: int, component: str, type: str, unit: str) -> None:
        self._store, self.number = store, number
        self.component, self.type, self.unit = component, type, unit
        self.count = 0
        """Values since the beginning."""
        self._values = np.zeros(LAST_OF_EACH)
        self._times = np.zeros(LAST_OF_EACH)
        self._v, self._at = _writable(self._values), _writable(self._times)

    def record(self, value: float, at: float) -> None:
        """Take a value measured at `at` [s, monotonic]. One that is not finite is counted and dropped."""
        store = self._store
        if value - value != 0.0:
            store.refused += 1
            return
        k = self.count % LAST_OF_EACH
        self._v[k] = value
        self._at[k] = at
        self.count += 1
        n = store.count % LAST
        store._v[n] = value
        store._at[n] = at
        store._of[n] = self.number
        store.count += 1

    @property
    def last(self) -> float:
        """NaN if there is none."""
        return float(self._v[(self.count - 1) % LAST_OF_EACH]) if self.count else float("nan")

    @property
    def last_time(self) -> float:
        return float(self._at[(self.count - 1) % LAST_OF_EACH]) if self.count else -float("inf")

    def since(self, begin: float = -float("inf")) -> Array:
        """(n,) values from `begin` [s, monotonic] on, oldest first."""
        order = _order(self.count, LAST_OF_EACH)
        values: Array = self._values[order]
        return values[self._times[order] >= begin]

    def summary(self, begin: float = -float("inf")) -> Summary | None:
        values = self.since(begin)
        if not values.size:
            return None
        return Summary(float(values.mean()), float(values.min()), float(values.max()), int(values.size))


class MetricStore:
    """All series. For one thread."""

    def __init__(self) -> None:
        self.count = 0
        """Values since the beginning."""
        self.refused = 0
        """Values that were not finite, or of a series too many."""
        self._series: dict[tuple[str, str], Series] = {}
        self._by_number: list[Series] = []
        self._values = np.zeros(LAST)
        self._times = np.zeros(LAST)
        self._numbers = np.zeros(LAST, dtype=np.int32)
        self._v, self._at = _writable(self._values), _writable(self._times)
        self._of = _writable(self._numbers)

    def record(
        self, component: str, type: str, value: float, unit: str = "", at: float | None = None
    ) -> None:
        """Take one value. at: [s, monotonic], now if left out."""
        found = self._series.get((component, type)) or self.series(component, type, unit)
        if found is None:
            self.refused += 1
            return
        found.record(value, time.monotonic() if at is None else at)

    def series(self, component: str, type: str, unit: str = "") -> Series | None:
        """The series of that name, made at first; None if there are `MOST_SERIES` already."""
        found = self._series.get((component, type))
        if found is None:
            number = len(self._by_number)
            if number >= MOST_SERIES:
                return None
            found = self._series[component, type] = Series(self, number, component, type, unit)
            self._by_number.append(found)
        return found

    def all_series(self) -> list[Series]:
        return list(self._by_number)

    def last(self, most: int = LAST) -> list[Metric]:
        """The last values of all series, oldest first."""
        if most <= 0:
            return []
        out = []
        for k in _order(self.count, LAST)[-most:]:
            of = self._by_number[self._numbers[k]]
            value, at = float(self._values[k]), float(self._times[k])
            out.append(Metric(of.component, of.type, value, at, of.unit))
        return out

    def summaries(self, component: str, begin: float = -float("inf")) -> dict[str, Summary]:
        """Average, least, most and count of each type of a component's values since `begin`."""
        found = {s.type: s.summary(begin) for s in self._by_number if s.component == component}
        return {name: one for name, one in found.items() if one is not None}


def _writable(array: Any) -> Any:
    return memoryview(array)


def _order(count: int, capacity: int) -> NDArray[np.intp]:
    """Places in a ring of `capacity` after `count` values, oldest first."""
    if count <= capacity:
        return np.arange(count)
    return (np.arange(capacity) + count) % capacity
