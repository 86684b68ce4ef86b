"""Curves over time, one panel above the other on one axis: of a run, of a machine, of processes."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from vla_sim.report.svg import WIDTH, Series, cross, drawing, label, line, points, px, sane, steps, tag, thin
from vla_sim.report.text import number

LEFT, RIGHT, GAP = 52.0, 14.0, 28.0
MOST = 600  # points of a curve


@dataclass(frozen=True)
class Panel:
    """One curve. title: with its unit. series: (seconds, value). low, high: of the axis; None: from 0, to the
    largest value. limit: a threshold drawn across. extreme: "lowest" or "highest" marks that value, in words
    by `digits` and `unit`. crosses: seconds at which something forbidden happened."""

    title: str
    series: Series
    height: float = 64.0
    low: float = 0.0
    high: float | None = None
    limit: float | None = None
    filled: bool = True
    extreme: str = ""
    digits: int = 0
    unit: str = ""
    crosses: Sequence[float] = ()


def stacked(
    panels: Sequence[Panel], *, begin: float = 0.0, moments: Sequence[tuple[float, str]] = (),
    ticks: Sequence[float] = (),
) -> Markup | None:  # fmt: skip
    """From `begin` [s] to the end of the longest curve. moments: seconds at which a line crosses all panels,
    with words; ticks: seconds of short strokes at the bottom. None where no panel has two points."""
    panels = [p for p in panels if sum(sane(*point) for point in p.series) > 1]
    end = max((p.series[-1][0] for p in panels), default=begin)
    if end <= begin:
        return None
    plot, top = WIDTH - LEFT - RIGHT, 38.0 if moments else 24.0
    bottom = top + sum(p.height + GAP for p in panels) - GAP + 18

    def x(seconds: float) -> float:
        return LEFT + (seconds - begin) / (end - begin) * plot

    times = steps(begin, end, 10)
    parts = [line(x(t), top, x(t), bottom, "grid") for t in times]
    y = top
    for panel in panels:
        parts += _panel(panel, [(x(t), v) for t, v in thin(panel.series, MOST) if sane(t, v)], y)
        crosses = [t for t in panel.crosses if begin <= t <= end][:50]
        parts += [tag("path", d=cross(x(t), y + panel.height - 5, 5), class_="cross") for t in crosses]
        y += panel.height + GAP
    strokes = "".join(f"M{px(x(t))} {px(bottom)}v-8" for t in ticks if begin <= t <= end)
    if strokes:
        parts.append(tag("path", d=strokes, class_="tick"))
    for seconds, words in moments:
        if begin <= seconds <= end:
            parts.append(line(x(seconds), 8, x(seconds), bottom, "given"))
            parts.append(label(x(seconds) + 4, 14, words, "t-soft"))
    parts.append(line(LEFT, bottom, LEFT + plot, bottom, "axis"))
    parts += [label(x(t), bottom + 16, f"{t:g}", "t-soft t-mid") for t in times if x(t) < x(end) - 16]
    parts.append(label(x(end), bottom + 16, "s", "t-soft t-end"))
    says = ", ".join(_in_words(p) for p in panels)
    return drawing(WIDTH, bottom + 22, f"Over time: {says}", *parts, class_="chart")


def _in_words(panel: Panel) -> str:
    """ "load shed at most 1 level at 4.0 s"; "cpu [%] 12 to 80"."""
    curve = [point for point in panel.series if sane(*point)]
    if not panel.extreme:
        values = [v for _, v in curve]
        return f"{panel.title} {min(values):.3g} to {max(values):.3g}"
    seconds, value = _extreme(panel, curve)
    bound = "at least" if panel.extreme == "lowest" else "at most"
    figure = number(value, panel.digits, panel.unit)
    return f"{panel.title.partition(' [')[0]} {bound} {figure} at {seconds:.1f} s"


def _extreme(panel: Panel, curve: Series) -> tuple[float, float]:
    return (min if panel.extreme == "lowest" else max)(curve, key=lambda p: p[1])


def _panel(panel: Panel, curve: Series, top: float) -> list[Markup]:
    """curve: (x [px], value)."""
    low, high, base = panel.low, panel.high, top + panel.height
    if high is None:
        high = max(0.0, panel.limit or 0.0, *(v for _, v in curve))
    levels = steps(low, low + (high - low) * 1.08 or 1.0, 3 if panel.height > 50 else 2)
    high = max(levels[-1], low + (high - low) * 1.08) or 1.0

    def y(value: float) -> float:
        return base - (min(max(value, low), high) - low) / (high - low) * panel.height

    parts = [label(LEFT, top - 6, panel.title, "t-soft t-halo")]
    for level in levels:
        parts.append(line(LEFT, y(level), WIDTH - RIGHT, y(level), "grid"))
        parts.append(label(LEFT - 6, y(level) + 4, f"{level:g}", "t-soft t-end"))
    drawn = [(x, y(v)) for x, v in curve]
    if panel.filled:
        area = [(drawn[0][0], base), *drawn, (drawn[-1][0], base)]
        parts.append(tag("polygon", points=points(area), class_="area"))
    parts.append(tag("polyline", points=points(drawn), class_="curve"))
    if panel.limit is not None:
        parts.append(line(LEFT, y(panel.limit), WIDTH - RIGHT, y(panel.limit), "limit"))
        words = f"limit {panel.limit:g}"
        parts.append(label(WIDTH - RIGHT, y(panel.limit) - 4, words, "t-soft t-end t-halo"))
    if panel.extreme:
        x, value = _extreme(panel, curve)
        parts.append(tag("circle", cx=px(x), cy=px(y(value)), r="4", class_="lowest"))
        left = x > WIDTH - 110
        above = y(value) - 9 if y(value) - 9 > top + 12 else y(value) + 17
        if panel.crosses and value < 0.1 * high:
            above -= 8  # clear of the crosses, which stand at the bottom
        words = number(value, panel.digits, panel.unit)
        parts.append(label(x + (-8 if left else 8), above, words, "t-halo t-end" if left else "t-halo"))
    return parts
