"""Drawings of a report, as inline SVG: map, latencies against their budgets, curves over time, small bars.

Pixels in here are those of the drawing's own view box; the page scales it. Colours are the page's
(`report_parts.STYLE`), and none says anything that a text, a shape or a dash does not say too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vla_sim import contract, footprint
from vla_sim.contract import Budget
from vla_sim.scenario.record import CommandRecord, RunRecord, Touch
from vla_sim.scenario.report_parts import Markup, number, tag
from vla_sim.scenario.statistics import Rate, percentile
from vla_sim.world import World

XY = tuple[float, float]
Area = tuple[float, float, float, float]
"""x0, y0, x1, y1 [m] or [px]"""
Series = Sequence[tuple[float, float]]

WIDTH = 680  # of charts
LEFT, RIGHT = 96, 190  # beside the plot: row names, and what was measured
ROW = 26
GAP = 26  # between panels
MAP_WIDTH, MAP_HEIGHT = 640, 540
TALL = 1.4  # [m] what reaches this high is drawn as a wall
OVERHEAD = 1.8  # [m] what is higher is above the robot and left out
BESIDE = ("perception",)
"""Stages that are timed for themselves, not on the way from the end of speech to the first motion."""
PAINT = {
    "red": "#d62c28", "green": "#289646", "blue": "#285ad2", "yellow": "#f0c81e", "orange": "#f0821e",
    "purple": "#823caa", "white": "#f4f4f4", "black": "#222222", "pink": "#f08cb4", "brown": "#8a5a33",
}  # fmt: skip
OTHER = "#8a8f96"


def px(value: float) -> str:
    """A coordinate with one decimal, as short as it goes."""
    return f"{value:.1f}".removesuffix(".0")


def points(line: Iterable[XY]) -> str:
    return " ".join(f"{px(x)},{px(y)}" for x, y in line)


def sane(*values: float) -> bool:
    """Finite, and small enough to draw."""
    return all(math.isfinite(v) and abs(v) < 1e6 for v in values)


def label(x: float, y: float, words: str, class_: str = "") -> Markup:
    return tag("text", words, x=px(x), y=px(y), class_=class_ or None)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    return tag("line", x1=px(x1), y1=px(y1), x2=px(x2), y2=px(y2), class_=class_)


def rect(x: float, y: float, width: float, height: float, class_: str, *inside: Markup) -> Markup:
    return tag(
        "rect", *inside, x=px(x), y=px(y), width=px(max(width, 0.0)), height=px(height), class_=class_
    )


def drawing(width: float, height: float, says: str, *parts: Markup | None, class_: str) -> Markup:
    """says: the drawing in words, for those who do not see it."""
    box = f"0 0 {px(width)} {px(height)}"
    return tag("svg", *parts, viewBox=box, class_=class_, role="img", aria_label=says)


def steps(low: float, high: float, most: int = 8) -> list[float]:
    """Round numbers from low to high, at most `most` + 1 of them."""
    span = max(high - low, 1e-9)
    size = 10.0 ** math.floor(math.log10(span / most))
    size = next(size * k for k in (1, 2, 5, 10, 20) if span / (size * k) <= most)
    first = math.ceil(low / size - 1e-9)
    return [n * size for n in range(first, math.floor(high / size + 1e-9) + 1)]


def thin(series: Sequence[tuple[float, ...]], most: int) -> list[tuple[float, ...]]:
    """At most `most` of the points, evenly, the first and the last among them."""
    if len(series) <= most:
        return list(series)
    return [series[round(i * (len(series) - 1) / (most - 1))] for i in range(most)]


def lowest(series: Series, most: int) -> list[tuple[float, float]]:
    """At most about `most` points, each the lowest of its stretch: no dip is lost."""
    size = max(1, math.ceil(len(series) / most))
    return [min(series[i : i + size], key=lambda p: p[1]) for i in range(0, len(series), size)]


# --------------------------------------------------------------------------- small bars in tables


def rate_bar(rate: Rate) -> Markup:
    """0 to 100 %: the interval as a bar, the rate as a dot."""
    width, height = 132.0, 14.0

    def at(share: float) -> float:
        return 5 + share * (width - 10)

    share = rate.passed / rate.runs if rate.runs else 0.0
    return tag(
        "svg",
        rect(at(0), 5, at(1) - at(0), 4, "whole"),
        rect(at(rate.low), 3.5, at(rate.high) - at(rate.low), 7, "between"),
        tag("circle", cx=px(at(share)), cy="7", r="4", class_="point") if rate.runs else None,
        width=px(width), height=px(height), viewBox=f"0 0 {px(width)} {px(height)}", role="img",
        aria_label=f"pass rate {rate.text}",
    )  # fmt: skip


def budget_bar(median: float, high: float, budget: Budget) -> Markup:
    """0 to the limit [ms] (or beyond): the bar ends at the median, the dot is the 95th percentile."""
    width, height = 172.0, 16.0
    most = max(budget.limit, high) * 1.04
    dot = "bar-over" if high > budget.limit else "point"

    def at(value: float) -> float:
        return value / most * (width - 6)

    return tag(
        "svg",
        rect(0, 4, at(budget.limit), 8, "whole"),
        rect(0, 5.5, at(median), 5, "bar"),
        tag("circle", cx=px(at(high)), cy="8", r="3.5", class_=dot),
        line(at(budget.goal), 1, at(budget.goal), 15, "goal"),
        line(at(budget.limit), 1, at(budget.limit), 15, "limit"),
        width=px(width), height=px(height), viewBox=f"0 0 {px(width)} {px(height)}", role="img",
        aria_label=f"median {median:.0f} ms, 95th percentile {high:.0f} ms, limit {budget.limit:.0f} ms",
    )  # fmt: skip


# --------------------------------------------------------------------------- latencies


def waterfall(command: CommandRecord, limit: float) -> Markup | None:
    """A command's stages one after the other [ms], each in a room as wide as its limit; below, the way from
    the end of speech to the first motion against `limit`. None if nothing was timed."""
    stages = [s for s in command.stages if sane(s.milliseconds)]
    total = command.total_ms if command.total_ms is not None and sane(command.total_ms) else None
    if not stages and total is None:
        return None
    begins, at = [], 0.0
    for stage in stages:
        begins.append(at)
        at += 0.0 if stage.stage in BESIDE else stage.milliseconds
    ends = [b + max(s.milliseconds, s.limit) for b, s in zip(begins, stages, strict=True)]
    most = max([limit, total or 0.0, 1.0, *ends]) * 1.03
    plot = WIDTH - LEFT - RIGHT
    top, rows = 26, len(stages) + (total is not None)
    bottom = top + rows * ROW + 4

    def x(ms: float) -> float:
        return LEFT + ms / most * plot

    goal, high = contract.TOTAL_BUDGET.goal, top - 4
    parts = [line(x(t), high, x(t), bottom, "grid") for t in steps(0, most, 6)]
    parts += [label(x(t), bottom + 15, f"{t:.0f}", "t-soft t-mid") for t in steps(0, most, 6)]
    parts.append(label(WIDTH - RIGHT + 8, bottom + 15, "ms", "t-soft"))
    parts += [line(x(goal), high, x(goal), bottom, "goal"), line(x(limit), high, x(limit), bottom, "limit")]
    parts += [label(x(goal), 14, "goal", "t-soft t-mid"), label(x(limit), 14, "limit", "t-soft t-mid")]
    for i, (stage, begin) in enumerate(zip(stages, begins, strict=True)):
        y = top + i * ROW
        within = min(stage.milliseconds, stage.limit)
        over = stage.milliseconds - within
        parts.append(label(LEFT - 10, y + 16, stage.stage, "t-end"))
        parts.append(rect(x(begin), y + 3, x(begin + stage.limit) - x(begin), ROW - 8, "room"))
        kind = "bar-side" if stage.stage in BESIDE else "bar"
        parts.append(rect(x(begin), y + 6, max(2.0, x(begin + within) - x(begin)), ROW - 14, kind))
        if over > 0:
            end = x(begin + stage.limit)
            parts.append(rect(end, y + 6, x(begin + stage.milliseconds) - end, ROW - 14, "bar-over"))
        parts.append(_measured(y + 16, stage.milliseconds, stage.limit))
    if total is not None:
        y = top + len(stages) * ROW
        parts.append(label(LEFT - 10, y + 16, "first motion", "t-end"))
        parts.append(rect(x(0), y + 6, x(min(total, limit)) - x(0), ROW - 14, "bar"))
        if total > limit:
            parts.append(rect(x(limit), y + 6, x(total) - x(limit), ROW - 14, "bar-over"))
        parts.append(_measured(y + 16, total, limit))
    parts.append(line(LEFT, high, LEFT, bottom, "axis"))
    told = [f"{s.stage} {s.milliseconds:.0f} of {s.limit:.0f} ms" for s in stages]
    told += [f"first motion after {total:.0f} of {limit:.0f} ms"] if total is not None else []
    return drawing(WIDTH, bottom + 22, f"Latencies: {', '.join(told)}", *parts, class_="chart")


def _measured(y: float, value: float, limit: float) -> Markup:
    digits = 1 if value < 10 else 0
    words = f"{value:.{digits}f} of {limit:.0f} ms"
    x = WIDTH - RIGHT + 8
    return label(x, y, f"{words}, over", "t-fail") if value > limit else label(x, y, words)


def latency_rows(records: Iterable[RunRecord]) -> list[tuple[str, Budget, list[float]]]:
    """("first motion" or a stage, its budget, what was measured [ms] for each command of each run).

    A command that ended in a question or was turned down is left out: half a sentence is waited on longer,
    on purpose.
    """
    total: list[float] = []
    stages: dict[str, list[float]] = {name: [] for name in contract.STAGES}
    for record in records:
        for command in commands_of(record):
            if command.state in ("asked", "rejected"):
                continue
            if command.total_ms is not None and sane(command.total_ms):
                total.append(command.total_ms)
            for s in command.stages:
                if s.stage in stages and sane(s.milliseconds):
                    stages[s.stage].append(s.milliseconds)
    rows = [("first motion", contract.TOTAL_BUDGET, total)]
    rows += [(name, contract.BUDGETS[name], values) for name, values in stages.items()]
    return [row for row in rows if row[2]]


def commands_of(record: RunRecord) -> list[CommandRecord]:
    """The run's commands; of an older record without them, the one that it stands for."""
    if record.commands or not (record.stages or record.total_ms is not None):
        return list(record.commands)
    one = CommandRecord(
        text=record.command, command_id="", spoken=record.spoken, given=0.0, heard=record.heard,
        state=record.state, stages=record.stages, total_ms=record.total_ms,
    )  # fmt: skip
    return [one]


