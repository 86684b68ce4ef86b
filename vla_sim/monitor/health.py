"""A journal in figures: commands, latencies, alerts, load, and what was measured once a second; and as a
report: Markdown for people, JSON for programs, plots beside them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from vla_sim.common.files import write_output
from vla_sim.common.markdown import table
from vla_sim.contract import limits, records
from vla_sim.contract.records import (
    Alert,
    Load,
    MetricFigures,
    MonitorState,
    Record,
    StageFigures,
    Status,
    TraceEvent,
)
from vla_sim.monitor.core import RATES
from vla_sim.monitor.journal import Entry, Lost, Start
from vla_sim.monitor.latency import TOTAL, Latencies, budget, stage_figures
from vla_sim.monitor.metrics import CommandCount, MetricStore, Spread
from vla_sim.report.charts import distribution
from vla_sim.report.curves import Panel, stacked
from vla_sim.report.page import standalone
from vla_sim.report.svg import sane


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
    metrics: list[MetricFigures] = msgspec.field(default_factory=list)  # what nodes recorded, at last
    load: list[LoadStep] = msgspec.field(default_factory=list)  # how load was shed and restored
    shed: float = 0.0  # seconds at a level above 0


def health(entries: Iterable[Entry]) -> Health:
    """The figures of a journal's entries."""
    entries = list(entries)
    begin, end = min(e.mono for e in entries), max(e.mono for e in entries)
    starts = [e.record for e in entries if isinstance(e.record, Start)]
    states = [e.record for e in entries if isinstance(e.record, MonitorState)]
    statuses = [e.record for e in entries if isinstance(e.record, Status)]
    ended: dict[str, int] = dict(Counter(s.state for s in statuses if s.state in records.FINAL_STATES))
    accepted = CommandCount()
    for status in statuses:
        accepted.take(status)
    latencies = _latencies(entries)
    total = sum(ended.values())
    return Health(
        began=starts[0].began if starts else "", version=starts[0].version if starts else "",
        seconds=round(end - begin, 3), commands=accepted.value, ended=ended,
        throughput=accepted.value / (end - begin) if end > begin else 0.0,
        errors=ended.get("failed", 0) / total if total else 0.0,
        lost=sum(e.record.lines for e in entries if isinstance(e.record, Lost)),
        stages=[stage_figures(stage, np.asarray(values)) for stage, values in latencies.items()],
        latencies=latencies, values=_values(states), alerts=_alerts(entries, begin),
        figures=states[-1].figures if states else {}, metrics=states[-1].metrics if states else [],
        load=_load(entries, begin), shed=float(sum(s.load > 0 for s in states)),
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
            *([("commands answered, while any waits [1/s]", s.throughput)]
              if s.throughput is not None else []),
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


def markdown(h: Health) -> str:
    """The report in Markdown; the plots are looked for beside it."""
    ended = ", ".join(f"{count} {state}" for state, count in sorted(h.ended.items())) or "none"
    lines = [
        "# How the robot was", "",
        f"{h.began or 'Some time'}, {h.seconds:.0f} s, vla_sim {h.version or 'unknown'}.", "",
        f"- commands accepted: {h.commands} ({h.throughput:.2f} a second); ended: {ended}",
        f"- share that failed: {h.errors:.2f} (limit {limits.THRESHOLDS['commands.errors'].value:g})",
        f"- alerts: {len(h.alerts)}, critical: {sum(a.severity == 'critical' for a in h.alerts)}",
        *([f"- lines that the disk did not take: {h.lost}"] if h.lost else []), "",
        "## Latencies, measured [ms]", "",
    ]  # fmt: skip
    lines += table(
        ("stage", "commands", "p50", "p95", "p99", "worst", "limit", "goal", "over"),
        [(s.stage, s.count, *(f"{v:.1f}" for v in (s.p50, s.p95, s.p99, s.worst)), f"{s.limit:g}",
          f"{s.goal:g}", s.over) for s in h.stages],
    ) if h.stages else ["No command was traced."]  # fmt: skip
    lines += [*(["", "![latencies](latency.svg)"] if h.stages else []), "", "## Alerts", ""]
    lines += table(
        ("alert", "severity", "value", "limit", "from [s]", "to [s]"),
        [(a.name, a.severity, f"{a.worst:.3g} {a.unit}".strip(), f"{a.threshold:g} {a.unit}".strip(),
          f"{a.raised:.1f}",
          "the end" if a.ended is None else f"{a.ended:.1f}") for a in h.alerts],
    ) if h.alerts else ["None."]  # fmt: skip
    lines += ["", "## Load", "", *([f"Shed for {h.shed:.0f} s.", ""] if h.load else [])]
    rows = [(f"{s.at:.1f}", f"{s.level} {s.name}", s.what, s.cause) for s in h.load]
    lines += table(("at [s]", "level", "what", "why"), rows) if rows else ["None was shed."]
    lines += ["", "## Once a second", ""]
    spreads = [(name, *(f"{v:.2f}" for v in (s.average, s.min, s.max))) for name, s in h.values.items()]
    lines += table(("what", "average", "least", "most"), spreads) if spreads else ["Nothing was measured."]
    lines += ["", "![the machine](machine.svg)"] if spreads else []
    if h.metrics:
        lines += ["", "## What nodes measured themselves", ""]
        lines += table(
            ("metric", "count", "average", "least", "most", "p95 of the last 100", "last", "limit"),
            [(f"{m.name} [{m.unit}]" if m.unit else m.name, m.count,
              *(f"{v:.4g}" for v in (m.average, m.min, m.max, m.p95, m.last)),
              "" if m.limit is None else f"{m.limit:g}") for m in h.metrics],
        )  # fmt: skip
    if h.figures:
        lines += ["", "## Last key figures of the nodes", ""]
        lines += table(("figure", "value"), list(h.figures.items()))
    return "\n".join(lines) + "\n"


def write(entries: Iterable[Entry], folder: Path) -> list[Path]:
    """`report.md`, `report.json` and plots into the folder; their paths. A plot of nothing is left out.
    Raises `InputError`."""
    entries = list(entries)
    found = health(entries)
    states = [e.record for e in entries if isinstance(e.record, MonitorState)]
    parts = {
        folder / "report.md": markdown(found).encode(),
        folder / "report.json": msgspec.json.format(msgspec.json.encode(found), indent=1),
        folder / "latency.svg": latency_plot(found.latencies),
        folder / "machine.svg": machine_plot(states),
    }
    written = {path: data for path, data in parts.items() if data is not None}
    for path, data in written.items():
        write_output(path, data)
    return list(written)


def latency_plot(latencies: dict[str, list[float]]) -> bytes | None:
    """Each stage's latencies [ms] on its budget; None if there are none."""
    rows = [(stage, budget(stage), [v for v in values if sane(v)]) for stage, values in latencies.items()]
    return standalone(distribution([row for row in rows if row[2]]))


def machine_plot(states: Sequence[MonitorState]) -> bytes | None:
    """CPU, memory and the watched rates over time, each with its threshold; None for less than two states."""

    def panel(title: str, threshold: str, values: Sequence[float | None]) -> Panel:
        series = [(s.mono - states[0].mono, v) for s, v in zip(states, values, strict=True) if v is not None]
        return Panel(title, series, limit=limits.THRESHOLDS[threshold].value if threshold else None)

    return standalone(stacked([
        panel("cpu [%]", "system.cpu", [s.cpu for s in states]),
        panel("memory [%]", "system.memory", [s.memory for s in states]),
        *(panel(f"{c} [Hz]", f"{c}.rate", [s.rates.get(RATES[c]) for s in states])
          for c in ("control", "perception")),
        panel("real-time factor", "", [s.real_time_factor or None for s in states]),
    ]))  # fmt: skip
