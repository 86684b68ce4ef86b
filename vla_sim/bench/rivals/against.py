"""Two ways to the same answer, timed in turns by the processor's time, so that a busy machine slows both
alike."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

from vla_sim.bench.suite import Once, WrongError
from vla_sim.errors import MissingError

A = TypeVar("A")
B = TypeVar("B")


def library(module: str, package: str) -> Any:
    """Raises `MissingError` where it is not installed."""
    try:
        return import_module(module)
    except ImportError:
        raise MissingError(
            f"{package} is not installed; pip install {package}, or all of config/requirements-bench.txt"
        ) from None


def against(ours: Callable[[], A], theirs: Callable[[], B], check: Callable[[A, B], None]) -> Once:
    """A repetition is the time that `theirs` takes over that of `ours`. check: raises `WrongError` for
    answers that differ."""
    turn = 0

    def once() -> float:
        nonlocal turn
        turn += 1
        if turn % 2:
            (mine, a), (other, b) = _timed(ours), _timed(theirs)
        else:
            (other, b), (mine, a) = _timed(theirs), _timed(ours)
        check(a, b)
        return other / max(mine, 1e-9)

    return once


def _timed(call: Callable[[], A]) -> tuple[float, A]:
    begin = time.process_time()
    answer = call()
    return time.process_time() - begin, answer


def close(a: float, b: float, within: float, what: str) -> None:
    """Raises `WrongError`."""
    if not abs(a - b) <= within:
        raise WrongError(f"{what}: {a:.6g} with the kernel, {b:.6g} with the library")
