"""What `vla-sim top` shows, as rich tables of one state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from vla_sim import contract
from vla_sim.contract import Alert, MonitorState, StageFigures, Threshold

BAR = 20
LINES = 12
"""Key figures of a node that are shown at most."""
NOTED = ("hit", "cache", "queue", "waiting", "dropped", "skipped", "retries", "requests", "tokens", "breaker")
"""What a figure's name has in it that is shown before others."""
HIDDEN = ("simulated_seconds", "rejected ")


@dataclass
class Seen:
    """What has come so far. load: fields of the last load record. gone: alerts that are over, newest last."""

    domain: int
    state: MonitorState | None = None
    load: dict[str, object] = field(default_factory=dict)
    gone: list[Alert] = field(default_factory=list)
    age: float = 0.0
    """[s] since the state came."""


def render(seen: Seen) -> RenderableType:
    """Everything, one part above the other."""
    state = seen.state
    if state is None:
        return Text(f"domain {seen.domain}: waiting for the monitor")
    parts: list[RenderableType] = [_head(seen, state), _stages(state), _rates(state), _nodes(state)]
    figures = _figures(state)
    if figures is not None:
        parts.append(figures)
    parts.append(_alerts(state.alerts, seen.gone, state.mono))
    return Group(*parts)


def _head(seen: Seen, state: MonitorState) -> Table:
    out = Table.grid(padding=(0, 3))
    stale = seen.age > 3.0
    heard = f"silent for {seen.age:.0f} s" if stale else f"{state.stamp:.1f} s"
    out.add_row(
        Text(f"domain {seen.domain}", style="bold"), Text(heard, style="red" if stale else ""),
        f"real-time factor {state.real_time_factor:.2f}",
        f"commands {state.commands}, {60 * state.throughput:.1f} a minute",
        _mark(f"failed {100 * state.errors:.0f} %", state.errors, _threshold("commands.errors")),
        f"deadlines missed {state.missed:.1f} /s",
    )  # fmt: skip
    out.add_row(
        _gauge("cpu", state.cpu, "system.cpu"), "", _gauge("memory", state.memory, "system.memory"),
        _gauge("disk", state.disk, "system.disk"),
        f"net {state.sent / 1e3:.0f} kB/s out, {state.received / 1e3:.0f} in", _load(seen.load),
    )  # fmt: skip
    return out


def _load(load: dict[str, object]) -> Text:
    if not load:
        return Text("")
    level = load.get("level", load.get("name", ""))
    told = {k: v for k, v in load.items() if k not in ("level", "stamp", "mono") and v not in ("", [], {})}
    more = [f"{k} {v}" for k, v in told.items()]
    calm = str(level).lower() in ("0", "normal", "none", "ok")
    return Text(f"load level {level} " + ", ".join(more)[:60], style="green" if calm else "yellow")


