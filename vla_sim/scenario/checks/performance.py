"""Checks of latency and load: budgets, rates, resources, load shedding."""

import itertools
import math
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
import numpy as np

from vla_sim.contract import budgets
from vla_sim.contract.records import Stage
from vla_sim.scenario.checks.base import CheckSpec, Number, Run, outcome
from vla_sim.scenario.format import Positive
from vla_sim.scenario.judge import latencies
from vla_sim.scenario.record import Check, RunRecord, StageLatency
from vla_sim.scenario.statistics import percentile


class Budget(CheckSpec, frozen=True, kw_only=True, tag="budget"):
    """Every stage of every command keeps the contract's limit, or its goal."""

    of: Literal["limit", "goal"] = "limit"

    def judge(self, run: Run) -> list[Check]:
        out = []
        for given in run.commands:
            if not run.recording.steps(given):
                continue  # half a sentence is waited on longer before the robot asks, on purpose
            stages, total = latencies(run.recording, given)
            rows = [(s.stage, s.milliseconds, getattr(s, self.of)) for s in stages]
            if total is not None:
                rows.append(("first motion", total, getattr(budgets.TOTAL_BUDGET, self.of)))
            late = [f"{name} {ms:.0f} of {most:.0f} ms" for name, ms, most in rows if ms > most]
            if total is None and any(s.stage == "control" for s in stages):
                late.append("no trace of what it began with")
            slowest = "; ".join(late) or ", ".join(f"{name} {ms:.0f} ms" for name, ms, _ in rows)
            passed = bool(rows) and not late
            what = f'budget of "{given.text}"'
            out.append(outcome(what, passed, slowest or "no trace of it", speed=bool(rows)))
        return out


class Latency(CheckSpec, frozen=True, kw_only=True, tag="latency"):
    """A stage, or all from the end of speech to the first motion ("total"), takes at most `at_most` ms.
    percentile: over all runs of a sweep, instead of in each."""

    stage: Literal[Stage, "total"] = "total"
    at_most: Positive
    command: Number = 1
    percentile: Annotated[float, msgspec.Meta(gt=0.0, le=100.0)] | None = None

    def judge(self, run: Run) -> Check | list[Check]:
        if self.percentile is not None:
            return []
        return self._verdict(self._of(*latencies(run.recording, run.command(self.command))))

    def judge_runs(self, records: Sequence[RunRecord]) -> Check | None:
        if self.percentile is None:
            return None
        # Of a run that broke off nothing is known; what was never measured in another was not in time.
        played = [r.commands[self.command - 1 :][:1] for r in records if not r.error]
        found = [self._of(c[0].stages, c[0].total_ms) if c else None for c in played]
        return self._verdict(
            percentile([math.inf if ms is None else ms for ms in found], self.percentile / 100.0)
        )

    def _of(self, stages: Sequence[StageLatency], total: float | None) -> float | None:
        if self.stage == "total":
            return total
        return next((s.milliseconds for s in stages if s.stage == self.stage), None)

    def _verdict(self, ms: float | None) -> Check:
        share = "" if self.percentile is None else f", {self.percentile:g} % of runs"
        name = f"{self.stage} of command {self.command} within {self.at_most:g} ms{share}"
        if ms is None or math.isinf(ms):
            return outcome(name, False, "it was never measured" + ", in too many runs" * (ms is not None))
        return outcome(name, ms <= self.at_most, f"{ms:.1f} ms", speed=True)


class Rate(CheckSpec, frozen=True, kw_only=True, tag="rate"):
    """How often something is published, per simulated second: its mean, and never a gap of three periods, or
    of `gap` [s]."""

    of: Literal["perception", "control", "truth"]
    at_least: Positive
    gap: Positive | None = None

    def judge(self, run: Run) -> Check:
        r = run.recording
        all_stamps = {
            "perception": [s for s, _ in r.sightings], "control": r.velocities,
            "truth": [t.stamp for t in r.truths],
        }  # fmt: skip
        stamps = sorted(s for s in all_stamps[self.of] if s >= run.begin)
        name = f"{self.of} at {self.at_least:g} Hz or more"
        if len(stamps) < 3:
            return outcome(name, False, f"{len(stamps)} messages")
        mean = (len(stamps) - 1) / max(1e-9, stamps[-1] - stamps[0])
        longest = max(b - a for a, b in itertools.pairwise([run.begin, *stamps, r.truths[-1].stamp]))
        most = self.gap or 3.0 / self.at_least
        passed = mean >= 0.98 * self.at_least and longest <= most + 1e-6
        return outcome(name, passed, f"{mean:.1f} Hz, longest gap {longest:.2f} s", speed=True)


class Resources(CheckSpec, frozen=True, kw_only=True, tag="resources"):
    """All nodes together use at most this much: cpu [% of one core, mean], memory [MB, peak]."""

    cpu: Positive | None = None
    memory: Positive | None = None

    def judge(self, run: Run) -> list[Check]:
        usage = run.recording.usage
        rows = (
            ("cpu [% of a core]", self.cpu, float(np.mean([u.cpu for u in usage])) if usage else math.nan),
            ("memory [MB]", self.memory, max((u.memory for u in usage), default=math.nan)),
        )
        return [
            outcome(f"{name} at most {most:g}", found <= most, f"{found:.0f}" if usage else "not measured")
            for name, most, found in rows if most is not None
        ]  # fmt: skip


class Load(CheckSpec, frozen=True, kw_only=True, tag="load"):
    """Load is shed to this level of `limits.LOAD_LEVELS` or further, and, if `restored`, all of it is given
    back by the end; always one level at a time."""

    at_least: Annotated[int, msgspec.Meta(ge=1, le=5)] = 1
    restored: bool = True

    def judge(self, run: Run) -> list[Check]:
        loads = run.recording.loads
        way = ", ".join(f"{one.level} at {at - run.begin:.1f} s" for at, one in loads) or "it never was"
        top = max((one.level for _, one in loads), default=0)
        out = [outcome(f"load is shed to level {self.at_least} or further", top >= self.at_least, way)]
        if self.restored:
            single = all(abs(one.level - one.before) == 1 for _, one in loads)
            back = bool(loads) and loads[-1][1].level == 0 and single
            out.append(outcome("load is restored, level by level", back, way))
        return out
