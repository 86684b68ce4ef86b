"""Plots of a report as SVG files, in the style of the scenario reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vla_sim.contract import limits
from vla_sim.contract.records import MonitorState
from vla_sim.monitor.core import RATES
from vla_sim.monitor.latency import budget
from vla_sim.report.charts import distribution
from vla_sim.report.page import standalone
from vla_sim.report.parts import Markup, tag
from vla_sim.report.svg import WIDTH, drawing, label, line, points, sane, steps, thin

LEFT, RIGHT = 52, 14
HEIGHT, GAP = 64, 30
MOST = 600
"""Points of a curve."""


def latency(latencies: dict[str, list[float]]) -> bytes | None:
    """Each stage's latencies [ms] on its budget; None if there are none."""
    rows = [(stage, budget(stage), [v for v in values if sane(v)]) for stage, values in latencies.items()]
    return standalone(distribution([row for row in rows if row[2]]))


def machine(states: Sequence[MonitorState]) -> bytes | None:
    """CPU, memory and the watched rates over time, each with its threshold; None for less than two states."""
    if len(states) < 2:
        return None
    rows: list[tuple[str, str, Callable[[MonitorState], float | None]]] = [
        ("cpu [%]", "system.cpu", lambda s: s.cpu),
        ("memory [%]", "system.memory", lambda s: s.memory),
        ("control [Hz]", "control.rate", lambda s: s.rates.get(RATES["control"])),
        ("perception [Hz]", "perception.rate", lambda s: s.rates.get(RATES["perception"])),
        ("real-time factor", "", lambda s: s.real_time_factor or None),
    ]
    begin, end = states[0].mono, states[-1].mono
    parts: list[Markup] = []
    top, told = 24.0, []
    for name, threshold, of in rows:
        series = [(s.mono - begin, v) for s in states if (v := of(s)) is not None and sane(v)]
        if len(series) < 2:
            continue
        limit = limits.THRESHOLDS[threshold].value if threshold else None
        parts += _panel(name, thin(series, MOST), end - begin, limit, top)
        told.append(f"{name} at most {max(v for _, v in series):.3g}")
        top += HEIGHT + GAP
    if not told or end <= begin:
        return None
    bottom = top - GAP
    for t in steps(0.0, end - begin, 10):
        parts.append(label(_x(t, end - begin), bottom + 16, f"{t:g}", "t-soft t-mid"))
    parts.append(label(WIDTH - RIGHT, bottom + 28, "s", "t-soft t-end"))
    return standalone(drawing(WIDTH, bottom + 34, f"Over time: {', '.join(told)}", *parts, class_="chart"))


def _x(seconds: float, span: float) -> float:
    return LEFT + seconds / span * (WIDTH - LEFT - RIGHT)


def _panel(
    name: str, series: Sequence[tuple[float, ...]], span: float, limit: float | None, top: float
) -> list[Markup]:
    most = max([v for _, v in series] + ([limit] if limit is not None else []))
    levels = steps(0.0, 1.08 * most or 1.0, 3)
    high, base = max(levels[-1], 1.08 * most) or 1.0, top + HEIGHT

    def y(value: float) -> float:
        return base - max(0.0, value) / high * HEIGHT

    parts = [label(LEFT, top - 6, name, "t-soft t-halo")]
    for level in levels:
        parts.append(line(LEFT, y(level), WIDTH - RIGHT, y(level), "grid"))
        parts.append(label(LEFT - 6, y(level) + 4, f"{level:g}", "t-soft t-end"))
    curve = [(_x(t, span), y(v)) for t, v in series]
    area = [(curve[0][0], base), *curve, (curve[-1][0], base)]
    parts.append(tag("polygon", points=points(area), class_="area"))
    parts.append(tag("polyline", points=points(curve), class_="curve"))
    if limit is not None:
        parts.append(line(LEFT, y(limit), WIDTH - RIGHT, y(limit), "limit"))
        parts.append(label(WIDTH - RIGHT, y(limit) - 4, f"limit {limit:g}", "t-soft t-end t-halo"))
    return parts
