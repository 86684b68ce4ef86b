"""Latencies of a command, from the traces of the stages."""

from vla_sim.contract import budgets
from vla_sim.contract.records import STAGES
from vla_sim.scenario.record import StageLatency
from vla_sim.scenario.recording import Given, Recording


def latencies(recording: Recording, given: Given) -> tuple[list[StageLatency], float | None]:
    """Each stage's latency [ms], and the total [ms] from the end of speech (or the typed command) to the
    first motion; None if nothing moved."""
    events = {t.stage: t for t in reversed(recording.traces) if t.command_id == given.command_id}
    if not given.spoken:
        events.pop("voice", None)
    stages = [
        StageLatency(
            stage=name, milliseconds=events[name].milliseconds, limit=budgets.BUDGETS[name].limit,
            goal=budgets.BUDGETS[name].goal, source=recording.latency_source,
        )
        for name in STAGES if name in events
    ]  # fmt: skip
    first, last = events.get("voice") or events.get("intent"), events.get("control")
    return stages, (last.end_mono - first.begin_mono) * 1e3 if first and last else None
