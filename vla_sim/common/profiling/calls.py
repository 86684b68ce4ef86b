"""What cProfile counts, of one thread: since Python 3.12 a process has one cProfile at a time, and it
mixes the calls of all threads."""

import pstats
import sys
import time
from collections.abc import Iterable
from types import FrameType
from typing import Any

Function = tuple[str, int, str]
"""File, line and name, as `pstats` has them."""
Figures = tuple[int, int, float, float]
"""Calls without those from within itself, all calls, own seconds, seconds with what it calls."""
START: Function = ("~", 0, "<built-in method sys.setprofile>")
"""The call with which a profile begins; `pstats` takes no empty one."""


class CallProfile:
    """Every call of the thread that enables it, until the same thread disables it, to make a `pstats.Stats`
    of. Calls that began before, and those that have not ended, are not in it."""

    def __init__(self) -> None:
        self.stats: dict[Function, tuple[int, int, float, float, dict[Function, Figures]]] = {}
        self._found = {START: (1, 1, 0.0, 0.0, dict[Function, Figures]())}
        self._open: list[_Call] = []
        self._depth: dict[Function, int] = {}

    def enable(self) -> None:
        sys.setprofile(self._event)

    def disable(self) -> None:
        sys.setprofile(None)
        now = time.perf_counter()
        while self._open:
            self._end(now)

    def create_stats(self) -> None:
        """For `pstats`, which takes `stats` away."""
        self.stats = dict(self._found)

    def _event(self, frame: FrameType, event: str, argument: Any) -> None:
        if frame.f_code.co_filename == __file__:
            return
        if event == "call":
            code = frame.f_code
            self._begin((code.co_filename, code.co_firstlineno, code.co_name))
        elif event == "c_call":
            self._begin(("~", 0, _built_in(argument)))
        elif self._open:  # it returns or raises; else it was called before the profile began
            self._end(time.perf_counter())

    def _begin(self, function: Function) -> None:
        self._depth[function] = self._depth.get(function, 0) + 1
        self._open.append(_Call(function))

    def _end(self, now: float) -> None:
        call = self._open.pop()
        seconds = now - call.began
        self._depth[call.function] -= 1
        outermost = self._depth[call.function] == 0
        new = (int(outermost), 1, seconds - call.inner, seconds if outermost else 0.0)
        *old, callers = self._found.get(call.function, (0, 0, 0.0, 0.0, {}))
        if self._open:
            caller = self._open[-1]
            caller.inner += seconds
            callers[caller.function] = _sum(callers.get(caller.function, (0, 0, 0.0, 0.0)), new)
        self._found[call.function] = (*_sum(old, new), callers)


def added_up(profiles: Iterable[CallProfile]) -> pstats.Stats:
    """The figures of several threads, of one at least, together."""
    anything: Any = profiles  # of the same form as cProfile's
    return pstats.Stats(*anything)


class _Call:
    """began: perf_counter [s]. inner: [s] of what it called."""

    __slots__ = ("began", "function", "inner")

    def __init__(self, function: Function) -> None:
        self.function, self.inner, self.began = function, 0.0, time.perf_counter()


def _sum(a: Any, b: Figures) -> Figures:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]


def _built_in(function: Any) -> str:
    """As cProfile names it."""
    of = getattr(function, "__self__", None)
    if of is None or isinstance(of, type(sys)):
        return f"<built-in method {function.__module__}.{function.__name__}>"
    return f"<method {function.__name__!r} of {type(of).__name__!r} objects>"
