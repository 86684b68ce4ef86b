"""The signals that ask a program to end."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

ENDING = (signal.SIGINT, signal.SIGTERM)
"""Ctrl-C, and what a CI job sends that is cancelled."""


@contextmanager
def _handled(how: Any) -> Iterator[None]:
    """With this handler for both. In the main thread, the only one that Python interrupts; in others nothing
    changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, how) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


@contextmanager
def deferred() -> Iterator[None]:
    """One that comes meanwhile is heeded afterwards: what is begun inside of it is also written down, so that
    it can be ended."""
    came: list[int] = []
    try:
        with _handled(lambda number, _: came.append(number)):
            yield
    finally:
        if came:
            signal.raise_signal(came[0])


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Neither is heeded meanwhile: a second one must not leave half of something running."""
    with _handled(signal.SIG_IGN):
        yield
