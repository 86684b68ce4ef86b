"""What was asked for (`config/requirements.yaml`), held against what was measured."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec.structs import replace

from vla_sim.bench import sets
from vla_sim.bench.result import Result, Suite
from vla_sim.common.assets import share_folder
from vla_sim.common.errors import nearest
from vla_sim.common.files import user_path
from vla_sim.common.yaml_records import Problem, parse, read, typed
from vla_sim.contract.records import Record

FILE = "requirements.yaml"
SPARE = 2.0
"""A margin from which on half of what is allowed is to spare."""

Statistic = Literal["mean", "min", "max", "p50", "p95", "p99", "throughput", "success"]
Positive = Annotated[float, msgspec.Meta(gt=0.0)]
Text = Annotated[str, msgspec.Meta(min_length=1)]


class Requirement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """benchmark: whose `statistic` counts, by name or a pattern such as "llm.cached_*", of which the worst
    counts. at_most or at_least: the limit, in the benchmark's unit; a rate is violated from below. goal: what
    this project aims at, in the same direction. source: who asks for it. tolerance: what the measurement
    itself cannot tell apart, such as one message in the time over which a rate is counted. optional: why it
    may go without being measured."""

    name: Text
    benchmark: Text
    statistic: Statistic
    at_most: Positive | None = None
    at_least: Positive | None = None
    goal: Positive
    source: Text
    tolerance: Annotated[float, msgspec.Meta(ge=0.0)] = 0.0
    optional: str = ""

    @property
    def below(self) -> bool:
        """Whether it is violated from below."""
        return self.at_least is not None

    @property
    def limit(self) -> float:
        return self.at_least if self.at_least is not None else self.at_most or 0.0

    def reaches(self, value: float, limit: float) -> bool:
        return value >= limit - self.tolerance if self.below else value <= limit + self.tolerance

    def margin(self, value: float) -> float:
        """How many times better than the limit; under 1 it is violated."""
        if self.below:
            return value / self.limit
        return self.limit / value if value > 0.0 else float("inf")

    def matches(self, name: str) -> bool:
        return fnmatchcase(name, self.benchmark)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Literal[1]
    requirements: list[Requirement]


class Judged(Record, frozen=True, kw_only=True):
    """A requirement and what was measured. state: holds; violated; failed: a benchmark of it gave wrong
    answers or broke off; not measured. benchmark: the one that decided. cpu: its processor's time, median,
    where that was taken. reason: of what was not measured or failed."""

    name: str
    state: Literal["holds", "violated", "failed", "not measured"]
    benchmark: str
    statistic: str
    unit: str = ""
    value: float | None = None
    limit: float
    below: bool
    goal: float
    source: str
    margin: float | None = None
    cpu: float | None = None
    count: int = 0
    reason: str = ""
    optional: bool = False

    @property
    def spare(self) -> bool:
        return self.margin is not None and self.margin >= SPARE

    @property
    def words(self) -> str:
        """ "holds by 3.2x, half to spare"; where there is less, what of it was the processor's time."""
        if self.margin is None:
            return f"{self.state}: {self.reason}" if self.reason else self.state
        work = "" if self.spare or self.cpu is None else f"; CPU {self.cpu:.3g} {self.unit}"
        if self.state == "violated":
            return (f"VIOLATED by {1.0 / self.margin:.2f}×" if self.margin > 0.0 else "VIOLATED") + work
        half = "half to spare" if self.spare else "less than half to spare"
        if not self.spare and self.goal == self.limit:
            half = "more is not aimed at"
        margin = f"{self.margin:.1f}×" if self.margin < 100.0 else "over 100×"
        return f"holds by {margin}, {half}{work}"


def load(target: str | Path | None = None) -> list[Requirement]:
    """The shipped file or another. Raises `InputError` with line and column."""
    path = user_path(target) if target else share_folder("config") / FILE
    return loads(read(path), str(path))


def loads(text: str, name: str = FILE) -> list[Requirement]:
    """Raises `InputError` with line and column."""
    return parse(text, name, "expected a mapping with version and requirements", _convert)


def _convert(data: dict[str, Any]) -> list[Requirement]:
    found: list[Requirement] = typed(data, _File, "$").requirements
    _validate(found)
    return found


def _validate(requirements: Sequence[Requirement]) -> None:
    """What types cannot say. Raises `Problem`."""
    known = [b.name for one in sets.SETS for b in sets.load(one)]
    names: set[str] = set()
    for i, one in enumerate(requirements):
        path = f"$.requirements[{i}]"
        if one.name in names:
            raise Problem(f"{path}.name", f"{one.name!r} is there twice")
        names.add(one.name)
        if (one.at_most is None) == (one.at_least is None):
            raise Problem(path, "give exactly one of at_most and at_least")
        if not any(one.matches(b) for b in known):
            hint = nearest(one.benchmark, known, "vla-sim bench --list shows them")
            raise Problem(f"{path}.benchmark", f"no benchmark is called {one.benchmark!r}{hint}")
        if one.goal != one.limit and (one.goal > one.limit) != one.below:
            side = "above" if one.below else "below"
            raise Problem(f"{path}.goal", f"goal {one.goal:g} must lie {side} the limit {one.limit:g}")


def judge(requirements: Sequence[Requirement], suite: Suite) -> list[Judged]:
    """Each requirement against the results. What did not run is "not measured"."""
    known = [b.name for one in sets.SETS for b in sets.load(one)]
    results = {r.name: r for r in suite.results}
    return [_judge(one, [n for n in known if one.matches(n)], results) for one in requirements]


def _judge(one: Requirement, names: list[str], results: dict[str, Result]) -> Judged:
    base = Judged(
        name=one.name, state="not measured", benchmark=one.benchmark, statistic=one.statistic,
        limit=one.limit, below=one.below, goal=one.goal, source=one.source, optional=bool(one.optional),
    )  # fmt: skip
    worst: tuple[float, Result] | None = None
    for name in names:
        result = results.get(name)
        if result is None or result.state in ("skipped", "interrupted"):
            reason = one.optional or (result.reason if result else "")
            return replace(base, benchmark=name, reason=reason)
        # A share of right answers is a measurement also where there are wrong ones.
        value = result.success if one.statistic == "success" else getattr(result.summary, one.statistic, None)
        if value is None or (result.state == "failed" and one.statistic != "success"):
            return replace(base, benchmark=name, state="failed", reason=result.reason)
        if worst is None or (value < worst[0] if one.below else value > worst[0]):
            worst = (value, result)
    if worst is None:
        return base
    value, result = worst
    return replace(
        base, benchmark=result.name, unit=result.unit if one.statistic != "success" else "", value=value,
        margin=one.margin(value), state="holds" if one.reaches(value, one.limit) else "violated",
        count=len(result.samples), cpu=result.cpu_p50,
    )  # fmt: skip


def passed(judged: Sequence[Judged], subset: bool) -> bool:
    """Whether all holds. What was not measured counts against it, unless a subset was asked for."""
    return all(
        one.state == "holds" or (one.state == "not measured" and (subset or one.optional)) for one in judged
    )
