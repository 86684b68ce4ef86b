"""`vla-sim bench`: measure every component, hold it against what is required, compare two results."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from vla_sim.commands import common
from vla_sim.errors import InputError


def add(commands: Any) -> None:
    bench = commands.add_parser("bench", help="measure every component against what is required of it")
    bench.add_argument("sets", nargs="*", metavar="SET", help="only these; --list names them")
    bench.add_argument("--list", action="store_true", help="name the benchmarks and end")
    bench.add_argument("--quick", action="store_true", help="a fifth of the repetitions, no run of the stack")
    bench.add_argument("--repeat", type=float, default=1.0, metavar="FACTOR", help="of the repetitions")
    bench.add_argument("--base-url", default="", metavar="URL", help="measure this LLM server too")
    bench.add_argument("--model", default="", metavar="NAME", help="of that server")
    bench.add_argument("--check", action="store_true", help="exit code 1 unless every requirement holds")
    bench.add_argument("--requirements", metavar="FILE", help="default: config/requirements.yaml")
    bench.add_argument(
        "--compare", nargs=2, metavar=("OLD", "NEW"),
        help="instead of measuring: two report.json; exit code 1 if something became slower",
    )  # fmt: skip
    bench.add_argument("--json", metavar="FILE", help="also write the results here; - for standard output")
    bench.add_argument("--out", metavar="FOLDER", help="default: runs/bench-<date>-<time>")
    bench.set_defaults(call=call)


def call(a: argparse.Namespace) -> int:
    from rich.console import Console

    from vla_sim.bench import requirements
    from vla_sim.bench.suite import SETS, Options, find, play

    console = Console(highlight=False, stderr=a.json == "-")
    if a.compare:
        return _compare(Path(a.compare[0]), Path(a.compare[1]), console)
    unknown = [name for name in a.sets if name not in SETS]
    if unknown:
        raise InputError(f"no set of benchmarks is called {unknown[0]!r}; there are {', '.join(SETS)}")
    if not (math.isfinite(a.repeat) and 0.0 < a.repeat <= 1000.0):
        raise InputError(f"--repeat {a.repeat:g}: a factor above 0 and up to 1000 is allowed")
    required = requirements.load(Path(a.requirements) if a.requirements else None)
    sets = [name for name in SETS if not a.sets or name in a.sets]
    options = Options(a.quick, a.repeat, a.base_url, a.model)
    benchmarks = find(sets, options)
    if a.list:
        for one in benchmarks:
            console.print(f"{one.name}  [dim]{one.repetitions} times, {one.unit}[/dim]")
        return 0
    return _measure(a, console, sets, required, benchmarks, play, options)


def _measure(
    a: argparse.Namespace, console: Any, sets: list[str], required: Any, benchmarks: Any, play: Any,
    options: Any,
) -> int:  # fmt: skip
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from vla_sim.bench import report as text
    from vla_sim.bench import requirements

    folder = common.folder(a.out, "bench-")
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    last, found, interrupted = None, [], False
    chosen = sets if a.sets or a.quick else ()
    if a.quick:
        chosen = [name for name in sets if name != "end_to_end"]
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=len(benchmarks))

        def say(new: Any) -> None:
            for r in new:
                f = r.figures
                value = f"{text.number(f.p50)} {r.unit}, p95 {text.number(f.p95)}" if f else ""
                line = f"{r.name}: {value if r.success else 'FAILED: ' + r.error}"
                console.print(line, style="" if r.success else "bold red", markup=False)
            bar.advance(task)

        try:
            for last in play(benchmarks, sets, options, say):
                found = requirements.check(required, last.results, chosen)
                text.write(last, found, folder)
        except KeyboardInterrupt:
            interrupted = True
    if last is None:
        raise KeyboardInterrupt
    _table(console, text.HEAD, text.held(found), "Requirements")
    tight = [c for c in found if c.value is not None and not c.spare]
    if tight:
        console.print(f"less than half of the limit to spare: {', '.join(c.requirement.name for c in tight)}")
    console.print(f"results in {folder}")
    common.write_json(a.json, [last])
    if interrupted:
        console.print("interrupted: what was measured until then is kept", style="bold")
        raise KeyboardInterrupt
    failed = any(not r.success for r in last.results)
    return 1 if failed or (a.check and not requirements.satisfied(found)) else 0


def _compare(old: Path, new: Path, console: Any) -> int:
    from vla_sim.bench import compare
    from vla_sim.bench import report as text

    a, b = compare.read(old), compare.read(new)
    if (a.machine.processor, a.machine.cores) != (b.machine.processor, b.machine.cores):
        console.print(
            f"measured on different machines: {a.machine.processor}, {a.machine.cores} cores, and "
            f"{b.machine.processor}, {b.machine.cores} cores", style="yellow",
        )  # fmt: skip
    changes = compare.compare(a, b)
    head = ("benchmark", "verdict", "ratio of medians", "99 % interval", "")
    _table(console, head, text.changed(changes), f"{new} against {old}")
    return 1 if compare.regressed(changes) else 0


def _table(console: Any, head: tuple[str, ...], rows: list[tuple[str, ...]], title: str) -> None:
    from rich.table import Table
    from rich.text import Text

    out = Table(title=title, title_justify="left")
    for name in head:
        out.add_column(name)
    for row in rows:
        out.add_row(*(Text(cell) for cell in row))
    console.print(out)
