"""How much runs say together: pass rates with their uncertainty, percentiles, latencies, tries of a
run; and engines side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, TypeVar

import numpy as np

from vla_sim.contract import budgets
from vla_sim.contract.budgets import Budget
from vla_sim.contract.records import STAGES
from vla_sim.report.text import number, percent
from vla_sim.scenario.record import RunRecord

CONFIDENCE = 0.95
Key = TypeVar("Key", bound=Hashable)
Verdict = Literal["passed", "passed later", "failed", "error", "not judged"]


def wilson(passed: int, runs: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson score interval of a pass rate: (low, high), both in 0..1; (0, 1) if nothing was run.

    E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", Journal of the
    American Statistical Association 22 (1927), 209-212. Unlike the normal approximation it says something
    of "20 of 20". Raises `ValueError` if the numbers are no count or no confidence.
    """
    if not 0 <= passed <= runs:
        raise ValueError(f"passed must be from 0 to the number of runs; got {passed} of {runs}")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie between 0 and 1; got {confidence}")
    if runs == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2.0)
    rate, share = passed / runs, z * z / runs
    centre = rate + share / 2.0
    spread = z * math.sqrt(rate * (1.0 - rate) / runs + share / (4.0 * runs))
    low, high = (centre - spread) / (1.0 + share), (centre + spread) / (1.0 + share)
    # at the ends the formula gives exactly 0 and 1, but for rounding
    return (0.0 if passed == 0 else low), (1.0 if passed == runs else high)


def percentile(values: Iterable[float], share: float) -> float | None:
    """The value below which `share` (0..1) of the values lie, linear between neighbours; where some are
    infinite, the upper neighbour; None of none.

    Raises `ValueError` if the share is outside 0..1.
    """
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"share must be from 0 to 1 (0.95 for the 95th percentile); got {share}")
    found = list(values)
    method: Literal["linear", "higher"] = "linear" if all(map(math.isfinite, found)) else "higher"
    return float(np.quantile(found, share, method=method)) if found else None


@dataclass(frozen=True)
class Rate:
    """passed: of all runs, those that passed at once; later: those that passed on a later try only, which
    count as runs but never as passed; unjudged: those beside them that are no verdict, since the machine was
    busy. low, high: Wilson interval of passed, 0..1."""

    passed: int
    runs: int
    later: int = 0
    unjudged: int = 0

    def __post_init__(self) -> None:
        if self.passed < 0 or self.later < 0 or self.passed + self.later > self.runs:
            raise ValueError(f"{self.passed} and {self.later} later cannot be of {self.runs} runs")

    @staticmethod
    def of(records: Sequence[RunRecord]) -> Rate:
        """Of records; the tries of one run count once. A run that broke off has not passed."""
        verdicts = [verdict(tries[-1]) for tries in runs_of(records)]
        unjudged = verdicts.count("not judged")
        runs = len(verdicts) - unjudged
        return Rate(verdicts.count("passed"), runs, verdicts.count("passed later"), unjudged)

    @property
    def low(self) -> float:
        return wilson(self.passed, self.runs)[0]

    @property
    def high(self) -> float:
        return wilson(self.passed, self.runs)[1]

    @property
    def counts(self) -> str:
        """ "19 of 20", "18 of 20, 1 more on a later try", "9 of 9, 1 not judged: the machine was busy"."""
        return ", ".join(
            [f"{self.passed} of {self.runs}"] * bool(self.runs or not self.unjudged)
            + [f"{self.later} more on a later try"] * bool(self.later)
            + [f"{self.unjudged} not judged: the machine was busy"] * bool(self.unjudged)
        )

    @property
    def interval(self) -> str:
        """ "95 % interval 76 to 99 %"."""
        return f"{100 * CONFIDENCE:.0f} % interval {percent(self.low)} to {percent(self.high)} %"

    @property
    def text(self) -> str:
        """ "19 of 20, 95 % interval 76 to 99 %"."""
        if not self.runs:
            return self.counts if self.unjudged else "no runs"
        return f"{self.counts}, {self.interval}"


