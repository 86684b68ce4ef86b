"""`vla-sim bench`: measure every part and say which requirement holds by how much."""

from __future__ import annotations

import argparse
import os
import shlex
from typing import TYPE_CHECKING, Any

from vla_sim.commands import common
from vla_sim.errors import InputError

if TYPE_CHECKING:
    from vla_sim.bench.benchmark import Benchmark
    from vla_sim.bench.result import Result

INTERRUPTED = 130


def add(commands: Any) -> None:
    bench = commands.add_parser("bench", help="measure every part; which requirement holds by how much")
    bench.add_argument("targets", nargs="*", metavar="SET", help="these only, or single benchmarks")
    bench.add_argument("--list", action="store_true", help="show what there is")
    bench.add_argument("--quick", action="store_true", help="few samples, no runs of the whole stack")
    bench.add_argument("--repeat", type=common.count, metavar="N", help="samples of each benchmark")
    bench.add_argument("--base-url", default="", metavar="URL", help="of an OpenAI-compatible server")
    bench.add_argument("--model", default="", metavar="NAME", help="of that server")
    bench.add_argument("--json", metavar="FILE", help="also write the results here; - for standard output")
    bench.add_argument("--out", metavar="FOLDER", help="default: runs/bench-<date>-<time>")
    bench.set_defaults(call=call)


def call(a: argparse.Namespace) -> int:
    common.check_gl()
    from vla_sim import stack

    for name, value in stack.own().items():  # as the nodes have it: one thread a library
        os.environ.setdefault(name, value)
    from rich.console import Console

    from vla_sim.bench import suite
    from vla_sim.bench.benchmark import Options

    if a.repeat == 0:
        raise InputError("--repeat 0: give at least 1")
    benchmarks = suite.choose(a.targets)
    console = Console(highlight=False, stderr=a.json == "-")
    if a.list:
        listing(console, benchmarks)
        return 0
    folder = common.folder(a.out, "bench-")
    options = Options(a.quick, a.repeat, a.base_url, a.model, folder)

    def done(result: Result) -> None:
        s = result.summary
        told = f"{s.p50:10.3f} {result.unit} p50 {s.p95:10.3f} p95" if s else ""
        state = "" if result.state == "ok" else f"{result.state}: {result.reason}"
        console.print(f"{result.name:36s} {told}  {state}")

    measured = suite.run(benchmarks, options, again=_again(a), subset=bool(a.targets), done=done)
    common.write_json(a.json, [measured])
    if measured.interrupted:
        return INTERRUPTED
    return 1 if any(r.state == "failed" for r in measured.results) else 0


def listing(console: Any, benchmarks: list[Benchmark]) -> None:
    from rich.table import Table

    table = Table("benchmark", "what it measures", "unit", "samples", "quick")
    for b in benchmarks:
        table.add_row(b.name, b.what, b.unit, str(b.repeat), str(b.quick or "left out"))
    console.print(table)


def _again(a: argparse.Namespace) -> str:
    words = ["vla-sim", "bench", *a.targets, *(["--quick"] if a.quick else [])]
    words += ["--repeat", str(a.repeat)] if a.repeat else []
    words += ["--base-url", a.base_url] if a.base_url else []
    words += ["--model", a.model] if a.model else []
    return shlex.join(words)
