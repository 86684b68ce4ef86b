"""What a soak found: a table for the terminal, and a plot."""

from collections.abc import Mapping, Sequence

from rich.table import Column, Table

from vla_sim.monitor.memory_growth import Growth, Sample
from vla_sim.report.curves import Panel, stacked
from vla_sim.report.page import standalone

LEAST_SPAN = 10.0  # [MB] that a panel shows at least, so that noise does not look like growth


def table(growth: Sequence[Growth], seconds: float, simulated: float, commands: Mapping[str, int]) -> Table:
    """Each process's own memory after warming up, and how fast it grew."""
    done = ", ".join(f"{count} {state}" for state, count in sorted(commands.items())) or "none"
    title = f"{seconds / 60.0:.0f} min, {simulated:.0f} s simulated; commands: {done}"
    names = ("first [MB]", "last [MB]", "most [MB]", "RSS [MB]", "slope [MB/h]", "risen [MB]", "")
    columns = [Column(name, justify="right") for name in names]
    out = Table("process", *columns, title=title, title_justify="left")
    for g in growth:
        out.add_row(
            g.name, f"{g.first:.1f}", f"{g.last:.1f}", f"{g.most:.1f}", f"{g.rss:.1f}", f"{g.slope:+.2f}",
            f"{g.risen:+.2f}", "GROWS" if g.grows else "ok",
        )  # fmt: skip
    return out


def plot(samples: Mapping[str, Sequence[Sample]], growth: Sequence[Growth]) -> bytes | None:
    """Own memory [MB] of each process over time as an SVG file, those that grow marked; None without any."""
    verdict = {g.name: g for g in growth}
    return standalone(stacked([_panel(name, some, verdict.get(name)) for name, some in samples.items()]))


def _panel(name: str, some: Sequence[Sample], g: Growth | None) -> Panel:
    note = "" if g is None else f", {g.slope:+.2f} MB an hour{', GROWS' if g.grows else ''}"
    low, high = min((s.own for s in some), default=0.0), max((s.own for s in some), default=0.0)
    if high - low < LEAST_SPAN:
        low, high = low - LEAST_SPAN / 2, low + LEAST_SPAN / 2
    series = [(s.seconds, s.own) for s in some]
    return Panel(f"{name} [MB]{note}", series, 46.0, low=low, high=high, filled=False)
