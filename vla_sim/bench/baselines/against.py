"""Two ways to the same answer, timed in turns."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from vla_sim.bench.benchmark import Meter, Wrong
from vla_sim.common import errors

A = TypeVar("A")
B = TypeVar("B")


def library(module: str, package: str) -> Any:
    """Raises `MissingError` where it is not installed."""
    how = f"{package} is not installed; pip install {package}, or all of config/requirements-bench.txt"
    return errors.package(module, how)


def against(
    meter: Meter, ours: Callable[[], A], theirs: Callable[[], B], check: Callable[[A, B], None]
) -> None:  # fmt: skip
    """A sample is the time that `theirs` takes over that of `ours`."""

    def timed(call: Callable[[], Any]) -> tuple[float, Any]:
        begin = time.process_time()
        answer = call()
        return time.process_time() - begin, answer

    for k in range(-meter.warm_up, meter.repeat):
        if k % 2:
            (mine, a), (other, b) = timed(ours), timed(theirs)
        else:
            (other, b), (mine, a) = timed(theirs), timed(ours)
        try:
            check(a, b)
        except Wrong as wrong:
            meter.fault(str(wrong))
            continue
        if k >= 0:
            meter.add(other / max(mine, 1e-9))


def close(a: float, b: float, within: float, what: str) -> None:
    if not abs(a - b) <= within:
        raise Wrong(f"{what}: {a:.6g} with the kernel, {b:.6g} with the library")
