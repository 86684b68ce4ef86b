"""When runs have decided whether a scenario passes more often than some rate, or less often.

Looked at after every run, an ordinary interval lies more often than it says. Here the look is free: with the
mixture martingale of H. Robbins, "Statistical Methods Related to the Law of the Iterated Logarithm", Annals
of Mathematical Statistics 41 (1970), 1397-1409, for independent runs that pass with probability p,

    evidence(p) = B(passed + 1/2, failed + 1/2) / B(1/2, 1/2) / (p^passed (1 - p)^failed)

is 1 on average whenever one looks, so that by Ville's inequality it ever reaches 1 / alpha with probability
alpha at the most. The rates whose evidence is less are the interval. So over all runs that might be played, a
rate is found on the wrong side with probability alpha at the most, wherever one stops. Chosen before Wald's
test as that needs a second rate to test against, and before betting sequences as runs pass or do not: there
this mixture is one in closed form (I. Waudby-Smith and A. Ramdas, "Estimating means of bounded random
variables by betting", Journal of the Royal Statistical Society B 86 (2024), 1-27).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from vla_sim.report.text import percent
from vla_sim.scenario.record import RunRecord
from vla_sim.scenario.statistics import CONFIDENCE, verdict
from vla_sim.scenario.sweep.tasks import Key, Task

ALPHA = 1.0 - CONFIDENCE
Side = Literal["above", "below", "open"]


def evidence(passed: int, failed: int, rate: float) -> float:
    """Natural logarithm of the evidence against `rate`, which lies between 0 and 1."""
    mixture = math.lgamma(passed + 0.5) + math.lgamma(failed + 0.5) - math.lgamma(passed + failed + 1.0)
    return mixture - math.log(math.pi) - passed * math.log(rate) - failed * math.log1p(-rate)


def interval(passed: int, failed: int, alpha: float = ALPHA) -> tuple[float, float]:
    """The rates (low, high) with less evidence than 1 / alpha against them: the true one lies in all such
    intervals of a sweep with probability 1 - alpha at least."""
    runs, most = passed + failed, math.log(1.0 / alpha)
    if runs == 0:
        return 0.0, 1.0

    def edge(inside: float, outside: float) -> float:
        while abs(inside - outside) > 1e-9:
            middle = 0.5 * (inside + outside)
            if evidence(passed, failed, middle) < most:
                inside = middle
            else:
                outside = middle
        return inside

    # The evidence is least at the share that passed, and grows away from it.
    share = min(max(passed / runs, 1e-9), 1.0 - 1e-9)
    return (0.0 if passed == 0 else edge(share, 0.0)), (1.0 if failed == 0 else edge(share, 1.0))


@dataclass(frozen=True)
class Decision:
    """On which side of `rate` a scenario's pass rate lies, by how many of its runs, in order of their seeds;
    "open": not decided. low, high: the interval after these."""

    rate: float
    side: Side
    passed: int
    runs: int
    low: float
    high: float

    @property
    def text(self) -> str:
        """ "passes more often than 90 %: decided by 53 of 53, interval 90 to 100 %"."""
        words = {"above": "passes more often than", "below": "passes less often than"}
        how = f"{self.passed} of {self.runs}, interval {percent(self.low)} to {percent(self.high)} %"
        if self.side == "open":
            return f"not decided whether it passes more often than {percent(self.rate)} %: {how}"
        return f"{words[self.side]} {percent(self.rate)} %: decided by {how}"


def decide(outcomes: Iterable[bool], rate: float, alpha: float = ALPHA) -> Decision:
    """By the first outcomes that suffice. rate: between 0 and 1."""
    passed = failed = 0
    side: Side = "open"
    for one in outcomes:
        passed, failed = passed + one, failed + (not one)
        if evidence(passed, failed, rate) >= math.log(1.0 / alpha):
            side = "above" if passed > rate * (passed + failed) else "below"
            break
    return Decision(rate, side, passed, passed + failed, *interval(passed, failed, alpha))


@dataclass
class Stopping:
    """Which runs of a sweep are still to be played.

    Runs count in the order of the tasks, whatever the order in which they end: a run that fails may take
    longer, and whoever counted the quick ones first would count the good ones. What is no verdict counts
    neither way. Scenarios and engines are decided each by itself.
    """

    tasks: Sequence[Task]
    rate: float
    _found: dict[Key, RunRecord] = field(default_factory=dict)

    def add(self, record: RunRecord) -> None:
        self._found[(record.scenario, record.engine, record.seed)] = record

    def decisions(self) -> dict[tuple[str, str], Decision]:
        """By scenario and engine."""
        groups = dict.fromkeys((task.name, task.engine) for task in self.tasks)
        return {group: decide(self._outcomes(group), self.rate) for group in groups}

    def wanted(self, task: Task) -> bool:
        """Whether a task's scenario is not yet decided on its engine."""
        return decide(self._outcomes((task.name, task.engine)), self.rate).side == "open"

    def _outcomes(self, group: tuple[str, str]) -> Iterable[bool]:
        """Of the first tasks of a group, as far as all of them are played."""
        for task in self.tasks:
            if (task.name, task.engine) == group:
                record = self._found.get(task.key)
                if record is None:
                    return
                said = verdict(record)
                if said != "not judged":
                    yield said == "passed"