def distribution(rows: Sequence[tuple[str, Budget, list[float]]]) -> Markup | None:
    """For each row all values [ms] as dots on a logarithmic axis, a box from the 25th to the 75th percentile
    with the median in it, on fields up to the goal, up to the limit, and over it."""
    if not rows:
        return None
    most = max(max(b.limit, *values) for _, b, values in rows) * 1.5
    least = 1.0  # [ms]; what is faster lies on the edge
    plot, tall, top = WIDTH - LEFT - RIGHT, 34, 20
    bottom = top + len(rows) * tall

    def x(ms: float) -> float:
        return LEFT + math.log(max(ms, least) / least) / math.log(most / least) * plot

    columns = {"median": 48, "95 %": 92, "limit": 138, "over": 178}  # right edges
    parts = [label(WIDTH - RIGHT + dx, 13, words, "t-soft t-end") for words, dx in columns.items()]
    told = []
    for i, (name, budget, values) in enumerate(rows):
        y = top + i * tall
        middle = y + tall / 2
        parts.append(label(LEFT - 10, middle + 4.5, name, "t-end"))
        parts.append(rect(LEFT, y + 4, x(budget.goal) - LEFT, tall - 8, "z-goal"))
        parts.append(rect(x(budget.goal), y + 4, x(budget.limit) - x(budget.goal), tall - 8, "z-limit"))
        parts.append(rect(x(budget.limit), y + 4, LEFT + plot - x(budget.limit), tall - 8, "z-over"))
        ordered = sorted(values)
        # spread sideways by a fixed pattern, so that equal values do not hide each other
        aside = [1.5 * ((k * 5) % 7 - 3) for k in range(7)]
        shown = enumerate(thin([(v,) for v in ordered], 300))
        dots = (f"M{px(x(v))} {px(middle + aside[k % 7])}h0" for k, (v,) in shown)
        parts.append(tag("path", d="".join(dots), class_="dots"))
        parts.append(line(x(budget.goal), y + 2, x(budget.goal), y + tall - 2, "goal"))
        parts.append(line(x(budget.limit), y + 2, x(budget.limit), y + tall - 2, "limit"))
        q1, median, q3, high = (percentile(ordered, s) or 0.0 for s in (0.25, 0.5, 0.75, 0.95))
        if len(ordered) >= 5:
            parts.append(rect(x(q1), y + 8, x(q3) - x(q1), tall - 16, "box"))
            parts.append(line(x(median), y + 6, x(median), y + tall - 6, "median"))
        late = sum(v > budget.limit for v in ordered)
        cells = [number(v, 1 if v < 10 else 0) for v in (median, high, budget.limit)] + [str(late)]
        for dx, words in zip(columns.values(), cells, strict=True):
            bad = " t-fail" if late and dx == columns["over"] else ""
            parts.append(label(WIDTH - RIGHT + dx, middle + 4.5, words, f"t-end{bad}"))
        told.append(f"{name} median {median:.0f}, 95th percentile {high:.0f} of {budget.limit:.0f} ms")
    for decade in range(int(math.log10(most)) + 1):
        at = x(10.0**decade)
        parts.append(line(at, bottom, at, bottom + 4, "axis"))
        parts.append(label(at, bottom + 17, f"{10**decade}", "t-soft t-mid"))
    parts.append(line(LEFT, bottom, LEFT + plot, bottom, "axis"))
    parts.append(label(WIDTH - RIGHT + 8, bottom + 17, "ms, logarithmic", "t-soft"))
    return drawing(WIDTH, bottom + 24, f"Latencies: {'; '.join(told)}", *parts, class_="chart")


