"""What `vla-sim top` shows, as rich tables of one state."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from vla_sim.contract import topics
from vla_sim.contract.limits import LOAD_LEVELS, THRESHOLDS
from vla_sim.contract.records import Alert, Load, MonitorState, StageFigures
from vla_sim.monitor.core import RATES

BAR = 20
LEAST_RATE = 0.5  # [Hz] What is rarer comes by the command
STALE = 3.0  # [s] after which the last state is old
MOST = 16  # key figures of a node that are shown
FIRST = (
    "llm.", "hit", "cache", "queue", "waiting", "dropped", "skipped", "retries", "requests", "tokens",
    "breaker",
)  # fmt: skip
"""Words in the names of figures that are shown before others."""
HIDDEN = ("simulated_seconds", "rejected ")


@dataclass(frozen=True)
class Seen:
    """What has come so far. load: the last of load shedding. ended: alerts that are over, newest last."""

    domain: int
    state: MonitorState | None = None
    load: Load | None = None
    ended: list[Alert] = field(default_factory=list)
    age: float = 0.0  # [s] since the state came


def render(seen: Seen) -> RenderableType:
    """All parts, one above the other, what matters most first: a low terminal cuts off the end."""
    state = seen.state
    if state is None:
        return Text(f"domain {seen.domain}: waiting for the monitor")
    alerts = _alerts(state.alerts, seen.ended, state.mono)
    parts = (_head(seen, state), alerts, _stages(state), _metrics(state), _nodes(state), _rates(state))
    return Group(*parts, _figures(state))


def _head(seen: Seen, state: MonitorState) -> Group:
    age = Text(f"{state.stamp:.1f} s")
    if seen.age > STALE:
        age = Text(f"silent for {seen.age:.0f} s", style="bold red")
    first = [
        Text(f"domain {seen.domain}", style="bold"), age, Text(f"real time {state.real_time_factor:.2f}"),
        Text(f"commands {state.commands}" + _throughput(state.throughput)),
        _mark(f"failed {100 * state.errors:.0f} %", state.errors, "commands.errors"),
        Text(f"deadlines missed {state.missed:.1f}/s", style="yellow" if state.missed else ""),
    ]  # fmt: skip
    second = [
        _mark(f"{what} {value:.0f} %", value, f"system.{what}")
        for what, value in (("cpu", state.cpu), ("memory", state.memory), ("disk", state.disk))
    ]
    second += [Text(f"network {state.sent / 1e3:.0f} kB/s out, {state.received / 1e3:.0f} in")]
    third = [_load(seen.load)] if seen.load is not None else []
    return Group(Text("   ").join(first), Text("   ").join(second), *third)


def _throughput(value: float | None) -> str:
    return "" if value is None else f", {value:.1f}/s while any waits"


def _load(load: Load) -> Text:
    if not load.level:
        return Text("load level 0: everything in full", style="green")
    since = f" for {max(0.0, load.mono - load.since):.0f} s"
    return Text(f"load level {load.level}{since}: {LOAD_LEVELS[load.level].sheds}", style="yellow")


def _table(title: str, *columns: str, left: tuple[str, ...] = (), header: bool = True) -> Table:
    """Without lines; numbers to the right. What is in brackets is no markup."""
    out = Table(
        title=Text(title, style="bold italic"), title_justify="left", box=None, pad_edge=False,
        show_header=header,
    )  # fmt: skip
    for name in columns:
        right = name not in (*left, "")
        out.add_column(Text(name, style="dim"), justify="right" if right else "left", no_wrap=right)
    return out


def _stages(state: MonitorState) -> Table:
    columns = ("stage", "n", "last", "p50", "p95", "p99", "worst", "limit", "p95 of the limit")
    out = _table("latency, measured [ms]", *columns, left=("stage", "p95 of the limit"))
    for s in state.stages:
        values = (s.last, s.p50, s.p95, s.p99, s.worst)
        cells = [Text(_ms(v), style="red" if v > s.limit else "") for v in values]
        out.add_row(Text(s.stage), str(s.count), *cells, f"{s.limit:.0f}", _budget(s))
    if not state.stages:
        out.add_row(Text("no command yet", style="dim"))
    return out


def _metrics(state: MonitorState) -> Table:
    """What nodes recorded themselves."""
    columns = ("metric", "unit", "n", "last", "average", "min", "max", "p95", "limit")
    out = _table("metrics", *columns, left=("metric", "unit"))
    raised = {a.name: "bold red" if a.severity == "critical" else "yellow" for a in state.alerts}
    for m in state.metrics:
        cells = [f"{v:.4g}" for v in (m.last, m.average, m.min, m.max, m.p95)]
        limit = "" if m.limit is None else f"{m.limit:g}"
        out.add_row(Text(m.name, style=raised.get(m.name, "")), Text(m.unit), str(m.count), *cells, limit)
    if not state.metrics:
        out.add_row(Text("none yet", style="dim"))
    return out


def _budget(s: StageFigures) -> Text:
    """p95 of the limit as a bar, with the goal in it."""
    full = min(BAR, round(BAR * s.p95 / s.limit))
    goal = min(BAR - 1, round(BAR * s.goal / s.limit))
    style = "red" if s.p95 > s.limit else "yellow" if s.p95 > s.goal else "green"
    bar = Text("█" * full, style=style) + Text("─" * (BAR - full), style="dim")
    bar.stylize("underline", goal, goal + 1)
    return bar + Text(f" {100 * s.p95 / s.limit:.0f} %" + (f", {s.over} over" if s.over else ""), style=style)


def _rates(state: MonitorState) -> Group:
    """Side by side, as many as there is room for; those with a limit first."""
    limits = {topic: f"{component}.rate" for component, topic in RATES.items()}
    raised = {a.name for a in state.alerts}
    shown = sorted(
        (t for t, r in state.rates.items() if r >= LEAST_RATE and t != topics.DIAGNOSTICS.name),
        key=lambda t: (t not in limits, t),
    )
    cells = []
    for topic in shown:
        name = limits.get(topic, "")
        style = "red" if name in raised else "green" if name else ""
        least = f" of {THRESHOLDS[name].value:g}" if name else ""
        cells.append(Text(f"{topic} ", style="dim") + Text(f"{state.rates[topic]:.1f}{least}", style=style))
    return Group(Text("rates [Hz]", style="bold italic"), Columns(cells, padding=(0, 3), equal=True))


def _nodes(state: MonitorState) -> Table:
    out = _table("nodes", "node", "pid", "cpu", "memory", "age", "says", left=("node", "says"))
    known = [n for n in state.nodes if n.cpu >= 0.0]
    for n in sorted(state.nodes, key=lambda n: -n.cpu):
        says = Text(n.message, style={"warning": "yellow", "error": "red"}.get(n.level, "dim"))
        silent = n.silent >= THRESHOLDS["node.silence"].clear
        here = (f"{n.cpu:.0f} %", f"{n.memory:.0f} MB") if n.cpu >= 0.0 else ("-", "-")
        age = Text(f"{n.silent:.1f} s", style="red" if silent else "dim")
        out.add_row(Text(n.node), str(n.pid or "-"), *here, age, says)
    total = sum(n.cpu for n in known), sum(n.memory for n in known)
    out.add_row("all", "", f"{total[0]:.0f} %", f"{total[1]:.0f} MB", "", "", style="bold")
    return out


def _figures(state: MonitorState) -> Table:
    """Key figures by node, the most telling first."""
    by_node: dict[str, list[tuple[str, str]]] = {}
    for name, value in state.figures.items():
        node, _, key = name.partition(".")
        if value and not key.startswith(HIDDEN):
            by_node.setdefault(node, []).append((key, value))
    out = _table("key figures", "node", "", left=("node",), header=False)
    for node, items in by_node.items():
        items.sort(key=lambda one: not any(word in one[0].lower() for word in FIRST))
        shown = ", ".join(f"{key} {value}" for key, value in items[:MOST])
        out.add_row(Text(node, style="dim"), Text(shown))
    return out


def _alerts(active: Iterable[Alert], ended: list[Alert], mono: float) -> Table:
    out = _table("alerts", "when", "", header=False)
    for a in active:
        style = "bold red" if a.severity == "critical" else "yellow"
        out.add_row(Text(f"{max(0.0, mono - a.mono):.0f} s", style="dim"), Text(str(a), style=style))
    for a in reversed(ended):
        out.add_row(Text(f"{max(0.0, mono - a.mono):.0f} s ago", style="dim"), Text(str(a), style="dim"))
    if not out.row_count:
        out.add_row(Text("none", style="green"))
    return out


def _mark(words: str, value: float, name: str) -> Text:
    """Coloured by how the value stands to its threshold."""
    threshold = THRESHOLDS[name]
    style = "red" if value >= threshold.value else "yellow" if value >= threshold.clear else "green"
    return Text(words, style=style)


def _ms(value: float) -> str:
    return f"{value:.1f}" if value < 100.0 else f"{value:.0f}"
