"""A suite as files: Markdown for people, JSON for programs, a plot of each set."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from vla_sim.bench.requirements import Judged, Requirement
from vla_sim.bench.result import FILE, Result, Suite
from vla_sim.common.files import write_whole, writing
from vla_sim.common.markdown import table
from vla_sim.contract.budgets import Budget
from vla_sim.report.charts import distribution
from vla_sim.report.page import standalone

MARKDOWN = "bench.md"
NAMES = 150
"""Room for names beside a plot [px]."""
LEAST = 1e-3
"""Where the axis of a plot begins at the earliest [ms]."""


def number(value: float) -> str:
    """As many digits as one looks at."""
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def by_set(results: Iterable[Result]) -> dict[str, list[Result]]:
    out: dict[str, list[Result]] = {}
    for result in results:
        out.setdefault(result.set, []).append(result)
    return out


def markdown(suite: Suite, judged: Sequence[Judged], plots: Iterable[str] = ()) -> str:
    m = suite.machine
    held = sum(j.state == "holds" for j in judged)
    measured = sum(j.state != "not measured" for j in judged)
    spare = sum(j.state == "holds" and j.spare for j in judged)
    failed = sum(r.state == "failed" for r in suite.results)
    plots = set(plots)
    lines = [
        "# Benchmarks", "",
        f"{suite.started}, {suite.seconds:.0f} s" + (", interrupted" if suite.interrupted else "") + ".", "",
        f"    {suite.again}", "",
        f"- requirements: {held} of {len(judged)} hold, {spare} with half to spare; "
        f"{len(judged) - measured} not measured",
        f"- benchmarks: {len(suite.results)}, failed: {failed}",
        f"- machine: {m.cpu}, {m.cores} cores, {m.memory:.0f} GB, {m.system}",
        f"- load: {m.load_before:.1f} before, {m.load_after:.1f} after; other programs used "
        f"{100 * m.others:.0f} % of all cores",
        f"- versions: {', '.join(f'{name} {version}' for name, version in m.versions.items())}", "",
        "## Requirements", "",
    ]  # fmt: skip
    lines += table(("requirement", "asked by", "benchmark", "statistic", "measured", "limit", "goal", ""), [
        (j.name, j.source, j.benchmark, f"{j.statistic} of {j.count}" if j.count else j.statistic,
         measured_words(j), limit_words(j), number(j.goal), j.words)
        for j in judged
    ])  # fmt: skip
    for name, results in by_set(suite.results).items():
        lines += ["", f"## {name}", ""]
        lines += table(
            ("benchmark", "what", "mean", "min", "max", "std", "p50", "p95", "p99", "CPU", "per second",
             "samples", "right", ""),
            [_row(r) for r in results],
        )  # fmt: skip
        if f"{name}.svg" in plots:
            lines += ["", f"![{name}]({name}.svg)"]
    lines += [
        "", "Percentiles are linear between neighbours; std is with n - 1; CPU is the median of the "
        "processor's time of a sample, which a busy machine does not lengthen.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def measured_words(j: Judged) -> str:
    return f"{number(j.value)} {j.unit}".rstrip() if j.value is not None else ""


def limit_words(j: Judged) -> str:
    return f"{'≥' if j.below else '≤'} {number(j.limit)}"


def _row(r: Result) -> tuple[str, ...]:
    s = r.summary
    cells = [number(v) for v in (s.mean, s.min, s.max, s.std, s.p50, s.p95, s.p99)] if s else [""] * 7
    cpu = number(r.cpu_p50) if r.cpu_p50 is not None else ""
    speed = number(s.throughput) if s and s.throughput else ""
    right = f"{r.right} of {r.attempts}"
    note = "" if r.state == "ok" else f"{r.state}: {r.reason}"
    return (f"{r.name} [{r.unit}]", r.what, *cells, cpu, speed, str(s.count if s else 0), right, note)


def plot(results: Sequence[Result], requirements: Sequence[Requirement]) -> bytes | None:
    """All samples of a set's times [ms], each on its limit and goal if it has them."""
    rows: list[tuple[str, Budget | None, list[float]]] = []
    for r in results:
        if r.unit != "ms" or not r.samples:
            continue
        asked = [q for q in requirements if q.matches(r.name) and not q.below and q.statistic != "success"]
        budget = Budget(asked[0].limit, asked[0].goal) if asked else None
        rows.append((r.name.partition(".")[2], budget, r.samples))
    if not rows:
        return None
    fastest = max(LEAST, min(min(values) for *_, values in rows))
    return standalone(distribution(rows, NAMES, min(1.0, 10.0 ** math.floor(math.log10(fastest)))))


def write(
    suite: Suite, judged: Sequence[Judged], requirements: Sequence[Requirement], folder: Path
) -> list[Path]:
    """Everything into the folder; the paths. Raises `InputError`."""
    pictures = {
        f"{name}.svg": picture for name, results in by_set(suite.results).items()
        if (picture := plot(results, requirements)) is not None
    }  # fmt: skip
    files = {
        FILE: msgspec.json.format(msgspec.json.encode(suite), indent=1),
        "requirements.json": msgspec.json.format(msgspec.json.encode(list(judged)), indent=1),
        MARKDOWN: markdown(suite, judged, pictures).encode(),
        **pictures,
    }
    with writing(f"the report to {folder}"):
        for name, data in files.items():
            write_whole(folder / name, data)
    return [folder / name for name in files]
