"""Charts of a report: small bars in tables, a command's latencies one by one, those of many on one axis."""

from __future__ import annotations

import math
from collections.abc import Sequence

from vla_sim.contract import budgets
from vla_sim.contract.budgets import Budget
from vla_sim.report.parts import Markup, number, tag
from vla_sim.report.svg import WIDTH, drawing, label, line, px, rect, sane, steps, thin
from vla_sim.scenario.record import CommandRecord
from vla_sim.scenario.statistics import Rate, percentile

LEFT, RIGHT = 96, 190  # beside the plot: row names, and what was measured
ROW = 26
BESIDE = ("perception",)
"""Stages that are timed for themselves, not on the way from the end of speech to the first motion."""


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

    goal, high = budgets.TOTAL_BUDGET.goal, top - 4
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


def distribution(
    rows: Sequence[tuple[str, Budget | None, list[float]]], left: float = LEFT, least: float = 1.0
) -> Markup | None:
    """For each row all values [ms] as dots on a logarithmic axis, a box from the 25th to the 75th percentile
    with the median in it, on fields up to the goal, up to the limit, and over it, where there is a budget.
    left: room for the names [px]. least [ms]: what is faster lies on the edge."""
    if not rows:
        return None
    most = max(max(b.limit if b else 1.0, *values) for _, b, values in rows) * 1.5
    plot, tall, top = WIDTH - left - RIGHT, 34, 20
    bottom = top + len(rows) * tall

    def x(ms: float) -> float:
        return left + math.log(max(ms, least) / least) / math.log(most / least) * plot

    columns = {"median": 48, "95 %": 92, "limit": 138, "over": 178}  # right edges
    parts = [label(WIDTH - RIGHT + dx, 13, words, "t-soft t-end") for words, dx in columns.items()]
    told = []
    for i, (name, budget, values) in enumerate(rows):
        y = top + i * tall
        middle = y + tall / 2
        parts.append(label(left - 10, middle + 4.5, name, "t-end"))
        if budget:
            goal, limit = x(budget.goal), x(budget.limit)
            parts.append(rect(left, y + 4, goal - left, tall - 8, "z-goal"))
            parts.append(rect(goal, y + 4, limit - goal, tall - 8, "z-limit"))
            parts.append(rect(limit, y + 4, left + plot - limit, tall - 8, "z-over"))
        ordered = sorted(values)
        # spread sideways by a fixed pattern, so that equal values do not hide each other
        aside = [1.5 * ((k * 5) % 7 - 3) for k in range(7)]
        shown = enumerate(thin([(v,) for v in ordered], 300))
        dots = (f"M{px(x(v))} {px(middle + aside[k % 7])}h0" for k, (v,) in shown)
        parts.append(tag("path", d="".join(dots), class_="dots"))
        if budget:
            parts.append(line(goal, y + 2, goal, y + tall - 2, "goal"))
            parts.append(line(limit, y + 2, limit, y + tall - 2, "limit"))
        q1, median, q3, high = (percentile(ordered, s) or 0.0 for s in (0.25, 0.5, 0.75, 0.95))
        if len(ordered) >= 5:
            parts.append(rect(x(q1), y + 8, x(q3) - x(q1), tall - 16, "box"))
            parts.append(line(x(median), y + 6, x(median), y + tall - 6, "median"))
        late = sum(v > budget.limit for v in ordered) if budget else 0
        shown_values = (median, high, budget.limit) if budget else (median, high)
        cells = [number(v, 1 if v < 10 else 0) for v in shown_values]
        cells += [str(late)] if budget else ["", ""]
        for dx, words in zip(columns.values(), cells, strict=True):
            bad = " t-fail" if late and dx == columns["over"] else ""
            parts.append(label(WIDTH - RIGHT + dx, middle + 4.5, words, f"t-end{bad}"))
        of = f" of {budget.limit:.0f}" if budget else ""
        told.append(f"{name} median {median:.0f}, 95th percentile {high:.0f}{of} ms")
    for decade in range(round(math.log10(least)), int(math.log10(most)) + 1):
        at = x(10.0**decade)
        parts.append(line(at, bottom, at, bottom + 4, "axis"))
        parts.append(label(at, bottom + 17, f"{10.0**decade:g}", "t-soft t-mid"))
    parts.append(line(left, bottom, left + plot, bottom, "axis"))
    parts.append(label(WIDTH - RIGHT + 8, bottom + 17, "ms, logarithmic", "t-soft"))
    return drawing(WIDTH, bottom + 24, f"Latencies: {'; '.join(told)}", *parts, class_="chart")
