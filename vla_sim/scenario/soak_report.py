"""What a soak found: a table for the terminal, and a plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table

from vla_sim.monitor.growth import Growth, Sample
from vla_sim.report.page import standalone
from vla_sim.report.parts import Markup, tag
from vla_sim.report.svg import WIDTH, drawing, label, line, points, steps, thin

LEFT, RIGHT, HEIGHT, GAP = 60, 14, 46, 30
MOST = 600
LEAST_SPAN = 10.0
"""[MB] that a panel shows at least, so that noise does not look like growth."""


def table(growth: Sequence[Growth], seconds: float, simulated: float, commands: Mapping[str, int]) -> Table:
    """Each process's own memory after warming up, and how fast it grew."""
    done = ", ".join(f"{count} {state}" for state, count in sorted(commands.items())) or "none"
    title = f"{seconds / 60.0:.0f} min, {simulated:.0f} s simulated; commands: {done}"
    out = Table(title=title, title_justify="left")
    out.add_column("process")
    for name in ("first [MB]", "last [MB]", "most [MB]", "RSS [MB]", "slope [MB/h]", "risen [MB]", ""):
        out.add_column(name, justify="right")
    for g in growth:
        out.add_row(
            g.name, f"{g.first:.1f}", f"{g.last:.1f}", f"{g.most:.1f}", f"{g.rss:.1f}", f"{g.slope:+.2f}",
            f"{g.risen:+.2f}", "GROWS" if g.grows else "ok",
        )  # fmt: skip
    return out


def plot(samples: Mapping[str, Sequence[Sample]], growth: Sequence[Growth]) -> bytes | None:
    """Own memory [MB] of each process over time as an SVG file, those that grow marked; None without any."""
    verdict = {g.name: g for g in growth}
    shown = {name: some for name, some in samples.items() if len(some) > 1}
    if not shown:
        return None
    end = max(some[-1].seconds for some in shown.values())
    parts: list[Markup] = []
    top = 24.0
    for name, some in shown.items():
        g = verdict.get(name)
        told = "" if g is None else f", {g.slope:+.2f} MB an hour{', GROWS' if g.grows else ''}"
        parts += _panel(f"{name} [MB]{told}", some, end, top)
        top += HEIGHT + GAP
    bottom = top - GAP
    for t in steps(0.0, end, 10):
        parts.append(label(_x(t, end), bottom + 16, f"{t:g}", "t-soft t-mid"))
    parts.append(label(WIDTH - RIGHT, bottom + 28, "s", "t-soft t-end"))
    says = f"Own memory of {', '.join(shown)} over {end:.0f} s"
    return standalone(drawing(WIDTH, bottom + 34, says, *parts, class_="chart"))


def _x(seconds: float, end: float) -> float:
    return LEFT + seconds / end * (WIDTH - LEFT - RIGHT)


def _panel(title: str, some: Sequence[Sample], end: float, top: float) -> list[Markup]:
    low, high = min(s.own for s in some), max(s.own for s in some)
    low, high = (low, high) if high - low > LEAST_SPAN else (low - LEAST_SPAN / 2, low + LEAST_SPAN / 2)
    base = top + HEIGHT

    def y(value: float) -> float:
        return base - (value - low) / (high - low) * HEIGHT

    parts = [label(LEFT, top - 6, title, "t-soft t-halo")]
    for level in steps(low, high, 2):
        parts.append(line(LEFT, y(level), WIDTH - RIGHT, y(level), "grid"))
        parts.append(label(LEFT - 6, y(level) + 4, f"{level:g}", "t-soft t-end"))
    curve = thin([(_x(s.seconds, end), y(s.own)) for s in some], MOST)
    parts.append(tag("polyline", points=points((p[0], p[1]) for p in curve), class_="curve"))
    return parts
