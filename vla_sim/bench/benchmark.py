"""What a benchmark is: a name, a unit, and a function that measures with the `Meter` it is given.

A set is a module in `vla_sim/bench/sets` with a tuple `BENCHMARKS`, named in `sets.SETS`:

    def plan(meter: Meter) -> None:
        planner = Planner(...)  # not timed
        meter.time(lambda: planner.plan(start, goal), check=reaches(goal))

    BENCHMARKS = (Benchmark("navigation.plan_5m", "a route of 7 m, ...", plan, repeat=200),)

The answer is checked each time: what is wrong is no result, however fast it came.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from vla_sim.common.errors import VlaSimError

T = TypeVar("T")
Better = Literal["low", "high"]
SCALE = {"s": 1.0, "ms": 1e3, "µs": 1e6}
"""Units of time, and how many of each make a second."""


class Wrong(Exception):  # noqa: N818
    """The measured thing gave a wrong answer; the message says what was expected and what came."""


def once(measure: Callable[..., T]) -> Callable[..., T]:
    """`measure`, called once with the same arguments: what it gave then, or the `VlaSimError` that it raised,
    comes again."""

    @cache
    def kept(*given: Any) -> tuple[T | None, VlaSimError | None]:
        try:
            return measure(*given), None
        except VlaSimError as error:
            return None, error

    def call(*given: Any) -> T:
        found, error = kept(*given)
        if error is not None:
            raise error
        return cast(T, found)

    return call


@dataclass(frozen=True)
class Benchmark:
    """name: "set.what", fit for a file of requirements. what: for a reader. run: measures; it may raise
    `Wrong` or any other error, which is the reason that the report gives, and `MissingError` where something
    optional is not installed. unit: "s", "ms" and "µs" are times, which have a throughput. repeat: samples of
    a whole suite; quick: of a `--quick` one, 0 to leave it out. warm_up: samples thrown away first."""

    name: str
    what: str
    run: Callable[[Meter], None]
    unit: str = "ms"
    better: Better = "low"
    repeat: int = 50
    quick: int = 10
    warm_up: int = 3

    @property
    def set(self) -> str:
        return self.name.partition(".")[0]


@dataclass(frozen=True)
class Options:
    """What a user says of a whole suite. repeat: samples of each benchmark; None: as each says. base_url,
    model: of an OpenAI-compatible server to be asked too. folder: for what a run of the stack leaves."""

    quick: bool = False
    repeat: int | None = None
    base_url: str = ""
    model: str = ""
    folder: Path = Path("runs/bench")


@dataclass
class Meter:
    """Measures one benchmark: `time` a call, or `add` a value that was measured some other way. samples: in
    `unit`, of right answers alone. cpu: of `time`, the processor's time of each sample, which says what a
    busy machine hides. wrong: answers that were not right, with the first reason in `reason`."""

    unit: str
    repeat: int
    warm_up: int = 0
    options: Options = field(default_factory=Options)
    samples: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    wrong: int = 0
    reason: str = ""

    def time(
        self, call: Callable[[], T], *, before: Callable[[], object] | None = None,
        check: Callable[[T], object] | None = None, calls: int = 1,
    ) -> None:  # fmt: skip
        """A sample is the time of one of `calls` calls in a row. before: runs ahead of each sample, untimed.
        check: raises `Wrong` of a wrong answer."""
        scale = SCALE[self.unit] / calls
        rows = range(calls)
        gc.collect()
        for k in range(-self.warm_up, self.repeat):
            if before is not None:
                before()
            busy, begin = time.process_time(), time.perf_counter()
            for _ in rows:
                answer = call()
            spent, busy = time.perf_counter() - begin, time.process_time() - busy
            try:
                if check is not None:
                    check(answer)
            except Wrong as wrong:
                self.fault(str(wrong))
                continue
            if k >= 0:
                self.add(spent * scale)
                self.cpu.append(busy * scale)

    def add(self, value: float) -> None:
        """A right answer, and what it took."""
        self.samples.append(float(value))

    def fault(self, reason: str) -> None:
        """A wrong answer."""
        self.wrong += 1
        self.reason = self.reason or reason