def _stages(state: MonitorState) -> Table:
    out = Table(title="latency [ms]", title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name in ("stage", "n", "last", "p50", "p95", "p99", "worst", "limit", ""):
        out.add_column(name, justify="left" if name in ("stage", "") else "right", header_style="dim")
    for s in state.stages:
        values = (s.last, s.p50, s.p95, s.p99, s.worst)
        cells = [Text(_ms(v), style="red" if v > s.limit else "") for v in values]
        out.add_row(s.stage, str(s.count), *cells, f"{s.limit:.0f}", _budget(s))
    if not state.stages:
        out.add_row(Text("no command yet", style="dim"))
    return out


def _budget(s: StageFigures) -> Text:
    """p95 of the limit as a bar, with the goal in it."""
    full = min(BAR, round(BAR * s.p95 / s.limit))
    goal = min(BAR - 1, round(BAR * s.goal / s.limit))
    style = "red" if s.p95 > s.limit else "yellow" if s.p95 > s.goal else "green"
    bar = Text("█" * full, style=style) + Text("─" * (BAR - full), style="dim")
    bar.stylize("underline", goal, goal + 1)
    return bar + Text(f" {100 * s.p95 / s.limit:.0f} %" + (f", {s.over} over" if s.over else ""), style=style)


def _rates(state: MonitorState) -> Table:
    limits = {contract.OBJECTS.name: "perception.rate", contract.CMD_VEL.name: "control.rate"}
    out = Table(title="rates [Hz]", title_justify="left", title_style="bold", box=None, pad_edge=False)
    for _ in range(8):
        out.add_column(justify="right")
    shown = sorted(
        (t for t, r in state.rates.items() if r >= 0.5 and t != contract.DIAGNOSTICS.name),
        key=lambda t: (t not in limits, t),
    )  # fmt: skip
    raised = {a.name for a in state.alerts}
    cells: list[RenderableType] = []
    for topic in shown:
        name = limits.get(topic, "")
        style = "red" if name in raised else "green" if name else ""
        least = f"≥{_threshold(name).value:g}" if name else ""
        cells += [Text(topic, style="dim"), Text(f"{state.rates[topic]:.1f}{least}", style=style)]
    for k in range(0, len(cells), 8):
        out.add_row(*cells[k : k + 8])
    out.show_header = False
    return out


def _nodes(state: MonitorState) -> Table:
    out = Table(title="nodes", title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name in ("node", "pid", "cpu", "memory", "heard", "says"):
        out.add_column(name, justify="left" if name in ("node", "says") else "right", header_style="dim")
    known = [n for n in state.nodes if n.cpu >= 0.0]
    for n in sorted(state.nodes, key=lambda n: -n.cpu):
        says = Text(n.message, style={"warning": "yellow", "error": "red"}.get(n.level, "dim"))
        silent = n.silent >= _threshold("node.silence").clear
        here = (f"{n.cpu:.0f} %", f"{n.memory:.0f} MB") if n.cpu >= 0.0 else ("-", "-")
        heard = Text(f"{n.silent:.1f} s", style="red" if silent else "dim")
        out.add_row(n.node, str(n.pid or "-"), *here, heard, says)
    total = sum(n.cpu for n in known), sum(n.memory for n in known)
    out.add_row("all", "", f"{total[0]:.0f} %", f"{total[1]:.0f} MB", "", "", style="bold")
    return out


def _figures(state: MonitorState) -> Table | None:
    """Key figures by node, the noted ones first."""
    by_node: dict[str, list[tuple[str, str]]] = {}
    for name, value in state.figures.items():
        node, _, key = name.partition(".")
        if value and not key.startswith(HIDDEN):
            by_node.setdefault(node, []).append((key, value))
    if not by_node:
        return None
    out = Table(title="key figures", title_justify="left", title_style="bold", box=None, pad_edge=False)
    out.show_header = False
    out.add_column(style="dim", no_wrap=True)
    out.add_column(overflow="fold")
    for node, items in by_node.items():
        items.sort(key=lambda one: not any(word in one[0].lower() for word in NOTED))
        out.add_row(node, ", ".join(f"{key} {value}" for key, value in items[:LINES]))
    return out


def _alerts(active: Iterable[Alert], gone: list[Alert], mono: float) -> Table:
    out = Table(title="alerts", title_justify="left", title_style="bold", box=None, pad_edge=False)
    out.show_header = False
    for a in active:
        style = "bold red" if a.severity == "critical" else "yellow"
        out.add_row(Text(f"{max(0.0, mono - a.mono):.0f} s", style="dim"), Text(str(a), style=style))
    for a in reversed(gone):
        out.add_row(Text(f"{max(0.0, mono - a.mono):.0f} s ago", style="dim"), Text(str(a), style="dim"))
    if not out.row_count:
        out.add_row(Text("none", style="green"))
    return out


def _gauge(what: str, percent: float, name: str) -> Text:
    return _mark(f"{what} {percent:.0f} %", percent, _threshold(name))


def _mark(words: str, value: float, threshold: Threshold) -> Text:
    style = "red" if value >= threshold.value else "yellow" if value >= threshold.clear else "green"
    return Text(words, style=style)


def _threshold(name: str) -> Threshold:
    return next(t for t in contract.THRESHOLDS if t.name == name)


def _ms(value: float) -> str:
    return f"{value:.1f}" if value < 100.0 else f"{value:.0f}"
