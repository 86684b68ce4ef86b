"""A profiler by component, to start and stop, and a decorator: cProfile's figures of what you name."""

import os
import pstats
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar

from vla_sim.common.errors import InputError
from vla_sim.common.profiling.calls import START, CallProfile, added_up

P = ParamSpec("P")
R = TypeVar("R")

VARIABLE = "VLA_SIM_PROFILE"
"""Environment variable: the tool that profiles, "cprofile" or "pyinstrument"; unset: none does."""
TOP, SUMMARY = 10, 5


class Row(NamedTuple):
    """One function. where: file and line. calls: None where they were not counted. own, cumulative: seconds
    without and with what it calls."""

    function: str
    where: str
    calls: int | None
    own: float
    cumulative: float


class PerformanceProfiler:
    """Any number of components. For any thread: each profiles for itself, and figures of one component are
    added up. Within a component another may be started: its time counts for that one alone."""

    def __init__(self) -> None:
        self._profiles: dict[tuple[str, int], CallProfile] = {}
        self._running = threading.local()

    def start_profiling(self, component: str) -> None:
        """Raises `InputError` if it runs already in this thread."""
        stack = self._stack()
        if component in stack:
            raise InputError(f"component {component!r} is being profiled already; stop it first")
        if stack:
            self._profile(stack[-1]).disable()
        stack.append(component)
        self._profile(component).enable()

    def stop_profiling(self, component: str) -> None:
        """Raises `InputError` unless it is the component that was started last in this thread."""
        stack = self._stack()
        if not stack or stack[-1] != component:
            running = stack[-1] if stack else "none"
            raise InputError(f"component {component!r} is not the one that is being profiled; {running!r} is")
        self._profile(component).disable()
        stack.pop()
        if stack:
            self._profile(stack[-1]).enable()

    @contextmanager
    def of(self, component: str) -> Iterator[None]:
        """Profile what is done within; also what raises."""
        self.start_profiling(component)
        try:
            yield
        finally:
            self.stop_profiling(component)

    @property
    def components(self) -> list[str]:
        return sorted({component for component, _ in self._profiles})

    def stats(self, component: str) -> pstats.Stats:
        """Raises `InputError` for a component that was never started."""
        found = [profile for (name, _), profile in self._profiles.items() if name == component]
        if not found:
            known = ", ".join(self.components) or "none"
            raise InputError(f"component {component!r} was never profiled; there are: {known}")
        return added_up(found)

    def top(self, component: str, most: int = TOP) -> list[Row]:
        """Its functions by cumulative time, the longest first."""
        return rows(self.stats(component), most)

    def report(self, component: str, most: int = TOP) -> str:
        """`top` as text."""
        lines = [f"{component}: top {most} by cumulative time", f"{'calls':>9} {'own s':>9} {'cum. s':>9}"]
        for row in self.top(component, most):
            calls = "" if row.calls is None else row.calls
            lines.append(f"{calls:>9} {row.own:9.4f} {row.cumulative:9.4f}  {row.function} ({row.where})")
        return "\n".join(lines)

    def get_profile_summary(self, most: int = SUMMARY) -> str:
        """The top of every component as text."""
        return "\n\n".join(self.report(component, most) for component in self.components) or "nothing"

    def _stack(self) -> list[str]:
        if not hasattr(self._running, "stack"):
            self._running.stack = []
        found: list[str] = self._running.stack
        return found

    def _profile(self, component: str) -> CallProfile:
        key = component, threading.get_ident()
        if key not in self._profiles:
            self._profiles[key] = CallProfile()
        return self._profiles[key]


default = PerformanceProfiler()
"""What `profile_function` records in."""


def profile_function(
    component: str, profiler: PerformanceProfiler = default
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorator: each call is profiled as part of `component`, where VLA_SIM_PROFILE is "cprofile" when the
    function is defined. Else it gives back the function itself, which costs nothing."""
    if os.environ.get(VARIABLE) != "cprofile":
        return lambda function: function

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            if component in profiler._stack():  # it calls itself
                return function(*args, **kwargs)
            with profiler.of(component):
                return function(*args, **kwargs)

        return call

    return decorate


def rows(stats: pstats.Stats, most: int, hidden: Callable[[str, str], bool] = lambda *_: False) -> list[Row]:
    """Functions by cumulative time. hidden: by function and file, what is left out."""
    found: list[Row] = []
    table: dict[tuple[str, int, str], tuple[int, int, float, float, Any]] = stats.stats  # type: ignore[attr-defined]
    for (file, line, name), (_, calls, own, cumulative, _) in table.items():
        if (file, line, name) == START or hidden(name, file):
            continue
        found.append(
            Row(name, "built-in" if file == "~" else f"{short(file)}:{line}", calls, own, cumulative)
        )
    return sorted(found, key=lambda row: -row.cumulative)[:most]


def short(file: str) -> str:
    """A file's path from its package on."""
    parts = Path(file).parts
    for mark in ("site-packages", "vla_sim"):
        if mark in parts:
            k = len(parts) - 1 - parts[::-1].index(mark)
            return str(Path(*parts[k + (mark == "site-packages") :]))
    return str(Path(*parts[-2:])) if parts else file
