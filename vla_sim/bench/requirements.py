"""Requirements: what the figures have to hold, read from a file and held against results."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

import msgspec

from vla_sim.assets import config_dir
from vla_sim.bench.suite import Figures, Result
from vla_sim.errors import InputError
from vla_sim.typed_yaml import Problem, compose, place, typed

FILE = "requirements.yaml"
VERSION = 1
Statistic = Literal["mean", "min", "max", "stddev", "p50", "p95", "p99", "throughput"]
SPARE = 0.5
"""Share of a limit that is to be left over."""


class Requirement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One figure that has to hold. benchmark: of which results (with * and ?); the worst of them counts.
    at: "least" for a rate. limit, goal: in `unit`. needs: the option without which it is not measured."""

    name: str
    benchmark: str
    statistic: Statistic
    at: Literal["most", "least"]
    limit: float
    goal: float
    unit: str
    source: str
    needs: str = ""


class _Document(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    version: int
    requirements: list[Requirement]


class Compliance(msgspec.Struct, frozen=True, kw_only=True):
    """A requirement and what was measured. state: "failed" also where a benchmark of it failed. value: of
    the worst result `worst`. margin: how many times better than the limit."""

    requirement: Requirement
    state: Literal["holds", "misses its goal", "failed", "not measured"]
    value: float | None = None
    worst: str = ""
    margin: float | None = None
    detail: str = ""

    @property
    def spare(self) -> bool:
        """Whether at least half of a limit on times is left over. A rate has no such half."""
        return self.margin is not None and (self.requirement.at == "least" or self.margin >= 1.0 / SPARE)


def load(path: Path | None = None) -> list[Requirement]:
    """From a file, or the shipped one. Raises `InputError` with line and column."""
    path = path or config_dir() / FILE
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    data, at = compose(text, str(path))
    try:
        if not isinstance(data, dict):
            raise Problem("$", "a requirements file is a mapping with version and requirements")
        document: _Document = typed(data, _Document, "$")
        if document.version != VERSION:
            raise Problem("$.version", f"version {document.version} is not known; this is {VERSION}")
        for k, one in enumerate(document.requirements):
            _sensible(one, f"$.requirements[{k}]")
    except Problem as problem:
        raise InputError(f"{place(str(path), problem.path, at)}: {problem}") from None
    return document.requirements


def _sensible(one: Requirement, path: str) -> None:
    better = one.goal <= one.limit if one.at == "most" else one.goal >= one.limit
    if not 0.0 < one.limit < float("inf"):
        raise Problem(f"{path}.limit", f"limit {one.limit} is not a number above 0")
    if not better:
        raise Problem(f"{path}.goal", f"goal {one.goal} is laxer than the limit {one.limit} (at {one.at})")


def check(
    requirements: Iterable[Requirement], results: Iterable[Result], sets: Iterable[str] = ()
) -> list[Compliance]:
    """Each requirement against the results. sets: only those whose benchmarks are of these; all without."""
    results, sets = list(results), set(sets)
    return [
        _check(one, [r for r in results if fnmatchcase(r.name, one.benchmark)])
        for one in requirements
        if not sets or one.benchmark.partition("/")[0] in sets
    ]


def _check(one: Requirement, found: list[Result]) -> Compliance:
    failed = next((r for r in found if not r.success), None)
    if failed is not None:
        return Compliance(requirement=one, state="failed", worst=failed.name, detail=failed.error)
    values = [(_statistic(r.figures, one.statistic), r.name) for r in found if r.figures is not None]
    if not values:
        why = f"give {one.needs}" if one.needs else f"no result is called {one.benchmark}"
        return Compliance(requirement=one, state="not measured", detail=why)
    wrong = next((r for r in found if r.unit != one.unit and one.statistic != "throughput"), None)
    if wrong is not None:
        detail = f"measured in {wrong.unit}, required in {one.unit}"
        return Compliance(requirement=one, state="failed", worst=wrong.name, detail=detail)
    most = one.at == "most"
    value, name = max(values) if most else min(values)
    if value != value:
        return Compliance(requirement=one, state="failed", worst=name, detail="no number was measured")
    holds = value <= one.limit if most else value >= one.limit
    reached = value <= one.goal if most else value >= one.goal
    margin = float("inf") if most and value <= 0.0 else one.limit / value if most else value / one.limit
    state: Literal["holds", "misses its goal", "failed"] = (
        "failed" if not holds else "holds" if reached else "misses its goal"
    )
    return Compliance(requirement=one, state=state, value=value, worst=name, margin=margin)


def _statistic(figures: Figures, statistic: Statistic) -> float:
    return float(getattr(figures, statistic))


def satisfied(found: Iterable[Compliance]) -> bool:
    """Whether every limit holds. What was not measured does not, unless it needs an option that was not
    given."""
    return all(
        c.state in ("holds", "misses its goal") or (c.state == "not measured" and c.requirement.needs)
        for c in found
    )
