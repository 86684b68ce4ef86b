"""A journal in figures: commands, latencies, alerts, load, and what was measured once a second."""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from vla_sim.contract import records
from vla_sim.contract.records import Alert, Load, MonitorState, Record, StageFigures, Status, TraceEvent
from vla_sim.monitor.journal import Entry, Lost, Start
from vla_sim.monitor.latency import TOTAL, Latencies, stage_figures
from vla_sim.monitor.metrics import MetricStore, Spread


class AlertSpan(Record, frozen=True, kw_only=True):
    """An alert from when it was raised, in seconds since the journal's beginning; ended: null if it never
    did. worst: the value furthest beyond the threshold that was reported."""

    name: str
    severity: records.Severity
    worst: float
    threshold: float
    unit: str
    raised: float
    ended: float | None = None


class LoadStep(Record, frozen=True, kw_only=True):
    """Load was shed to a level, or restored to it, `at` seconds after the journal's beginning."""

    at: float
    level: int
    name: str
    what: str
    cause: str


class Health(Record, frozen=True, kw_only=True):
    """All of a journal in figures. seconds: how long it goes. latencies: each command's [ms], by stage.
    values: once a second, of the machine, the rates and the nodes, by name."""

    began: str
    version: str
    seconds: float
    commands: int
    ended: dict[str, int]
    throughput: float  # commands accepted a second, over the whole time
    errors: float
    lost: int  # lines that the disk did not take
    stages: list[StageFigures]
    latencies: dict[str, list[float]]
    values: dict[str, Spread]
    alerts: list[AlertSpan]
    figures: dict[str, str]  # each node's last key figures
    load: list[LoadStep] = msgspec.field(default_factory=list)  # how load was shed and restored
    shed: float = 0.0  # seconds at a level above 0


def health(entries: Iterable[Entry]) -> Health:
    """The figures of a journal's entries."""
    entries = list(entries)
    begin, end = min(e.mono for e in entries), max(e.mono for e in entries)
    starts = [e.record for e in entries if isinstance(e.record, Start)]
    states = [e.record for e in entries if isinstance(e.record, MonitorState)]
    reached: Counter[str] = Counter(e.record.state for e in entries if isinstance(e.record, Status))
    ended: dict[str, int] = {s: n for s, n in reached.items() if s in records.FINAL_STATES}
    latencies = _latencies(entries)
    total = sum(ended.values())
    return Health(
        began=starts[0].began if starts else "", version=starts[0].version if starts else "",
        seconds=round(end - begin, 3), commands=reached["accepted"], ended=ended,
        throughput=reached["accepted"] / (end - begin) if end > begin else 0.0,
        errors=ended.get("failed", 0) / total if total else 0.0,
        lost=sum(e.record.lines for e in entries if isinstance(e.record, Lost)),
        stages=[stage_figures(stage, np.asarray(values)) for stage, values in latencies.items()],
        latencies=latencies, values=_values(states), alerts=_alerts(entries, begin),
        figures=states[-1].figures if states else {}, load=_load(entries, begin),
        shed=float(sum(s.load > 0 for s in states)),
    )  # fmt: skip


def _latencies(entries: list[Entry]) -> dict[str, list[float]]:
    measured = Latencies(MetricStore())
    out: dict[str, list[float]] = {stage: [] for stage in (*records.STAGES, TOTAL)}
    for e in entries:
        if isinstance(e.record, TraceEvent):
            for stage, seconds in measured.take(e.record):
                out[stage].append(1e3 * seconds)
    return {stage: values for stage, values in out.items() if values}


def _values(states: Sequence[MonitorState]) -> dict[str, Spread]:
    series: dict[str, list[float]] = {}
    for s in states:
        for name, value in (
            ("cpu [%]", s.cpu), ("memory [%]", s.memory), ("disk [%]", s.disk),
            ("network sent [kB/s]", s.sent / 1e3), ("network received [kB/s]", s.received / 1e3),
            ("real-time factor", s.real_time_factor), ("deadlines missed [1/s]", s.missed),
            ("load level", float(s.load)),
            *((f"{topic} [Hz]", rate) for topic, rate in sorted(s.rates.items())),
        ):  # fmt: skip
            series.setdefault(name, []).append(value)
        for n in s.nodes:
            if n.cpu >= 0.0:
                series.setdefault(f"{n.node} cpu [% of a core]", []).append(n.cpu)
                series.setdefault(f"{n.node} memory [MB]", []).append(n.memory)
    return {name: Spread.of(np.array(v)) for name, v in series.items()}


def _alerts(entries: list[Entry], begin: float) -> list[AlertSpan]:
    out: list[AlertSpan] = []
    active: dict[str, int] = {}
    for e in entries:
        a = e.record
        if not isinstance(a, Alert):
            continue
        at, known = round(e.mono - begin, 3), active.get(a.name)
        if known is None and a.active:
            active[a.name] = len(out)
            out.append(AlertSpan(name=a.name, severity=a.severity, worst=a.value, threshold=a.threshold,
                                 unit=a.unit, raised=at))  # fmt: skip
        elif known is not None and a.active:
            out[known] = msgspec.structs.replace(out[known], severity=a.severity, worst=a.value)
        elif known is not None:
            out[active.pop(a.name)] = msgspec.structs.replace(out[known], ended=at)
    return out


def _load(entries: list[Entry], begin: float) -> list[LoadStep]:
    return [
        LoadStep(at=round(e.mono - begin, 3), level=e.record.level, name=e.record.name,
                 what=str(e.record).partition(": ")[2].partition(";")[0], cause=e.record.cause)
        for e in entries if isinstance(e.record, Load)
    ]  # fmt: skip
