"""`vla-sim bench`: measure every part, and say which requirement holds by how much."""

from __future__ import annotations

import argparse
import os
import shlex
from collections import Counter
from typing import TYPE_CHECKING, Any

from vla_sim.cli import common
from vla_sim.common.errors import INTERRUPTED, BusyError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vla_sim.bench.benchmark import Benchmark
    from vla_sim.bench.requirements import Judged
    from vla_sim.bench.result import Result, Suite


def add(commands: Any) -> None:
    bench = commands.add_parser("bench", help="measure every part; which requirement holds by how much")
    bench.add_argument("targets", nargs="*", metavar="SET", help="these only, or single benchmarks")
    bench.add_argument("--list", action="store_true", help="show what there is")
    bench.add_argument("--quick", action="store_true", help="few samples, no runs of the whole stack")
    bench.add_argument("--repeat", type=common.count, metavar="N", help="samples (runs) of each benchmark")
    common.add_flags(bench, "base-url", "model")
    bench.add_argument(
        "--check", action="store_true",
        help="exit code 1 if a requirement does not hold or was not measured; 6: the machine was too busy",
    )  # fmt: skip
    bench.add_argument("--requirements", metavar="FILE", help="instead of config/requirements.yaml")
    bench.add_argument("--results", metavar="FILE", help="judge these instead of measuring; bench.json")
    bench.add_argument(
        "--compare", nargs=2, metavar=("A", "B"), help="is B slower than A, or broken? exit code 1 if it is"
    )
    common.add_flags(bench, "json", "out", out={"help": "default: runs/bench-<date>-<time>"})
    bench.set_defaults(call=call)


def call(a: argparse.Namespace) -> int:
    common.check_gl()
    from vla_sim.common import compute_threads

    # One thread a library, as the nodes have it; before the libraries are loaded.
    os.environ.update(compute_threads.environment() | os.environ)
    from vla_sim.bench import report, requirements, result, suite
    from vla_sim.bench.benchmark import Options

    console = common.console(a.json)
    if a.compare:
        return compare(console, result.read(a.compare[0]), result.read(a.compare[1]))
    if a.repeat == 0:
        raise InputError("--repeat 0: give at least 1")
    benchmarks = suite.choose(a.targets)
    if a.list:
        listing(console, benchmarks)
        return 0
    wanted = requirements.load(a.requirements)  # errors in it are reported before anything runs
    folder = None
    if a.results:
        measured = result.read(a.results)
    else:
        folder = common.folder(a.out, "bench-")
        options = Options(a.quick, a.repeat, a.base_url, a.model, folder)
        progress = Progress(console, sum(bool(b.quick) or not a.quick for b in benchmarks))
        measured = suite.run(
            benchmarks, options, again=_again(a), subset=bool(a.targets), begun=progress.begun,
            done=progress.done,
        )  # fmt: skip
        progress.close()
    judged = requirements.judge(wanted, measured)
    if measured.subset or measured.quick:  # what was not chosen is not worth a line
        judged = [j for j in judged if j.state != "not measured"]
    show(console, measured, judged)
    if folder is not None:
        written = report.write(measured, judged, wanted, folder)
        markdown = next(p for p in written if p.name == report.MARKDOWN)
        console.print(f"report: {markdown}", soft_wrap=True)
    common.write_json(a.json, [measured])
    if measured.interrupted:
        return INTERRUPTED
    if any(r.state == "failed" for r in measured.results):
        return 1
    if not a.check or requirements.passed(judged, measured.subset or measured.quick):
        return 0
    return 1 if measured.machine.fit else BusyError.exit_code


class Progress:
    """A line for each benchmark that is done, and on a terminal one for the one that runs."""

    def __init__(self, console: Any, count: int) -> None:
        self.console, self.count, self.number = console, count, 0
        self.status = console.status("starting")
        self.status.start()

    def begun(self, benchmark: Benchmark) -> None:
        self.number += 1
        self.status.update(f"{self.number} of {self.count}: {benchmark.name}, {benchmark.what}")

    def done(self, result: Result) -> None:
        from rich.text import Text

        s = result.summary
        figures = f"{s.p50:10.3f} {result.unit:3s} p50 {s.p95:10.3f} p95 {s.count:5d} samples" if s else ""
        cpu = f"  CPU {result.cpu_p50:.3f}" if result.cpu_p50 is not None else ""
        line = Text(f"{result.name:30s} {figures}{cpu}")
        if result.state != "ok":
            line.append(f"  {result.state}: {result.reason}", "red" if result.state == "failed" else "dim")
        self.console.print(line, soft_wrap=True)

    def close(self) -> None:
        self.status.stop()


def show(console: Any, suite: Suite, judged: Sequence[Judged]) -> None:
    """A line for each requirement, and under what load it was measured."""
    from rich.text import Text

    from vla_sim.bench.report import limit_words, measured_words

    styles = {"holds": "green", "violated": "bold red", "failed": "bold red", "not measured": "yellow"}
    if judged:
        console.print("\nRequirements", style="bold")
    for j in judged:
        what = f"{j.benchmark} {j.statistic}"
        line = f"{j.name:50s} {what:34s} {measured_words(j):>10s} {limit_words(j):>7s}  "
        console.print(Text(line).append(j.words, style=styles[j.state]), soft_wrap=True)
    m = suite.machine
    console.print(
        f"{suite.seconds:.0f} s on {m.cpu}, {m.cores} cores; load {m.load_before:.1f} before, "
        f"{m.load_after:.1f} after; other programs used {100 * m.others:.0f} % of all cores"
    )
    if not m.fit:
        console.print(
            "this machine was not fit to judge speed: end what else runs on it and measure again",
            style="bold yellow",
        )


def listing(console: Any, benchmarks: Sequence[Benchmark]) -> None:
    from rich.table import Table

    table = Table("benchmark", "what it measures", "unit", "samples", "quick")
    for b in benchmarks:
        table.add_row(b.name, b.what, b.unit, str(b.repeat), str(b.quick or "left out"))
    console.print(table)


def compare(console: Any, a: Suite, b: Suite) -> int:
    from rich.table import Table

    from vla_sim.bench import compare as core

    for difference in core.machines(a.machine, b.machine):
        console.print(f"not the same machine: {difference}", style="yellow")
    found = core.compare(a, b)
    table = Table("benchmark", "verdict", "ratio", f"{100 * core.CONFIDENCE:.0f} % interval", "note")
    styles = {"slower": "bold red", "failed": "bold red", "faster": "green", "same": "", "cannot tell": "dim"}
    for one in found:
        ratio = f"{one.ratio:.2f}×" if one.ratio is not None else ""
        between = f"{one.low:.2f} to {one.high:.2f}" if one.ratio is not None else ""
        table.add_row(one.name, one.verdict, ratio, between, one.note, style=styles[one.verdict])
    console.print(table)
    counts: Counter[str] = Counter(one.verdict for one in found)
    console.print(", ".join(f"{counts[verdict]} {verdict}" for verdict in styles))
    return 1 if counts["slower"] or counts["failed"] else 0


def _again(a: argparse.Namespace) -> str:
    quick = ["--quick"] if a.quick else []
    return shlex.join(
        ["vla-sim", "bench", *a.targets, *quick, *common.given(a, "repeat", "base-url", "model")]
    )
