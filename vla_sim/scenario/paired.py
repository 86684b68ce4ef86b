"""Two sweeps of the same seeds beside each other: which passes more often, which is faster.

A seed is the same start, the same places of things and the same words in both, so that runs are compared in
pairs: what differs is the version, and much fewer runs tell.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from vla_sim.report.text import number, plural
from vla_sim.scenario.record import RunRecord
from vla_sim.scenario.statistics import CONFIDENCE, label, percentile, runs_of, verdict

LEAST = 10.0
"""[ms] by which the first motion may come later without being called slower."""


def binomial_tail(successes: int, trials: int) -> float:
    """Probability of at most so many heads in `trials` throws of a fair coin."""
    return sum(math.comb(trials, k) for k in range(successes + 1)) / 2**trials


def mcnemar(lost: int, won: int) -> float:
    """Two-sided exact p-value that pairs which passed in one version alone are as many on either side.

    Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
    Psychometrika 12 (1947), 153-157, with the binomial distribution in place of chi squared.
    """
    return min(1.0, 2.0 * binomial_tail(min(lost, won), lost + won))


def median_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Interval of the median that supposes nothing of the distribution: between two of the values, counted
    from either end (W. J. Conover, "Practical Nonparametric Statistics", 3rd edition, section 3.2). Endless
    for fewer than six values at 95 %."""
    found, beyond = sorted(values), -1
    while 2.0 * binomial_tail(beyond + 1, len(found)) <= 1.0 - confidence:
        beyond += 1
    return (-math.inf, math.inf) if beyond < 0 else (found[beyond], found[-1 - beyond])


@dataclass(frozen=True)
class Difference:
    """Of a figure, second version minus first: median and its interval over `pairs`. bad: at most how much
    may be called no worse; None where neither side is better."""

    title: str
    unit: str
    digits: int
    pairs: int
    median: float
    low: float
    high: float
    bad: float | None = None

    @property
    def worse(self) -> bool:
        return self.bad is not None and self.low > self.bad

    @property
    def text(self) -> str:
        """ "+12 ms (+3 to +20) over 20 pairs"."""

        def signed(value: float) -> str:
            return f"{value:+.{self.digits}f}" if math.isfinite(value) else "?"

        over = f"{signed(self.low)} to {signed(self.high)}"
        return f"{number(self.median, self.digits)} {self.unit} ({over}) over {plural(self.pairs, 'pair')}"


@dataclass(frozen=True)
class Paired:
    """One scenario on one engine in two versions. both, lost, won, neither: pairs that passed in both, in the
    first alone, in the second alone, in neither. single: runs without their twin, or without a verdict."""

    scenario: str
    engine: str
    both: int
    lost: int
    won: int
    neither: int
    single: int
    differences: list[Difference]

    @property
    def pairs(self) -> int:
        return self.both + self.lost + self.won + self.neither

    @property
    def p_value(self) -> float:
        return mcnemar(self.lost, self.won)

    @property
    def verdict(self) -> str:
        """ "worse", "better", "as often" where no pair differs, or "cannot tell"."""
        if self.lost == self.won == 0:
            return "as often" if self.pairs else "cannot tell"
        if self.p_value > 1.0 - CONFIDENCE:
            return "cannot tell"
        return "worse" if self.lost > self.won else "better"

    @property
    def worse(self) -> bool:
        """Passes less often, or is slower."""
        return self.verdict == "worse" or any(one.worse for one in self.differences)


Figure = Callable[[RunRecord], "list[float | None]"]
FIGURES: tuple[tuple[str, str, int, float | None, Figure], ...] = (
    ("first motion", "ms", 0, LEAST, lambda r: [c.total_ms for c in r.commands]),
    ("simulated time", "s", 1, None, lambda r: [r.simulated_seconds]),
    ("path", "m", 2, None, lambda r: [r.path_length]),
    ("nearest approach", "m", 3, None, lambda r: [r.clearance]),
)
"""Title, unit, digits, from which difference on it is bad, and its values of a run, which pair by place."""


def compare(first: Sequence[RunRecord], second: Sequence[RunRecord]) -> list[Paired]:
    """Each scenario and engine that is in either, in order."""
    ours, theirs = _verdicts(first), _verdicts(second)
    found = []
    for group in dict.fromkeys((name, engine) for name, engine, _ in [*ours, *theirs]):
        keys = [key for key in dict.fromkeys([*ours, *theirs]) if key[:2] == group]
        pairs = [(ours[key], theirs[key]) for key in keys if key in ours and key in theirs]
        pairs = [pair for pair in pairs if "not judged" not in map(verdict, pair)]
        passed = [(verdict(a) == "passed", verdict(b) == "passed") for a, b in pairs]
        count = passed.count
        found.append(Paired(
            *group, count((True, True)), count((True, False)), count((False, True)), count((False, False)),
            len(keys) - len(pairs), list(_differences(pairs)),
        ))  # fmt: skip
    return found


def _verdicts(records: Sequence[RunRecord]) -> dict[tuple[str, str, int], RunRecord]:
    """The last try of each run."""
    return {(label(r[-1]), r[-1].engine, r[-1].seed): r[-1] for r in runs_of(records)}


def _differences(pairs: Sequence[tuple[RunRecord, RunRecord]]) -> Iterator[Difference]:
    """Over pairs that passed in both: a run that broke off is shorter, and no faster for it."""
    good = [(a, b) for a, b in pairs if a.passed and b.passed]
    for title, unit, digits, bad, values in FIGURES:
        apart = [
            y - x for a, b in good for x, y in zip(values(a), values(b), strict=False)
            if x is not None and y is not None
        ]  # fmt: skip
        median = percentile(apart, 0.5)
        if median is not None:
            yield Difference(title, unit, digits, len(apart), median, *median_interval(apart), bad)
