"""What callbacks raise: it costs one message, is counted and told; the node goes on."""

import threading
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import vla_sim
from vla_sim.common import clock
from vla_sim.common.errors import EngineError
from vla_sim.common.printable import printable

T = TypeVar("T")

RECENT = 10.0
"""[s] for which a failure is told as an error."""
REPEATED, WINDOW = 5, 10.0
"""So many failures at one place within so many seconds are a fault that lasts. A callback that always fails
gets there in 0.1 s at 50 Hz and in 5 s at 1 Hz; a person who tries a command again once or twice does
not."""
MOST_PLACES = 100
"""That are told apart."""
LONGEST = 200
"""Characters of an exception's text that are told."""
_PACKAGE = Path(vla_sim.__file__).parent


@dataclass
class Place:
    """What was raised at one line of code."""

    text: str
    count: int = 0
    times: deque[float] = field(default_factory=lambda: deque(maxlen=REPEATED))

    def repeated(self, now: float) -> bool:
        """Whether it goes on."""
        return len(self.times) == REPEATED and now - self.times[0] <= WINDOW


class Failures:
    """Of one node's callbacks. log: takes a line. alive: false once the node ends, when ROS's handles are
    gone and what is raised means nothing. count: of all failures. Any thread may call it."""

    def __init__(self, log: Callable[[str], object], alive: Callable[[], bool] = lambda: True) -> None:
        self._log, self._alive = log, alive
        self._places: dict[str, Place] = {}
        self._lock = threading.Lock()
        self._last: tuple[float, str] | None = None
        self.count = 0

    def guard(
        self, what: str, callback: Callable[..., T], then: Callable[[str], object] = lambda _: None
    ) -> Callable[..., T | None]:
        """`callback`, but what it raises is counted, and `then` is called with `what` was being done.
        `EngineError` still ends the node: the world that it had cannot be had again."""

        def guarded(*arguments: Any) -> T | None:
            try:
                return callback(*arguments)
            except EngineError:
                raise
            except Exception as error:
                if self._alive():
                    self._count(what, error)
                    try:
                        then(what)
                    except Exception as another:
                        self._count(f"{what}, afterwards", another)
                return None

        return guarded

    def _count(self, what: str, error: Exception) -> None:
        now, where = clock.mono(), place(error)
        text = f"{what}: {type(error).__name__}: {_text(error)} ({where})"
        with self._lock:
            if len(self._places) >= MOST_PLACES and where not in self._places:
                where = "elsewhere"
            one = self._places.setdefault(where, Place(text))
            was, first = one.repeated(now), one.count == 0
            one.count += 1
            one.times.append(now)
            self.count += 1
            self._last = now, text
        if first:
            self._log(f"{text}; this message is lost, further failures there are only counted")
        elif one.repeated(now) and not was:
            self._log(f"{text}; {REPEATED} times within {WINDOW:.0f} s: this node fails repeatedly")

    @property
    def repeated(self) -> bool:
        """Whether failures go on at one place: the node is not to be relied upon."""
        return bool(self._last) and bool(self._lasting())

    def health(self) -> str:
        """What is to be told as an error now; "" if nothing failed of late."""
        if self._last is None or clock.mono() - self._last[0] > RECENT:
            return ""
        lasting = self._lasting()
        return f"fails repeatedly: {lasting}" if lasting else f"a callback failed: {self._last[1]}"

    def values(self) -> dict[str, str]:
        """For /diagnostics; empty while nothing has failed."""
        if self._last is None:
            return {}
        return {"callback failures": str(self.count), "last callback failure": self._last[1]}

    def _lasting(self) -> str:
        now = clock.mono()
        with self._lock:
            return next((one.text for one in self._places.values() if one.repeated(now)), "")


def place(error: BaseException) -> str:
    """file:line of the innermost code that is no library's, from where `error` came."""
    found = "unknown"
    for frame, line in traceback.walk_tb(error.__traceback__):
        path = Path(frame.f_code.co_filename)
        ours = path.is_relative_to(_PACKAGE)
        if path != Path(__file__) and (ours or "lib/python" not in str(path)):
            found = f"{path.relative_to(_PACKAGE.parent) if ours else path}:{line}"
    return found


def _text(error: Exception) -> str:
    try:
        return printable(" ".join(str(error).split())[:LONGEST])
    except Exception:  # an exception of somebody's own
        return "it cannot be said what"
