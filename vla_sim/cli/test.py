"""`vla-sim test`, `play`, `compare-engines`: play scenarios, over seeds and in parallel, and judge them."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vla_sim.cli import common, sweep
from vla_sim.common.errors import InputError, VlaSimError

if TYPE_CHECKING:
    from vla_sim.scenario.record import RunRecord

MAIN_JOB = (
    "fetch_cup", "move_forward", "go_to_kitchen", "pick_on_tabletop", "turn_left", "stop_while_walking",
    "charging_station", "find_ball_and_grasp", "bring_box_back",
)  # fmt: skip
"""Shipped scenarios: every command of the main job."""

RECORD: dict[str, Any] = {
    "action": "store", "default": "none", "choices": ("none", "failures", "all"),
    "help": "runs of which run.mcap is kept, with all that the nodes said; default: none",
}  # fmt: skip
_rate = common.number("a rate between 0 and 1, as 0.9,", lambda value: 0.0 < value < 1.0)


def add(commands: Any) -> None:
    test = commands.add_parser("test", help="play scenarios and judge them")
    test.add_argument(
        "targets", nargs="*", metavar="SCENARIO", help="a shipped one's name, a file or a folder"
    )
    test.add_argument("--all", action="store_true", help="the whole shipped library")
    common.add_flags(test, "engine", "sensors")
    test.add_argument(
        "--engines", nargs="+", metavar="ENGINE", help="play each on all of these, side by side in the report"
    )
    sweep_arguments(test)
    test.add_argument(
        "--variants", nargs="+", default=[], metavar="KIND",
        help="also play the same job otherwise: words, voices, objects, places, lights, or blind, without a "
        "sensor (may be several)",
    )  # fmt: skip
    test.add_argument(
        "--stop-when-decided", type=_rate, metavar="RATE",
        help="play no more seeds once it is decided whether the pass rate is above this, as 0.9; the exit "
        "code then says that",
    )  # fmt: skip
    test.add_argument(
        "--shard", metavar="K/N", default="1/1", help="play part K of N; vla-sim merge puts them together"
    )
    test.add_argument("--schema", action="store_true", help="print the JSON schema of scenario files")
    test.set_defaults(call=call)

    both = commands.add_parser("compare-engines", help="play scenarios on several engines, side by side")
    both.add_argument(
        "targets", nargs="*", metavar="SCENARIO", default=list(MAIN_JOB),
        help="default: every command of the main job",
    )  # fmt: skip
    both.add_argument("--engines", nargs="+", metavar="ENGINE", default=["mujoco", "gazebo"])
    common.add_flags(both, "sensors")
    sweep_arguments(both)
    both.set_defaults(call=call, all=False, schema=False, variants=[], stop_when_decided=None, shard="1/1")

    play = commands.add_parser("play", help="play one scenario with one seed, in this process")
    play.add_argument("scenario", metavar="SCENARIO")
    play.add_argument("--attempt", type=common.count, default=1, help=argparse.SUPPRESS)
    play.add_argument("--pictures", default="all", help=argparse.SUPPRESS)
    play.add_argument("--quiet", action="store_true", help=argparse.SUPPRESS)
    play.add_argument("--reserved", default="", help=argparse.SUPPRESS)
    common.add_flags(
        play, "robot", "engine", "sensors", "gui", "seed", "speed", *common.STACK, *common.MONITOR, "reserve",
        "domain", "json", "out", "record", "gif", "verbose", speed={"default": "max"}, record=RECORD,
    )  # fmt: skip
    play.set_defaults(call=play_one)


def sweep_arguments(parser: argparse.ArgumentParser) -> None:
    """Which runs, how many at once, and where their results go."""
    parser.add_argument("--seeds", type=common.count, metavar="N", help="play seeds 0 to N-1 of each")
    parser.add_argument("--jobs", type=common.count, default=1, metavar="M", help="number of runs at once")
    parser.add_argument("--ray", metavar="ADDRESS", help='play on a Ray cluster; "local" starts one here')
    parser.add_argument("--junit", metavar="FILE", help="also write JUnit XML here")
    common.add_flags(
        parser, "robot", "seed", "speed", *common.STACK, "reserve", "json", "out", "record", "verbose",
        speed={"default": "max"}, record=RECORD,
        json={"help": "also write all records here; - for standard output"},
        out={"help": "default: runs/test-<date>-<time>; report.html is in it"},
    )  # fmt: skip


def stack_words(a: argparse.Namespace) -> list[str]:
    """The arguments that describe the stack, where they are not the defaults."""
    return [*common.robot_words(), *common.given(a, "sensors", "speed", *common.STACK, speed="max")]


def play_one(a: argparse.Namespace) -> int:
    common.check_gl()
    common.load_nodes()
    from dataclasses import replace
    from datetime import datetime, timezone

    from vla_sim.scenario.load import load
    from vla_sim.scenario.preparation import RunOptions
    from vla_sim.scenario.result import broken, save_record
    from vla_sim.scenario.run import run_once
    from vla_sim.scenario.sweep.tasks import needs
    from vla_sim.scenario.terminal import Display

    file = load(a.scenario)
    stack = common.stack_options(a)
    words = [a.scenario, "--seed", str(a.seed), *common.given(a, "engine"), *stack_words(a)]
    options = RunOptions(
        file, stack, common.folder(a.out), a.domain, a.verbose, attempt=a.attempt,
        again=shlex.join(["vla-sim", "play", *words]), gif=a.gif, record=a.record,
        pictures=a.pictures,
    )  # fmt: skip
    started = datetime.now(timezone.utc).isoformat(timespec="seconds")
    console = common.console(a.json)
    share = common.reserved(a.reserve, f"play {file.name}", needs(file.scenario, stack.speed), console)
    with share as held, Display(console, quiet=a.quiet) as display:
        options = replace(options, reserved=held or a.reserved)
        display.event(None, f"{file.name}, {a.engine}, seed {a.seed}: {file.scenario.proves}", "bold")
        try:
            record = run_once(options, display)
        except InputError:
            raise
        except VlaSimError as error:
            with contextlib.suppress(OSError):  # that it broke off matters more than a full disk
                save_record(options.folder, broken(options, error, started))
            raise
    if not a.quiet:
        display.result(record)
    common.write_json(a.json, [record])
    return common.exit_code([record])


def call(a: argparse.Namespace) -> int:
    common.check_gl()
    from vla_sim.scenario import load

    if a.schema:
        print(load.schema())
        return 0
    from vla_sim.bringup.reservations import ResourceReservationSystem
    from vla_sim.common.yaml_records import read
    from vla_sim.scenario import preparation, variants
    from vla_sim.scenario.report.html_report import MANY
    from vla_sim.scenario.sequential import Stopping
    from vla_sim.scenario.sweep.processes import local
    from vla_sim.scenario.sweep.ray_cluster import on_ray
    from vla_sim.scenario.sweep.shards import Shard, sweep_of
    from vla_sim.scenario.sweep.tasks import Task, needs, play
    from vla_sim.simulation.registry import SIMULATORS, check_pace

    speed = common.speed(a.speed)
    targets = [*(map(str, load.shipped()) if a.all else ()), *a.targets]
    if not targets:
        raise InputError("give a scenario's name, a file or a folder, or --all for the shipped library")
    for flag, value in (("--jobs", a.jobs), ("--seeds", a.seeds)):
        if value == 0:
            raise InputError(f"{flag} 0: give at least 1")
    for kind in a.variants:
        if kind not in variants.KINDS:
            raise InputError(f"--variants {kind}: choose of {', '.join(variants.KINDS)}")
    shard = Shard.parse(a.shard)
    if shard.of > 1 and a.stop_when_decided is not None:
        raise InputError("--stop-when-decided: a part does not know of the others' runs; leave out --shard")
    engines = list(dict.fromkeys(a.engines or [a.engine]))
    for engine in engines:
        if engine not in SIMULATORS:
            raise InputError(f"engine {engine!r} is not known; choose one of {', '.join(SIMULATORS)}")
        if a.ray is None:  # what is on a cluster's machines is not known here
            common.stack_options(argparse.Namespace(**{**vars(a), "engine": engine}))
        check_pace(engine, speed)
    files = load.load_all(targets)  # all, before any runs
    shipped = set(load.shipped())
    for file in files:
        if file.path not in shipped:
            preparation.check(file)
    folder = common.folder(a.out, "test-")
    if a.variants:
        made = [variants.write(file, a.variants, folder / "variants") for file in files]
        for file in itertools.chain.from_iterable(made):
            preparation.check(file)
        files = load.distinct(one for file, own in zip(files, made, strict=True) for one in (file, *own))
    seeds = range(a.seeds) if a.seeds is not None else (a.seed,)
    console = common.console(a.json)
    tasks = [
        Task(str(f.path), f.name, engine, seed, f.scenario.attempts, folder, needs(f.scenario, speed))
        for f in files for seed in seeds for engine in engines
    ]  # fmt: skip
    sweep_of(tasks, {f.name: read(f.path) for f in files}, stack_words(a), shard).write(folder)
    tasks = shard.part(tasks)
    arguments = [*stack_words(a), *(["--verbose"] if a.verbose else []), "--no-reserve", "--record", a.record]
    if len(seeds) > MANY:  # the report shows none of those that passed
        arguments += ["--pictures", "failures"]
    if a.ray is None:
        book = ResourceReservationSystem() if a.reserve else None
        runner = local(arguments, a.jobs, book, lambda words: console.print(words, soft_wrap=True))
    else:
        runner = on_ray(arguments, a.ray, a.jobs)
    by_name = {f.name: f.scenario for f in files}
    stopping = None if a.stop_when_decided is None else Stopping(tasks, a.stop_when_decided)
    how: dict[str, Any] = {} if stopping is None else {"wanted": stopping.wanted, "played": stopping.add}
    records, ended = play(tasks, runner, folder, console, **how)
    if ended is not None and not records:
        raise ended
    decisions = None if stopping is None else stopping.decisions()
    code = sweep.leave(a, folder, console, records, by_name, decisions, ended is not None)
    if left := len(tasks) - len(records):
        console.print(
            f"{left} of {len(tasks)} runs were not {'played' if ended else 'needed'}", soft_wrap=True
        )
    if len(tasks) > 1:
        stages(console, records)
    if len(engines) > 1:
        side_by_side(console, records, engines)
    if ended is not None:  # what was played by then is reported all the same
        raise ended
    return code


def stages(console: Any, records: Sequence[RunRecord]) -> None:
    """How often each skill and each kind of check passed over all runs, and what failed first."""
    from rich.table import Table

    from vla_sim.scenario.statistics import by_kind, failures, label, reasons

    table = Table("over all runs", "passed")
    for kind, rate in by_kind(records).items():
        table.add_row(kind, rate.text)
    console.print(table)
    for kind, runs in failures(records):
        console.print(f"failed first at {kind}: {len(runs)}", style="red")
        for run in runs:
            console.print(f"  {label(run)}, seed {run.seed}: {reasons(run)[0]}", soft_wrap=True, markup=False)


def side_by_side(console: Any, records: Sequence[RunRecord], engines: Sequence[str]) -> None:
    """A table of every scenario on every engine, and where they lie apart."""
    from rich.table import Column, Table
    from rich.text import Text

    from vla_sim.scenario.statistics import RULE, by_engine, by_scenario, compared

    columns: list[Any] = ["scenario", "", *(Column(engine, justify="right") for engine in engines), "≠"]
    table = Table(*columns, title=RULE, title_justify="left", title_style="dim")
    for name, own in by_scenario(records).items():
        for i, one in enumerate(compared(by_engine(own))):
            cells = [one.cells.get(engine, "not played") for engine in engines]
            table.add_row("" if i else name, one.title, *cells, Text(one.apart, style="yellow"))
        table.add_section()
    console.print(table)
