"""A monitor's journal as a report: Markdown for people, JSON for programs, plots beside them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from vla_sim.common.files import write_output
from vla_sim.common.markdown import table
from vla_sim.contract import limits
from vla_sim.contract.records import MonitorState
from vla_sim.monitor.core import RATES
from vla_sim.monitor.health import Health, health
from vla_sim.monitor.journal import Entry
from vla_sim.monitor.latency import budget
from vla_sim.report.charts import distribution
from vla_sim.report.curves import Panel, stacked
from vla_sim.report.page import standalone
from vla_sim.report.svg import sane


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
        [(a.name, a.severity, f"{a.worst:.3g} {a.unit}", f"{a.threshold:g} {a.unit}", f"{a.raised:.1f}",
          "the end" if a.ended is None else f"{a.ended:.1f}") for a in h.alerts],
    ) if h.alerts else ["None."]  # fmt: skip
    lines += ["", "## Load", "", *([f"Shed for {h.shed:.0f} s.", ""] if h.load else [])]
    rows = [(f"{s.at:.1f}", f"{s.level} {s.name}", s.what, s.cause) for s in h.load]
    lines += table(("at [s]", "level", "what", "why"), rows) if rows else ["None was shed."]
    lines += ["", "## Once a second", ""]
    spreads = [(name, *(f"{v:.2f}" for v in (s.average, s.min, s.max))) for name, s in h.values.items()]
    lines += table(("what", "average", "least", "most"), spreads) if spreads else ["Nothing was measured."]
    lines += ["", "![the machine](machine.svg)"] if spreads else []
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
