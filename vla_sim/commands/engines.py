"""`vla-sim check-engine`, `compare-engines`, `bridge-config`: what concerns simulators."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from vla_sim.commands import common
from vla_sim.engines import ENGINES
from vla_sim.errors import InputError


def add(commands: Any) -> None:
    one = commands.add_parser("check-engine", help="prove an engine fit for use, on a bench of its own")
    one.add_argument("engine", choices=ENGINES)
    one.add_argument("--sensors", default="auto", choices=("auto", "native", "software"))
    one.add_argument("--json", metavar="FILE", help="also write the outcomes here; - for standard output")
    one.set_defaults(call=check)

    both = commands.add_parser("compare-engines", help="every command with the same seeds on several engines")
    both.add_argument("--engines", nargs="+", default=["mujoco", "gazebo"], choices=ENGINES)
    both.add_argument("--seeds", type=common.count, default=1, metavar="N", help="seeds 0 to N-1 of each")
    both.add_argument("--only", metavar="WORDS", help="only commands with these words in them")
    both.add_argument("--json", metavar="FILE", help="also write the table here; - for standard output")
    both.add_argument("--out", metavar="FOLDER", help="default: runs/compare-<date>-<time>")
    both.set_defaults(call=compare_engines)

    config = commands.add_parser("bridge-config", help="print a ros_gz_bridge configuration of the contract")
    config.add_argument("--world", default="apartment", help="whose robot; name or path of an SDF file")
    config.set_defaults(call=bridge)


def check(a: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.markup import escape

    from vla_sim.engines import make_engine
    from vla_sim.engines.conformance import WORLD, Bench, Outcome, check_engine

    console = Console(highlight=False, stderr=a.json == "-")
    began = time.perf_counter()
    engine = make_engine(a.engine, WORLD, a.sensors)
    ready = time.perf_counter() - began

    def report(one: Outcome) -> None:
        mark = "[dim]skip[/]" if one.skipped else "[green]ok  [/]" if one.passed else "[red]FAIL[/]"
        console.print(f"{mark}  {one.name}: {escape(one.figure)}", soft_wrap=True)

    try:
        outcomes = check_engine(Bench(engine, a.engine != "fake", a.engine, a.sensors, ready), report)
    finally:
        engine.close()
    done = [one for one in outcomes if not one.skipped]
    passed = sum(one.passed for one in done)
    console.print(f"{passed} of {len(done)} checks passed", style="bold")
    common.write_json(a.json, outcomes)
    return 0 if passed == len(done) else 1


def compare_engines(a: argparse.Namespace) -> int:
    """Exit code 0 if every engine passed every run."""
    from rich.console import Console
    from rich.table import Table

    from vla_sim.commands.run import DISPLACED, PROVES
    from vla_sim.scenario.compare import CASES, Case, Row, compare, differences
    from vla_sim.scenario.display import Display
    from vla_sim.scenario.format import Say, Scenario, Spread, When
    from vla_sim.scenario.load import File
    from vla_sim.scenario.record import RunRecord
    from vla_sim.scenario.run import RunOptions, run_once
    from vla_sim.stack import StackOptions

    cases = [c for c in CASES if a.only is None or a.only.lower() in c.title.lower()]
    if not cases or not a.seeds:
        raise InputError(f"--only {a.only!r} --seeds {a.seeds}: nothing to run; commands are "
                         + "; ".join(c.title for c in CASES))  # fmt: skip
    folder = common.folder(a.out, "compare-")
    console = Console(highlight=False, stderr=a.json == "-")

    def run(engine: str, case: Case, seed: int) -> RunRecord:
        said = [(0.0, case.words), *case.later]
        scenario = Scenario(
            version=1, proves=PROVES, world=case.world,
            randomise=Spread(**DISPLACED) if a.seeds > 1 else Spread(),
            script=[Say(words=words, when=When(at=after)) for after, words in said],
        )  # fmt: skip
        name = f"{CASES.index(case):02d}"
        out = folder / f"{engine}-{name}-{seed:03d}"
        options = RunOptions(
            File(name, Path.cwd() / name, scenario), StackOptions(engine=engine, seed=seed), out
        )
        with Display(console) as display:
            display.event(None, f"{engine}, {case.world}, seed {seed}: {case.title}", "bold")
            return run_once(options, display)

    def report(row: Row) -> None:
        why = "; ".join(row.reasons)
        console.print(f"{row.engine}: {row.passed} of {row.runs} passed {why}", style="bold")

    rows = compare(cases, a.engines, range(a.seeds), run, report)
    table = Table()
    for name in (
        "command", "engine", "passed", "first motion", "control", "path", "nearest", "real time", "ready",
    ):  # fmt: skip
        table.add_column(name, justify="left" if name in ("command", "engine") else "right")
    for r in rows:
        ms = ["-" if v is None else f"{v:.0f} ms" for v in (r.total_ms, r.control_ms)]
        near = "-" if r.clearance is None else f"{r.clearance:.3f} m"
        table.add_row(
            r.command, r.engine, f"{r.passed} of {r.runs}", *ms, f"{r.path_length:.2f} m", near,
            f"{r.real_time_factor:.2f}", f"{r.ready_seconds:.1f} s",
        )  # fmt: skip
    console.print(table)
    for line in differences(rows):
        console.print(f"the engines differ: {line}", style="yellow")
    common.write_json(a.json, rows)
    return 0 if all(r.passed == r.runs for r in rows) else 1


def bridge(a: argparse.Namespace) -> int:
    from vla_sim import sdf
    from vla_sim.engines.gz_bridge import bridge_config
    from vla_sim.world import ROBOT, World

    print(bridge_config(sdf.load_world(World.load(a.world).path).model(ROBOT)), end="")
    return 0
