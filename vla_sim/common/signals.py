"""The signals that ask a program to end."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

ENDING = (signal.SIGINT, signal.SIGTERM)
"""Ctrl-C, and what a CI job sends that is cancelled."""


@contextmanager
def deferred() -> Iterator[None]:
    """One that comes meanwhile is heeded afterwards: what is begun inside of it is also written down, so that
    it can be ended. In the main thread, as `uninterrupted`."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda n, _: came.append(n)) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        if came:
            signal.raise_signal(came[0])


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Neither is heeded meanwhile: a second one must not leave half of something running. In the main thread,
    the only one that Python interrupts; in others nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