def by_kind(records: Iterable[RunRecord]) -> dict[str, Rate]:
    """Of each kind of check how many of the runs that had one passed all of them, in the order of the checks;
    of a run's tries the last one. What a run that broke off would have passed nobody knows, nor what one
    would that a busy machine spoiled."""
    found: dict[str, dict[int, bool]] = {}
    judged = [tries[-1] for tries in runs_of(records) if verdict(tries[-1]) != "not judged"]
    for i, record in enumerate(judged):
        for check in record.checks:
            runs = found.setdefault(check.kind, {})
            runs[i] = runs.get(i, True) and check.passed
    return {kind: Rate(sum(runs.values()), len(runs)) for kind, runs in found.items()}


def failures(records: Iterable[RunRecord]) -> list[tuple[str, list[RunRecord]]]:
    """What went wrong first in runs that failed or broke off, by the kind of that check, the most frequent
    first. First in the order of the checks, of which those of steps come before what became of them."""
    last = [tries[-1] for tries in runs_of(records)]
    groups = grouped((one for one in last if verdict(one) in ("failed", "error")), _first_failure)
    return sorted(groups.items(), key=lambda one: -len(one[1]))


def _first_failure(record: RunRecord) -> str:
    if record.error:
        return "broke off"
    kinds = [check.kind for check in record.checks if not check.passed]
    # That a command was not done is said before its steps say why.
    return next((kind for kind in kinds if kind != "as_commanded"), kinds[0] if kinds else "not recorded")


def verdict(record: RunRecord) -> Verdict:
    """What came of one try; "passed later" if an earlier one did not pass."""
    if record.error:
        return "error"
    if not record.passed:
        return "not judged" if record.unjudged else "failed"
    return "passed" if record.attempt <= 1 else "passed later"


def failed(record: RunRecord) -> bool:
    """Whether this try did not pass, broke off, or is no verdict."""
    return not verdict(record).startswith("passed")


def reasons(record: RunRecord) -> list[str]:
    """Why a run did not pass; never empty."""
    return record.reasons or ["no reason was recorded"]


def label(record: RunRecord) -> str:
    """The scenario's name; of a run without a scenario, what was commanded where."""
    return record.scenario or f'"{record.command}" in {record.world}'