# --------------------------------------------------------------------------- curves over time


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
    """Clearance [m], processor [% of one core] and memory [MB] over simulated seconds, one above the other,
    with the moments at which commands were given, events happened and forbidden things were touched. None
    if nothing was recorded over time."""
    near = lowest([p for p in record.near if sane(*p)], 400)
    usage = [u for u in record.usage if sane(u.stamp, u.cpu, u.memory)]
    panels = [
        _Panel("clearance", "m", near, 108, 2, True),
        _Panel("cpu", "%", [(u.stamp, u.cpu) for u in usage], 64, 0, False),
        _Panel("memory", "MB", [(u.stamp, u.memory) for u in usage], 64, 0, False),
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
    return [tag("path", d=_cross(x(t.stamp), y - 5, 5), class_="cross") for t in inside[:50]]


def _cross(x: float, y: float, size: float) -> str:
    return (
        f"M{px(x - size)} {px(y - size)}L{px(x + size)} {px(y + size)}"
        f"M{px(x - size)} {px(y + size)}L{px(x + size)} {px(y - size)}"
    )


# --------------------------------------------------------------------------- maps


@dataclass(frozen=True)
class Shadow:
    """What a fixed solid covers seen from above: every point within `radius` [m] of the hull of `corners`,
    (n, 2) [m]. tall: whether it is as high as a wall."""

    corners: NDArray[np.float64]
    radius: float
    tall: bool

    @property
    def bounds(self) -> Area:
        x0, y0 = self.corners.min(axis=0) - self.radius
        x1, y1 = self.corners.max(axis=0) + self.radius
        return float(x0), float(y0), float(x1), float(y1)

    def draw(self) -> Markup:
        """In metres."""
        kind, effect = "wall" if self.tall else "thing", "non-scaling-stroke"
        if len(self.corners) == 1:
            x, y = self.corners[0]
            r = f"{self.radius:.3f}"
            return tag("circle", cx=f"{x:.2f}", cy=f"{y:.2f}", r=r, class_=kind, vector_effect=effect)
        path = "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in self.corners) + "Z"
        return tag("path", d=path, class_=kind, vector_effect=effect)


@dataclass(frozen=True)
class Plan:
    """What is fixed in a world, to be drawn once a page and used by each of its maps. name: the id of its
    drawing. shadows: the lower ones first. box: around all of it [m]."""

    name: str
    world: World
    shadows: tuple[Shadow, ...]
    box: Area

    @staticmethod
    def of(name: str, world: World) -> Plan:
        shadows = []
        for solid in sorted(world.solids, key=lambda s: float(s.pose[2, 3])):
            found = footprint.shadow(solid.shape, solid.size, solid.pose, -100.0, OVERHEAD)
            if found is not None:
                tall = footprint.shadow(solid.shape, solid.size, solid.pose, TALL - 0.01, TALL) is not None
                shadows.append(Shadow(*found, tall))
        areas = [s.bounds for s in shadows] + list(world.forbidden)
        areas += [(x, y, x, y) for x, y in [(p.x, p.y) for p in world.places] + [world.start[:2]]]
        low, high = np.min(areas, axis=0)[:2] - 0.2, np.max(areas, axis=0)[2:] + 0.2
        box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        return Plan(name, world, tuple(shadows), box)

    def draw(self) -> Markup:
        """A group in metres, y up, that `<use>` puts into a map."""
        parts = [s.draw() for s in self.shadows]
        for x0, y0, x1, y1 in self.world.forbidden:
            path = f"M{x0:.2f} {y0:.2f}H{x1:.2f}V{y1:.2f}H{x0:.2f}Z"
            parts.append(tag("path", d=path, class_="keep-out", vector_effect="non-scaling-stroke"))
        return tag("g", *parts, id=self.name)


@dataclass
class _Sheet:
    """A map's paper: metres to pixels, and labels that keep out of each other's way."""

    box: Area
    taken: list[Area] = field(default_factory=list)
    """Where words and marks are [px]."""
    drawn: list[Area] = field(default_factory=list)
    """Where lines and furniture are: words go there only if nothing else is free."""

    @property
    def scale(self) -> float:
        x0, y0, x1, y1 = self.box
        return min(MAP_WIDTH / (x1 - x0), MAP_HEIGHT / (y1 - y0))

    @property
    def size(self) -> XY:
        x0, y0, x1, y1 = self.box
        return (x1 - x0) * self.scale, (y1 - y0) * self.scale

    def at(self, x: float, y: float) -> XY:
        return (x - self.box[0]) * self.scale, (self.box[3] - y) * self.scale

    def inside(self, x: float, y: float) -> bool:
        return self.box[0] <= x <= self.box[2] and self.box[1] <= y <= self.box[3]

    def plan(self, plan: Plan) -> Markup:
        self.block_plan(plan)
        s = self.scale
        move = f"matrix({s:.4g} 0 0 {-s:.4g} {px(-self.box[0] * s)} {px(self.box[3] * s)})"
        return tag("use", href=f"#{plan.name}", transform=move)

    def label(self, x: float, y: float, words: str, class_: str = "") -> Markup:
        """Words beside a pixel, on the first side where they cover no others and stay on the paper."""
        long, tall = 7.2 * len(words), 15.0
        sides = [
            (x + 10, y - 8, "", x + 10), (x - 10 - long, y - 8, "t-end", x - 10),
            (x - long / 2, y - 25, "t-mid", x), (x - long / 2, y + 9, "t-mid", x),
            (x + 8, y - 24, "", x + 8), (x + 8, y + 8, "", x + 8),
        ]  # fmt: skip
        width, height = self.size

        def cost(side: tuple[float, float, str, float]) -> float:
            area = (side[0], side[1], side[0] + long, side[1] + tall)
            off = area[0] < 0 or area[1] < 0 or area[2] > width or area[3] > height
            hits = sum(_overlap(area, t) for t in self.taken)
            return 100.0 * off + 10.0 * hits + min(9, sum(_overlap(area, d) for d in self.drawn))

        left, top, anchor, at = min(sides, key=cost)
        self.taken.append((left, top, left + long, top + tall))
        return label(at, top + 12, words, " ".join(filter(None, ["t-halo", anchor, class_])))

    def block(self, x: float, y: float, around: float) -> None:
        """Keep labels off a mark at a pixel."""
        self.taken.append((x - around, y - around, x + around, y + around))

    def block_plan(self, plan: Plan) -> None:
        for shadow in plan.shadows:
            west, south, east, north = shadow.bounds
            self.drawn.append((*self.at(west, north), *self.at(east, south)))

    def block_way(self, way: Sequence[XY]) -> None:
        self.drawn += [(x - 2, y - 2, x + 2, y + 2) for x, y in way[::3]]

    def finish(self, says: str, parts: Sequence[Markup]) -> Markup:
        """The map, with a strip below it that says how long a metre is."""
        width, height = self.size
        path = f"M10 {px(height + 10)}v5h{px(self.scale)}v-5"
        scale = [tag("path", d=path, class_="scale"), label(18 + self.scale, height + 17, "1 m")]
        return drawing(width, height + 26, says, *parts, *scale, class_="map")


def _overlap(a: Area, b: Area) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _sheet(plan: Plan | None, ways: Sequence[Sequence[tuple[float, ...]]]) -> _Sheet | None:
    spots = [p[-2:] for way in ways for p in way]
    if plan is None and not spots:
        return None
    low = [min((p[i] for p in spots), default=math.inf) - 0.3 for i in (0, 1)]
    high = [max((p[i] for p in spots), default=-math.inf) + 0.3 for i in (0, 1)]
    if plan is not None:
        low = [min(low[i], plan.box[i]) for i in (0, 1)]
        high = [max(high[i], plan.box[2 + i]) for i in (0, 1)]
    return _Sheet((low[0], low[1], high[0], high[1]))


def _places(sheet: _Sheet, plan: Plan | None) -> list[Markup]:
    parts = []
    for place in plan.world.places if plan else ():
        x, y = sheet.at(place.x, place.y)
        parts.append(tag("circle", cx=px(x), cy=px(y), r="4", class_="place"))
        sheet.block(x, y, 5)
    for place in plan.world.places if plan else ():
        x, y = sheet.at(place.x, place.y)
        parts.append(sheet.label(x, y, place.name, "t-soft"))
    return parts


def run_map(record: RunRecord, plan: Plan | None) -> Markup | None:
    """One run from above: the fixed world, the way walked with a dot every 10 s, start and end, where
    objects were at first and at last, forbidden contacts. None if there is nothing to draw."""
    way = thin([p for p in record.path if sane(*p)], 500)
    sheet = _sheet(plan, [way])
    if sheet is None or not (way or record.objects):
        return None
    parts = [sheet.plan(plan)] if plan else []
    drawn = [sheet.at(x, y) for _, x, y in way]
    if len(drawn) > 1:
        sheet.block_way(drawn)
        parts.append(tag("polyline", points=points(drawn), class_="way"))
        parts.append(_stamps(sheet, way))
    over: list[Markup] = []
    if drawn:
        for (x, y), name in ((drawn[0], "start"), (drawn[-1], "end")):
            sheet.block(x, y, 7)
            shape = (
                tag("circle", cx=px(x), cy=px(y), r="6", class_="start") if name == "start"
                else tag("rect", x=px(x - 6), y=px(y - 6), width=12, height=12, class_="end")
            )  # fmt: skip
            parts.append(shape)
        for (x, y), name in ((drawn[0], "start"), (drawn[-1], "end")):
            over.append(sheet.label(x, y, name))
    things, names = _objects(sheet, record)
    for i, touch in enumerate(record.contacts[:20], 1):
        near = min(way, key=lambda p: abs(p[0] - touch.stamp), default=None)
        if near is not None:
            x, y = sheet.at(near[1], near[2])
            over.append(tag("path", d=_cross(x, y, 8), class_="cross"))
            sheet.block(x, y, 8)
            if i <= 5:
                over.append(sheet.label(x, y, f"contact {i}", "t-fail"))
    parts += [*things, *over, *names, *_places(sheet, plan)]
    says = f"Map from above: {record.path_length:.1f} m walked, {len(record.contacts)} forbidden contacts"
    return sheet.finish(says, parts)


def _stamps(sheet: _Sheet, way: Sequence[tuple[float, ...]], every: float = 10.0) -> Markup:
    dots, due = "", way[0][0] + every
    for stamp, x, y in way:
        if stamp >= due:
            dots += "M{} {}h0".format(*map(px, sheet.at(x, y)))
            due = stamp + every
    return tag("path", d=dots, class_="stamp") if dots else Markup("")


def moved(record: RunRecord, least: float = 0.05) -> dict[str, float]:
    """Objects that lie at least this far from where they began: name to distance [m]."""
    ways = {name: math.dist(first, last) for name, (first, last) in record.objects.items()}
    return {name: way for name, way in ways.items() if least <= way < 1e6}


def _objects(sheet: _Sheet, record: RunRecord) -> tuple[list[Markup], list[Markup]]:
    """Dots where objects were at first, rings where those are that moved; and the names of these."""
    marks: list[Markup] = []
    names: list[Markup] = []
    far = moved(record)
    for name, (first, last) in record.objects.items():
        paint = PAINT.get(name.split("_")[0], OTHER)
        title = tag("title", name.replace("_", " "))
        if not (sane(*first, *last) and sheet.inside(first[0], first[1])):
            continue
        x, y = sheet.at(first[0], first[1])
        marks.append(tag("circle", title, cx=px(x), cy=px(y), r="4.5", fill=paint, class_="object"))
        sheet.block(x, y, 5)
        if name not in far or not sheet.inside(last[0], last[1]):
            continue
        u, v = sheet.at(last[0], last[1])
        marks.append(line(x, y, u, v, "moving"))
        marks.append(tag("circle", title, cx=px(u), cy=px(v), r="7.5", class_="moved"))
        marks.append(tag("circle", cx=px(u), cy=px(v), r="3.5", fill=paint))
        sheet.block(u, v, 8)
    for name in far:
        last = record.objects[name][1]
        if sane(*last) and sheet.inside(last[0], last[1]):
            names.append(sheet.label(*sheet.at(last[0], last[1]), name.replace("_", " ")))
    return marks, names


def ways_map(passed: Sequence[RunRecord], others: Sequence[RunRecord], plan: Plan | None) -> Markup | None:
    """The ways of all runs in one map, those of runs that did not pass dashed and on top."""
    kinds = [("ways", r) for r in passed] + [("ways-failed", r) for r in others]
    lines = [(kind, thin([p for p in r.path if sane(*p)], 100), r) for kind, r in kinds]
    sheet = _sheet(plan, [way for _, way, _ in lines])
    if sheet is None or not any(way for _, way, _ in lines):
        return None
    parts = [sheet.plan(plan)] if plan else []
    over = []
    for kind, way, record in lines:
        if len(way) > 1:
            drawn = points(sheet.at(x, y) for _, x, y in way)
            # of many, each is faint: where most went is dark
            faint = max(0.15, min(0.9, 6 / len(passed))) if kind == "ways" else None
            parts.append(tag("polyline", points=drawn, class_=kind, stroke_opacity=faint))
        for touch in record.contacts[:5]:
            near = min(way, key=lambda p: abs(p[0] - touch.stamp), default=None)
            if near is not None:
                over.append(tag("path", d=_cross(*sheet.at(near[1], near[2]), 6), class_="cross"))
    parts += [*_places(sheet, plan), *over]
    says = f"Map from above: the ways of {len(passed)} passed and {len(others)} other runs"
    return sheet.finish(says, parts)
