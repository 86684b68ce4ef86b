"""Charts of a report: small bars in tables, a command's latencies one by one, those of many on one axis."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from vla_sim.contract.budgets import Budget
from vla_sim.report.svg import WIDTH, drawing, label, line, px, rect, sane, steps, tag, thin
from vla_sim.report.text import number

LEFT, RIGHT = 96, 190  # beside the plot: row names, and what was measured
ROW = 26


class Stage(NamedTuple):
    """One row of a waterfall. beside: timed by itself, not on the way from the end of speech to the first
    motion. note: said behind the figure."""

    name: str
    milliseconds: float
    limit: float
    beside: bool = False
    note: str = ""


def rate_bar(rate: float | None, low: float, high: float, says: str) -> Markup:
    """0 to 1: the interval as a bar, the rate as a dot."""
    width, height = 132.0, 14.0

    def at(share: float) -> float:
        return 5 + share * (width - 10)

    dot = None if rate is None else tag("circle", cx=px(at(rate)), cy="7", r="4", class_="point")
    bars = rect(at(0), 5, at(1) - at(0), 4, "whole"), rect(at(low), 3.5, at(high) - at(low), 7, "between")
    return _small(width, height, says, *bars, dot)


def budget_bar(median: float, high: float, budget: Budget) -> Markup:
    """0 to the limit [ms] (or beyond): the bar ends at the median, the dot is the 95th percentile."""
    width, height = 172.0, 16.0
    most = max(budget.limit, high) * 1.04
    dot = "bar-over" if high > budget.limit else "point"

    def at(value: float) -> float:
        return value / most * (width - 6)

    says = f"median {median:.0f} ms, 95th percentile {high:.0f} ms, limit {budget.limit:.0f} ms"
    return _small(
        width, height, says,
        rect(0, 4, at(budget.limit), 8, "whole"),
        rect(0, 5.5, at(median), 5, "bar"),
        tag("circle", cx=px(at(high)), cy="8", r="3.5", class_=dot),
        line(at(budget.goal), 1, at(budget.goal), 15, "goal"),
        line(at(budget.limit), 1, at(budget.limit), 15, "limit"),
    )  # fmt: skip


def _small(width: float, height: float, says: str, *parts: Markup | None) -> Markup:
    """Inside a table's cell, at its own size."""
    size = {"width": px(width), "height": px(height), "viewBox": f"0 0 {px(width)} {px(height)}"}
    return tag("svg", *parts, **size, role="img", aria_label=says)


def waterfall(stages: Sequence[Stage], total: float | None, budget: Budget, note: str = "") -> Markup | None:
    """A command's stages one after the other [ms], each on a field as wide as its limit; below, the way from
    the end of speech to the first motion against its budget. None if nothing was timed.

    note: said behind the total."""
    stages = [s for s in stages if sane(s.milliseconds)]
    if total is not None and not sane(total):
        total = None
    if not stages and total is None:
        return None
    rows, at = [], 0.0
    for stage in stages:
        rows.append((at, stage))
        at += 0.0 if stage.beside else stage.milliseconds
    if total is not None:
        rows.append((0.0, Stage("first motion", total, budget.limit, note=note)))
    most = max([budget.limit, 1.0, *(begin + max(s.milliseconds, s.limit) for begin, s in rows)]) * 1.03
    right = RIGHT + 24
    plot, top = WIDTH - LEFT - right, 26
    bottom, high = top + len(rows) * ROW + 4, top - 4

    def x(ms: float) -> float:
        return LEFT + ms / most * plot

    parts = [line(x(t), high, x(t), bottom, "grid") for t in steps(0, most, 6)]
    parts += [label(x(t), bottom + 15, f"{t:.0f}", "t-soft t-mid") for t in steps(0, most, 6)]
    parts.append(label(WIDTH - right + 8, bottom + 15, "ms", "t-soft"))
    for name, ms in (("goal", budget.goal), ("limit", budget.limit)):
        parts += [line(x(ms), high, x(ms), bottom, name), label(x(ms), 14, name, "t-soft t-mid")]
    for i, (begin, s) in enumerate(rows):
        y, within = top + i * ROW, min(s.milliseconds, s.limit)
        parts.append(label(LEFT - 10, y + 16, s.name, "t-end"))
        if i < len(stages):
            parts.append(rect(x(begin), y + 3, x(begin + s.limit) - x(begin), ROW - 8, "room"))
        width = max(2.0, x(begin + within) - x(begin))
        parts.append(rect(x(begin), y + 6, width, ROW - 14, "bar-side" if s.beside else "bar"))
        over = s.milliseconds > s.limit
        if over:
            end = x(begin + s.limit)
            parts.append(rect(end, y + 6, x(begin + s.milliseconds) - end, ROW - 14, "bar-over"))
        words = f"{s.milliseconds:.{_digits(s.milliseconds)}f} of {s.limit:.0f} ms"
        words = ", ".join(filter(None, [words, "over" if over else "", s.note]))
        parts.append(label(WIDTH - right + 8, y + 16, words, "t-fail" if over else ""))
    parts.append(line(LEFT, high, LEFT, bottom, "axis"))
    says = ", ".join(f"{s.name} {s.milliseconds:.0f} of {s.limit:.0f} ms" for _, s in rows)
    return drawing(WIDTH, bottom + 22, f"Latencies: {says}", *parts, class_="chart")


