"""Curves of a run over simulated time, one above the other: clearance, processor, memory, load shed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vla_sim.report.parts import Markup, number, tag
from vla_sim.report.svg import WIDTH, Series, cross, drawing, label, line, lowest, points, px, sane, steps
from vla_sim.scenario.record import RunRecord, Touch

GAP = 26  # between panels


@dataclass
class _Panel:
    name: str
    unit: str
    series: Series
    height: float
    digits: int
    least: bool
    """Whether it is the lowest value that matters, or the highest."""


def timeline(record: RunRecord) -> Markup | None:
    """Clearance [m], processor [% of one core], memory [MB] and load level over simulated seconds, one above
    the other, with the moments at which commands were given, events happened and forbidden things were
    touched. None if nothing was recorded over time."""
    near = lowest([p for p in record.near if sane(*p)], 400)
    load = _load(record)
    usage = [u for u in record.usage if sane(u.stamp, u.cpu, u.memory)]
    panels = [
        _Panel("clearance", "m", near, 108, 2, True),
        _Panel("cpu", "%", [(u.stamp, u.cpu) for u in usage], 64, 0, False),
        _Panel("memory", "MB", [(u.stamp, u.memory) for u in usage], 64, 0, False),
        _Panel("load shed", "level", load, 64, 0, False),
    ]
    panels = [p for p in panels if len(p.series) > 1]
    if not panels:
        return None
    begin = min(0.0, *(p.series[0][0] for p in panels))
    end = max(p.series[-1][0] for p in panels)
    if end <= begin:
        return None
    left, right, top = 46.0, 14.0, 38.0
    plot = WIDTH - left - right

    def x(stamp: float) -> float:
        return left + (stamp - begin) / (end - begin) * plot

    bottom = top + sum(p.height + GAP for p in panels) - 8
    times = steps(begin, end, 10)
    parts = [line(x(t), top, x(t), bottom, "grid") for t in times]
    y, told = top, []
    for panel in panels:
        parts += _panel(panel, x, left, y)
        best = min if panel.least else max
        worst = best(panel.series, key=lambda p: p[1])
        word = "at least" if panel.least else "at most"
        told.append(f"{panel.name} {word} {number(worst[1], panel.digits, panel.unit)} at {worst[0]:.1f} s")
        if panel.name == "clearance":
            parts += _crosses(record.contacts, x, y + panel.height, begin, end)
        y += panel.height + GAP
    marks = "".join(f"M{px(x(e.stamp))} {px(bottom)}v-8" for e in record.events if begin <= e.stamp <= end)
    if marks:
        parts.append(tag("path", d=marks, class_="tick"))
    for i, command in enumerate(record.commands, 1):
        if begin <= command.given <= end:
            parts.append(line(x(command.given), 8, x(command.given), bottom, "given"))
            parts.append(label(x(command.given) + 4, 14, f"command {i}", "t-soft"))
    parts.append(line(left, bottom, left + plot, bottom, "axis"))
    shown = [t for t in times if x(t) < x(end) - 16]
    parts += [label(x(t), bottom + 16, f"{t:g}", "t-soft t-mid") for t in shown]
    parts.append(label(x(end), bottom + 16, "s", "t-soft t-end"))
    return drawing(WIDTH, bottom + 22, f"Over time: {', '.join(told)}", *parts, class_="chart")


def _load(record: RunRecord) -> Series:
    """The level that load is shed to, as a curve of steps; empty where it never was."""
    steps_, level = [(0.0, 0.0)], 0.0
    for change in record.load:
        steps_ += [(change.stamp, level), (change.stamp, float(change.level))]
        level = float(change.level)
    if len(steps_) == 1:
        return []
    return [*steps_, (max(record.simulated_seconds, steps_[-1][0]), level)]


def _panel(panel: _Panel, x, left: float, top: float) -> list[Markup]:  # type: ignore[no-untyped-def]
    values = [v for _, v in panel.series]
    most = max(0.0, *values)
    if panel.least:  # far off, it does not matter how far
        most = min(max(most, 0.5), 2.0)
    levels = steps(0, most * 1.08 or 1.0, 3)
    high = max(levels[-1], most * 1.08) or 1.0
    base = top + panel.height

    def y(value: float) -> float:
        return base - min(max(value, 0.0), high) / high * panel.height

    curve = [(x(t), y(v)) for t, v in panel.series]
    parts = [label(left, top - 5, f"{panel.name} [{panel.unit}]", "t-soft t-halo")]
    for level in levels:
        parts.append(line(left, y(level), WIDTH - 14, y(level), "grid"))
        parts.append(label(left - 6, y(level) + 4, f"{level:g}", "t-soft t-end"))
    area = [(curve[0][0], base), *curve, (curve[-1][0], base)]
    parts.append(tag("polygon", points=points(area), class_="area"))
    parts.append(tag("polyline", points=points(curve), class_="curve"))
    best = min if panel.least else max
    stamp, value = best(panel.series, key=lambda p: p[1])
    parts.append(tag("circle", cx=px(x(stamp)), cy=px(y(value)), r="4", class_="lowest"))
    words = number(value, panel.digits, panel.unit)
    side = "t-end" if x(stamp) > WIDTH - 110 else ""
    above = y(value) - 9 if y(value) - 9 > top + 12 else y(value) + 17
    if panel.least and value < 0.1 * high:
        above -= 8  # clear of the crosses, which stand at the bottom
    parts.append(label(x(stamp) + (-8 if side else 8), above, words, f"t-halo {side}".strip()))
    return parts


def _crosses(touches: Sequence[Touch], x, y: float, begin: float, end: float) -> list[Markup]:  # type: ignore[no-untyped-def]
    inside = [t for t in touches if begin <= t.stamp <= end]
    return [tag("path", d=cross(x(t.stamp), y - 5, 5), class_="cross") for t in inside[:50]]
