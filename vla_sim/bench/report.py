"""Results as Markdown and plots."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from vla_sim.bench.compare import Change
from vla_sim.bench.requirements import Compliance
from vla_sim.bench.suite import SETS, Report, Result, encode
from vla_sim.errors import InputError
from vla_sim.files import write_whole
from vla_sim.markdown import table
from vla_sim.scenario.report_page import standalone
from vla_sim.scenario.report_parts import tag
from vla_sim.scenario.report_svg import WIDTH, drawing, label, line, px, rect

MARKS = {
    "holds": "holds", "misses its goal": "holds, goal missed", "failed": "FAILED",
    "not measured": "not measured",
}  # fmt: skip
ROW, LEFT, RIGHT, TOP = 22, 300, 90, 26


def number(value: float | None) -> str:
    """Three digits, as people write them."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:.0f}" if abs(value) >= 100.0 else f"{value:.3g}"


def held(found: Sequence[Compliance]) -> list[tuple[str, ...]]:
    """Rows of a table: requirement, measured, limit, goal, margin, verdict."""
    rows: list[tuple[str, ...]] = []
    for c in found:
        r = c.requirement
        sign = "≤" if r.at == "most" else "≥"
        measured = f"{number(c.value)} {r.unit}" if c.value is not None else c.detail
        margin = "" if c.margin is None else "ample" if math.isinf(c.margin) else f"{c.margin:.3g}×"
        rows.append((
            r.name, f"{r.statistic} {measured}" if c.value is not None else measured,
            f"{sign} {number(r.limit)}", f"{sign} {number(r.goal)}", margin, MARKS[c.state],
        ))  # fmt: skip
    return rows


HEAD = ("requirement", "measured", "limit", "goal", "holds by", "verdict")
FIGURES = ("benchmark", "n", "mean", "min", "max", "stddev", "p50", "p95", "p99", "a second")


def figured(results: Iterable[Result]) -> list[tuple[str, ...]]:
    """Rows of a table: each result's figures, or why there are none."""
    rows = []
    for r in results:
        name = f"{r.name.partition('/')[2]} [{r.unit}]"
        f = r.figures
        if f is None or not r.success:
            rows.append((name, "", f"FAILED: {r.error}", *[""] * 7))
            continue
        values = (f.mean, f.min, f.max, f.stddev, f.p50, f.p95, f.p99)
        per = number(f.throughput) if f.throughput else ""
        rows.append((name, str(f.count), *(number(v) for v in values), per))
    return rows


def markdown(report: Report, found: Sequence[Compliance]) -> str:
    m = report.machine
    packages = ", ".join(f"{name} {version}" for name, version in m.packages.items())
    failed = sum(not r.success for r in report.results)
    lines = [
        "# Benchmarks", "",
        f"{report.began}, {report.seconds:.0f} s, vla_sim {report.version}"
        + (", quick" if report.quick else "") + ("" if report.complete else ", ended early") + ".",
        f"{m.processor}, {m.cores} cores, {m.memory_gb:g} GB, load {m.load:g} at the beginning; "
        f"Python {m.python}, {packages}.",
        f"{len(report.results)} results, {failed} failed.", "", "## Requirements", "",
        *table(HEAD, held(found)), "",
        "Limits are the book's figures, goals are ours. Of several benchmarks the worst one counts.", "",
    ]  # fmt: skip
    for name in SETS:
        results = [r for r in report.results if r.name.startswith(f"{name}/")]
        if results:
            lines += [f"## {name}", "", *table(FIGURES, figured(results)), "", f"![{name}]({name}.svg)", ""]
    return "\n".join(lines)


def plot(results: Sequence[Result]) -> bytes | None:
    """Median (bar) and 95th percentile (dot) of those in milliseconds, on a logarithmic axis."""
    timed = (r for r in results if r.success and r.unit == "ms")
    rows = [(r, r.figures) for r in timed if r.figures is not None and r.figures.p50 > 0.0]
    if not rows:
        return None
    low = math.floor(min(math.log10(f.p50) for _, f in rows) - 0.3)
    high = max(low + 1, math.ceil(max(math.log10(max(f.p95, f.p50)) for _, f in rows)))

    def x(value: float) -> float:
        share = (math.log10(max(value, 10.0**low)) - low) / (high - low)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    bottom = TOP + ROW * len(rows)
    parts = []
    for power in range(low, high + 1):
        parts.append(line(x(10.0**power), TOP - 4, x(10.0**power), bottom, "grid"))
        parts.append(label(x(10.0**power), bottom + 16, f"{10.0**power:g} ms", "t-soft t-mid"))
    for k, (r, f) in enumerate(rows):
        y = TOP + ROW * k
        parts.append(label(LEFT - 8, y + 14, r.name.partition("/")[2][:46], "t-end"))
        parts.append(rect(LEFT, y + 5, x(f.p50) - LEFT, 10, "bar"))
        parts.append(tag("circle", cx=px(x(f.p95)), cy=px(y + 10), r="4", class_="point"))
        parts.append(label(WIDTH - RIGHT + 10, y + 14, f"{number(f.p50)} / {number(f.p95)}", "t-soft"))
    says = "; ".join(f"{r.name}: median {number(f.p50)} ms, p95 {number(f.p95)} ms" for r, f in rows)
    return standalone(drawing(WIDTH, bottom + 28, says, *parts, class_="chart"))


def write(report: Report, found: Sequence[Compliance], folder: Path) -> None:
    """report.md, report.json and a plot a set. Raises `InputError`."""
    try:
        write_whole(folder / "report.json", encode(report))
        write_whole(folder / "report.md", markdown(report, found).encode())
        for name in SETS:
            drawn = plot([r for r in report.results if r.name.startswith(f"{name}/")])
            if drawn is not None:
                write_whole(folder / f"{name}.svg", drawn)
    except OSError as error:
        raise InputError(f"the results cannot be written to {folder}: {error.strerror}") from None


def changed(changes: Sequence[Change]) -> list[tuple[str, ...]]:
    """Rows of a table: benchmark, verdict, ratio of the medians with its interval."""
    rows: list[tuple[str, ...]] = []
    for c in changes:
        between = "" if c.low is None else f"{c.low:.2f} to {c.high:.2f}"
        rows.append((c.name, c.verdict, "" if c.ratio is None else f"{c.ratio:.2f}", between, c.detail))
    return rows