def distribution(
    rows: Sequence[tuple[str, Budget | None, list[float]]], left: float = LEFT, least: float = 1.0
) -> Markup | None:
    """For each row all values [ms] as dots on a logarithmic axis, a box from the 25th to the 75th percentile
    with the median in it, on fields up to the goal, up to the limit, and over it, where there is a budget.
    left: width of the names [px]. least [ms]: what is faster lies on the edge."""
    if not rows:
        return None
    most = max(max(b.limit if b else 1.0, *values) for _, b, values in rows) * 1.5
    plot, tall, top = WIDTH - left - RIGHT, 34, 20
    bottom = top + len(rows) * tall

    def x(ms: float) -> float:
        return left + math.log(max(ms, least) / least) / math.log(most / least) * plot

    columns = {"median": 48, "95 %": 92, "limit": 138, "over": 178}  # right edges
    parts = [label(WIDTH - RIGHT + dx, 13, words, "t-soft t-end") for words, dx in columns.items()]
    says = []
    for i, (name, budget, values) in enumerate(rows):
        y = top + i * tall
        middle = y + tall / 2
        parts.append(label(left - 10, middle + 4.5, name, "t-end"))
        marks: list[Markup] = []
        if budget:
            goal, limit = x(budget.goal), x(budget.limit)
            ends = (left, goal, "z-goal"), (goal, limit, "z-limit"), (limit, left + plot, "z-over")
            parts += [rect(a, y + 4, b - a, tall - 8, zone) for a, b, zone in ends]
            edges = (goal, "goal"), (limit, "limit")
            marks = [line(at, y + 2, at, y + tall - 2, kind) for at, kind in edges]
        # spread sideways by a fixed pattern, so that equal values do not hide each other
        shown = enumerate(thin([(v,) for v in sorted(values)], 300))
        dots = (f"M{px(x(v))} {px(middle + 1.5 * ((k % 7 * 5) % 7 - 3))}h0" for k, (v,) in shown)
        parts += [tag("path", d="".join(dots), class_="dots"), *marks]
        q1, median, q3, high = (float(q) for q in np.percentile(values, (25, 50, 75, 95)))
        if len(values) >= 5:
            parts.append(rect(x(q1), y + 8, x(q3) - x(q1), tall - 16, "box"))
            parts.append(line(x(median), y + 6, x(median), y + tall - 6, "median"))
        late = sum(v > budget.limit for v in values) if budget else 0
        figures = (median, high, budget.limit) if budget else (median, high)
        cells = [number(v, _digits(v)) for v in figures] + ([str(late)] if budget else [])
        for (column, dx), words in zip(columns.items(), cells, strict=False):
            bad = " t-fail" if late and column == "over" else ""
            parts.append(label(WIDTH - RIGHT + dx, middle + 4.5, words, f"t-end{bad}"))
        of = f" of {budget.limit:.0f}" if budget else ""
        says.append(f"{name} median {median:.0f}, 95th percentile {high:.0f}{of} ms")
    for decade in range(round(math.log10(least)), int(math.log10(most)) + 1):
        at = x(10.0**decade)
        parts.append(line(at, bottom, at, bottom + 4, "axis"))
        parts.append(label(at, bottom + 17, f"{10.0**decade:g}", "t-soft t-mid"))
    parts.append(line(left, bottom, left + plot, bottom, "axis"))
    parts.append(label(WIDTH - RIGHT + 8, bottom + 17, "ms, logarithmic", "t-soft"))
    return drawing(WIDTH, bottom + 24, f"Latencies: {'; '.join(says)}", *parts, class_="chart")


def _digits(milliseconds: float) -> int:
    return 1 if milliseconds < 10 else 0
