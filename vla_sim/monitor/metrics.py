"""Measured values in bounded memory: the last 1000 of all, the last 100 of each series; and how fast
something that only grows is growing."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from vla_sim.common.geometry import Array
from vla_sim.contract.records import FINAL_STATES, Record, Status

LAST = 1000
LAST_OF_EACH = 100
MOST_SERIES = 512
"""Series have names from outside (diagnostics); what comes after so many is counted and dropped."""
RATE_WINDOW = 5.0  # of x, over which a rate is taken
LEAST_SPAN = 2.0  # of x; a shorter stretch says nothing yet
MOST_OPEN = 256  # commands at a time; the executive's queue has room for half of them


class PerformanceMetric(NamedTuple):
    """component: who was measured ("voice"). type: what ("latency"). time: [s] of the monotonic clock."""

    component: str
    type: str
    value: float
    time: float
    unit: str


class Spread(Record, frozen=True, kw_only=True):
    """Average, least and most of measured values, and how many they were."""

    average: float
    min: float
    max: float
    count: int

    @staticmethod
    def of(values: Array) -> Spread:
        """values: (n,), at least one."""
        return Spread(
            average=float(values.mean()), min=float(values.min()), max=float(values.max()), count=values.size
        )


class Series:
    """The last values of one component and type. count, total, min, max: of all since the beginning."""

    __slots__ = ("component", "count", "max", "min", "total", "type", "unit", "values")

    def __init__(self, component: str, type: str, unit: str) -> None:
        self.component, self.type, self.unit = component, type, unit
        self.count, self.total, self.min, self.max = 0, 0.0, math.inf, -math.inf
        self.values: deque[tuple[float, float]] = deque(maxlen=LAST_OF_EACH)

    @property
    def name(self) -> str:
        return f"{self.component}.{self.type}"

    def since(self, begin: float = -math.inf) -> Array:
        """(n,) values from `begin` [s, monotonic] on, oldest first."""
        return np.array([value for value, at in self.values if at >= begin])

    def summary(self, begin: float = -math.inf) -> Spread | None:
        values = self.since(begin)
        return Spread.of(values) if values.size else None


class MetricStore:
    """All series, for one thread. `record_metric` is the hot path: it is called for every value measured."""

    def __init__(self) -> None:
        self.count = 0  # values since the beginning
        self.refused = 0  # values that were not finite, or of a series too many
        self._series: dict[tuple[str, str], Series] = {}
        self._last: deque[tuple[Series, float, float]] = deque(maxlen=LAST)

    def record_metric(
        self, component: str, type: str, value: float, unit: str = "", at: float | None = None
    ) -> None:
        """Take one value. at: [s, monotonic], now if left out."""
        series = self._series.get((component, type)) or self.series(component, type, unit)
        if series is None or not math.isfinite(value):
            self.refused += 1
            return
        if at is None:
            at = time.monotonic()
        series.values.append((value, at))
        series.count += 1
        series.total += value
        if value < series.min:
            series.min = value
        if value > series.max:
            series.max = value
        self._last.append((series, value, at))
        self.count += 1

    def series(self, component: str, type: str, unit: str = "") -> Series | None:
        """The series of that name, made at first; None if there are `MOST_SERIES` already."""
        found = self._series.get((component, type))
        if found is None and len(self._series) < MOST_SERIES:
            found = self._series[component, type] = Series(component, type, unit)
        return found

    def all_series(self) -> list[Series]:
        return list(self._series.values())

    def newest(self) -> Iterator[PerformanceMetric]:
        """The last values of all series, newest first."""
        return (
            PerformanceMetric(s.component, s.type, value, at, s.unit) for s, value, at in reversed(self._last)
        )

    def since(self, component: str, type: str, begin: float) -> Array:
        """(n,) values of a series from `begin` [s, monotonic] on; none where there is no such series."""
        found = self._series.get((component, type))
        return np.empty(0) if found is None else found.since(begin)


class RateMeter:
    """Points (x, y) over the last `RATE_WINDOW` of x, such as (stamp [s], messages): a rate [Hz]."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, float]] = deque()

    def add(self, x: float, y: float) -> None:
        """Take a point. Where x or y goes back (a node was started anew), it begins again."""
        points = self._points
        if points and (x < points[-1][0] or y < points[-1][1]):
            points.clear()
        if points and x == points[-1][0]:
            points[-1] = (x, y)
            return
        points.append((x, y))
        while len(points) > 2 and points[1][0] <= x - RATE_WINDOW:
            points.popleft()

    @property
    def span(self) -> float:
        return self._points[-1][0] - self._points[0][0] if self._points else 0.0

    @property
    def value(self) -> float | None:
        """None while too little was counted."""
        if self.span < LEAST_SPAN:
            return None
        (x0, y0), (x1, y1) = self._points[0], self._points[-1]
        return (y1 - y0) / (x1 - x0)

    @property
    def resolution(self) -> float:
        """By how much a count may fall short, by where the window happens to begin and end."""
        return 1.0 / self.span if self.span > 0.0 else float("inf")


class CommandCount:
    """Commands that were accepted, by their statuses: one that waits for a more urgent one is accepted once
    more, and counts once."""

    def __init__(self) -> None:
        self.value = 0
        self._open: deque[str] = deque(maxlen=MOST_OPEN)

    def take(self, status: Status) -> None:
        known = status.command_id in self._open
        if status.state == "accepted" and not known:
            self.value += 1
            self._open.append(status.command_id)
        elif status.state in FINAL_STATES and known:
            self._open.remove(status.command_id)