def grouped(records: Iterable[RunRecord], key: Callable[[RunRecord], Key]) -> dict[Key, list[RunRecord]]:
    """Each key with its records, all in the order given."""
    groups: dict[Key, list[RunRecord]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    return groups


def by_scenario(records: Iterable[RunRecord]) -> dict[str, list[RunRecord]]:
    """By `label`."""
    return grouped(records, label)


def by_engine(records: Iterable[RunRecord]) -> dict[str, list[RunRecord]]:
    return grouped(records, lambda record: record.engine)


def runs_of(records: Iterable[RunRecord]) -> list[list[RunRecord]]:
    """The tries of each run put together, in order: a record with a higher `attempt` than the one before
    it of the same scenario, engine and seed is another try of the same run; any other is a run of its own.
    """
    runs: list[list[RunRecord]] = []
    latest: dict[tuple[str, str, int], list[RunRecord]] = {}
    for record in records:
        key = (label(record), record.engine, record.seed)
        tries = latest.get(key)
        if tries is not None and record.attempt > tries[-1].attempt:
            tries.append(record)
        else:
            latest[key] = [record]
            runs.append(latest[key])
    return runs


def latency_rows(records: Iterable[RunRecord]) -> list[tuple[str, Budget, list[float]]]:
    """("first motion" or a stage, its budget, what was measured [ms] for each command of each run).

    A command that ended in a question or was turned down is left out: half a sentence is waited on longer,
    on purpose.
    """
    acted = [c for record in records for c in record.commands if c.state not in ("asked", "rejected")]
    budget_of = {"first motion": budgets.TOTAL_BUDGET, **{name: budgets.BUDGETS[name] for name in STAGES}}
    found: dict[str, list[float]] = {name: [] for name in budget_of}
    for command in acted:
        stages = [(s.stage, s.milliseconds) for s in command.stages]
        for name, ms in [("first motion", command.total_ms), *stages]:
            if name in found and ms is not None and math.isfinite(ms):
                found[name].append(ms)
    return [(name, budget_of[name], values) for name, values in found.items() if values]


def first_motions(records: Iterable[RunRecord]) -> list[float]:
    """End of speech to first motion [ms] of each command that moved the robot."""
    return next((v for name, _, v in latency_rows(records) if name == "first motion"), [])


def real_time_factors(records: Iterable[RunRecord]) -> list[float]:
    return [r.real_time_factor for r in records if not r.error and r.real_time_factor > 0]


LATENCY_APART, LATENCY_SHARE = 100.0, 0.25  # [ms] and share by which engines' medians may lie apart
PATH_APART, CLEARANCE_APART, FACTOR_SHARE = 0.5, 0.10, 0.25  # [m], [m], share
RULE = (
    f"Medians, and the nearest approach of all runs. Marked ≠ is what lies apart: another share of runs "
    f"passed, first motion by more than {100 * LATENCY_SHARE:.0f} % and {LATENCY_APART:.0f} ms, path by "
    f"more than {PATH_APART:g} m, clearance by more than {CLEARANCE_APART:g} m, real-time factor by more "
    f"than {100 * FACTOR_SHARE:.0f} %."
)
FIGURES: tuple[tuple[str, Callable[[list[RunRecord]], float | None], float, float, int, str], ...] = (
    ("first motion", lambda own: percentile(first_motions(own), 0.5), LATENCY_APART, LATENCY_SHARE, 0, "ms"),
    ("path", lambda own: percentile([r.path_length for r in own if not r.error], 0.5),
     PATH_APART, 0.0, 1, "m"),
    ("nearest approach", lambda own: min((r.clearance for r in own if r.clearance is not None), default=None),
     CLEARANCE_APART, 0.0, 2, "m"),
    ("real-time factor", lambda own: percentile(real_time_factors(own), 0.5), 0.0, FACTOR_SHARE, 2, ""),
)  # fmt: skip
"""Title, value of an engine's runs, by how much and which share engines may lie apart, digits, unit."""


@dataclass(frozen=True)
class Measure:
    """title; cells: engine to its figure in words; apart: how they differ, "" where they are alike."""

    title: str
    cells: dict[str, str]
    apart: str


def compared(played: dict[str, list[RunRecord]]) -> list[Measure]:
    """played: one scenario's records by engine."""
    rates = {e: Rate.of(own) for e, own in played.items()}
    shares = {e: (r.passed / max(1, r.runs), r.later / max(1, r.runs)) for e, r in rates.items()}
    why = "; ".join(_first_reason(e, played[e]) for e, (share, _) in shares.items() if share < 1.0)
    different = len(set(shares.values())) > 1
    rows = [Measure("passed", {e: r.counts for e, r in rates.items()}, why if different else "")]
    seeds = {e: sorted({r.seed for r in own}) for e, own in played.items()}
    if len({tuple(s) for s in seeds.values()}) > 1:
        words = {e: ", ".join(map(str, s[:8])) + (" …" if len(s) > 8 else "") for e, s in seeds.items()}
        rows.append(Measure("seeds", words, "not the same seeds were played"))
    for title, of, least, share, digits, unit in FIGURES:
        values = {e: of(own) for e, own in played.items()}
        cells = {e: number(v, digits, unit) for e, v in values.items()}
        rows.append(Measure(title, cells, _apart(values, least, share, digits, unit)))
    return rows


def _first_reason(engine: str, records: Sequence[RunRecord]) -> str:
    for tries in runs_of(records):
        last = tries[-1]
        if not last.passed:
            return f"{engine}, seed {last.seed}: {last.error or reasons(last)[0]}"
    return f"{engine}: passed on a later try only"


def _apart(values: dict[str, float | None], least: float, share: float, digits: int, unit: str) -> str:
    """How far the largest lies from the smallest, if by more than `least` and by more than `share` of it."""
    known = {e: v for e, v in values.items() if v is not None}
    if not known:
        return ""
    missing = [e for e in values if e not in known]
    if missing:
        return f"not measured on {', '.join(missing)}"
    low, high = min(known, key=lambda e: known[e]), max(known, key=lambda e: known[e])
    apart = known[high] - known[low]
    if apart <= least or apart <= share * known[low]:
        return ""
    return f"{high} {number(apart, digits, unit)} more than {low}"
