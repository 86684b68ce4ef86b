"""Each command's stages on the clock, and their percentiles against the budgets."""

import numpy as np

from vla_sim.common.geometry import Array
from vla_sim.contract import budgets, records
from vla_sim.contract.records import StageFigures, TraceEvent
from vla_sim.monitor.metrics import MetricStore

TOTAL = "total"
COMMANDS = 64  # commands that are kept: later ones push the oldest out


class Latencies:
    """Takes trace events; recorded in `store` as ("voice", "latency") and so on [ms].

    As the run's judge has it, the first event of a command's stage counts. The total is the way from the last
    voiced sample (or the typed command) to the verdict, and from the verdict (or, for a command that waited
    for another, from its own turn) to the first motion: how long a robot is busy is not latency.
    """

    def __init__(self, store: MetricStore) -> None:
        self._store = store
        self._commands: dict[str, dict[str, TraceEvent]] = {}
        self.late = 0  # stages over their limit, since the beginning

    def take(self, event: TraceEvent) -> list[tuple[str, float]]:
        """(stage or `TOTAL`, seconds) that this event completes: its stage's, perhaps the total
        too; none if it is a repetition or its end lies before its begin."""
        if event.end_mono < event.begin_mono:
            return []
        stages = self._commands.setdefault(event.command_id, {})
        if event.stage in stages:
            return []
        stages[event.stage] = event
        while len(self._commands) > COMMANDS:
            self._commands.pop(next(iter(self._commands)))
        out: list[tuple[str, float]] = [(event.stage, event.end_mono - event.begin_mono)]
        if event.stage == "control" and (total := self._total(stages)) is not None:
            out.append((TOTAL, total))
        for stage, seconds in out:
            self._store.record_metric(stage, "latency", 1e3 * seconds, "ms", event.end_mono)
            self.late += 1e3 * seconds > budget(stage).limit
        return out

    @staticmethod
    def _total(stages: dict[str, TraceEvent]) -> float | None:
        begin = stages.get("voice") or stages.get("intent")
        safety, control = stages.get("safety"), stages["control"]
        if begin is None:
            return None
        ready = safety.end_mono if safety is not None else control.begin_mono
        # Of a command that waited for nothing, control begins in the middle of safety's last millisecond.
        return max(0.0, ready - begin.begin_mono) + control.end_mono - max(control.begin_mono, ready)

    def figures(self, begin: float) -> list[StageFigures]:
        """Of every stage that was measured since `begin` [s, monotonic], and of the total."""
        measured = {s: self._store.since(s, "latency", begin) for s in (*records.STAGES, TOTAL)}
        return [stage_figures(stage, values) for stage, values in measured.items() if values.size]


def stage_figures(stage: str, values: Array) -> StageFigures:
    """Of a stage's latencies [ms], in the order they came; at least one."""
    p50, p95, p99 = (float(v) for v in np.percentile(values, (50.0, 95.0, 99.0)))
    limits = budget(stage)
    return StageFigures(
        stage=stage, count=int(values.size), last=float(values[-1]), p50=p50, p95=p95, p99=p99,
        worst=float(values.max()), over=int(np.count_nonzero(values > limits.limit)),
        limit=limits.limit, goal=limits.goal,
    )  # fmt: skip


def budget(stage: str) -> budgets.Budget:
    return budgets.TOTAL_BUDGET if stage == TOTAL else budgets.BUDGETS[stage]
