"""`vla-sim`: run a command in a simulated world, or list what is there."""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import vla_sim
from vla_sim.engines import ENGINES
from vla_sim.errors import InputError, VlaSimError

DEMO = "Go to the kitchen and pick up the red cup"
RANDOMISED: dict[str, Any] = {
    "randomise_objects": 0.10, "randomise_start": 0.5, "randomise_start_yaw": math.radians(30.0),
}  # fmt: skip
"""What a sweep over seeds displaces: the start and the objects [m], [rad]."""
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit codes: 0 passed, 1 not passed, 2 wrong input, 3 something is not installed, 4 the engine
    failed, 5 a node failed, 130 interrupted."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if not hasattr(arguments, "call"):
        parser.print_help()
        return 0
    try:
        return int(arguments.call(arguments))
    except VlaSimError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted: every node has been ended", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vla-sim", description=vla_sim.__doc__)
    parser.add_argument("--version", action="version", version=f"vla-sim {vla_sim.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND")

    run = commands.add_parser("run", help="give the robot a command and judge what it does")
    run.add_argument("command", nargs="?", help=f'the words; default: "{DEMO}"')
    how = run.add_mutually_exclusive_group()
    how.add_argument("--audio", metavar="FILE.wav", help="play this recording instead of a synthesised voice")
    how.add_argument("--text", action="store_true", help="type the command instead of speaking it")
    run.add_argument(
        "--then", nargs=2, action="append", default=[], metavar=("SECONDS", "WORDS"),
        help="another command, so many simulated seconds after the first (may be repeated)",
    )  # fmt: skip
    run.add_argument("--world", default="apartment", help="name of a shipped world or path of an SDF file")
    run.add_argument("--engine", default="mujoco", choices=ENGINES)
    run.add_argument(
        "--sensors", default="auto", choices=("auto", "native", "software"),
        help="lidar and camera: the simulator's own, or by ray casting; auto: its own where there is GL",
    )  # fmt: skip
    run.add_argument("--gui", action="store_true", help="with Gazebo's window; default: headless")
    run.add_argument("--seed", type=_count, default=0, metavar="N")
    run.add_argument("--seeds", type=_count, metavar="N", help="run seeds 0 to N-1 and count the passes")
    run.add_argument(
        "--randomise", action=argparse.BooleanOptionalAction, default=None,
        help="objects moved by up to 0.10 m, start by up to 0.5 m and 30 degrees (default: with --seeds)",
    )  # fmt: skip
    run.add_argument("--speed", default="1", metavar="FACTOR", help="times real time, or max")
    run.add_argument("--voice-speed", type=float, default=1.0, metavar="FACTOR", help="0.5 to 2.0")
    run.add_argument("--planner", default="rules", choices=("rules", "llm", "auto"))
    run.add_argument("--base-url", default="", metavar="URL", help="of an OpenAI-compatible server")
    run.add_argument("--model", default="", metavar="NAME", help="of that server")
    run.add_argument("--recogniser", default="pocketsphinx", choices=("pocketsphinx", "whisper"))
    run.add_argument("--whisper-model", default="", metavar="FOLDER")
    run.add_argument("--domain", type=int, metavar="N", help="ROS domain id; default: a free one")
    run.add_argument("--timeout", type=float, default=300.0, metavar="SECONDS", help="simulated")
    run.add_argument("--json", metavar="FILE", help="also write the record here; - for standard output")
    run.add_argument("--out", metavar="FOLDER", help="default: runs/<date>-<time>")
    run.add_argument("-v", "--verbose", action="store_true", help="show the nodes' logs")
    run.set_defaults(call=_run)

    check = commands.add_parser("check-engine", help="prove an engine fit for use, on a bench of its own")
    check.add_argument("engine", choices=ENGINES)
    check.add_argument("--sensors", default="auto", choices=("auto", "native", "software"))
    check.add_argument("--json", metavar="FILE", help="also write the outcomes here; - for standard output")
    check.set_defaults(call=_check_engine)

    both = commands.add_parser("compare-engines", help="every command with the same seeds on several engines")
    both.add_argument("--engines", nargs="+", default=["mujoco", "gazebo"], choices=ENGINES)
    both.add_argument("--seeds", type=_count, default=1, metavar="N", help="seeds 0 to N-1 of each")
    both.add_argument("--only", metavar="WORDS", help="only commands with these words in them")
    both.add_argument("--json", metavar="FILE", help="also write the table here; - for standard output")
    both.add_argument("--out", metavar="FOLDER", help="default: runs/compare-<date>-<time>")
    both.set_defaults(call=_compare)

    bridge = commands.add_parser("bridge-config", help="print a ros_gz_bridge configuration of the contract")
    bridge.add_argument("--world", default="apartment", help="whose robot; name or path of an SDF file")
    bridge.set_defaults(call=_bridge)

    warm = commands.add_parser("warm", help="start every node once, so that the kernels are compiled")
    warm.set_defaults(call=_warm)

    listing = commands.add_parser("list", help="show worlds, places, objects and skills")
    listing.add_argument("--world", help="of this world only")
    listing.set_defaults(call=_list)
    return parser


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{value} is negative")
    return value


GL = ("egl", "glfw", "osmesa", "disable")


def _run(a: argparse.Namespace) -> int:
    gl = os.environ.get("MUJOCO_GL", "")
    if gl and gl.lower() not in GL:
        raise InputError(f"MUJOCO_GL={gl}: one of {', '.join(GL)} is allowed, or leave it unset")
    from rich.console import Console

    from vla_sim.scenario.display import Display
    from vla_sim.scenario.run import RunOptions, run_once
    from vla_sim.stack import StackOptions
    from vla_sim.world import World

    if a.gui and a.engine != "gazebo":
        raise InputError(f"--gui: engine {a.engine} has no window of its own; only gazebo has one")
    world = World.load(a.world)  # a wrong name is said at once
    if a.world.endswith(".sdf"):
        a.world = str(Path(a.world).resolve())
    utterances = _utterances(a)
    seeds = range(a.seeds) if a.seeds is not None else (a.seed,)
    if not seeds:
        raise InputError("--seeds 0: give at least 1")
    randomise = a.randomise if a.randomise is not None else a.seeds is not None
    base = StackOptions(
        world=a.world, engine=a.engine, sensors=a.sensors, gui=a.gui, speed=_speed(a.speed),
        planner=a.planner, base_url=a.base_url,
        model=a.model, recogniser=a.recogniser, whisper_model=a.whisper_model,
        **(RANDOMISED if randomise else {}),
    )  # fmt: skip
    folder = Path(a.out) if a.out else Path("runs") / datetime.now().strftime("%Y%m%d-%H%M%S")
    console = Console(highlight=False, stderr=a.json == "-")
    records = []
    for seed in seeds:
        out = folder if len(seeds) == 1 else folder / f"seed-{seed:03d}"
        options = RunOptions(
            utterances, replace(base, seed=seed), out, a.domain, a.timeout, a.verbose
        )
        with Display(console) as display:
            display.event(None, f"{world.name}, seed {seed}: starting", "bold")
            record = run_once(options, display)
        records.append(record)
        display.result(record)
        if len(seeds) > 1:
            passed = sum(r.passed for r in records)
            console.print(f"{passed} of {len(records)} passed\n", style="bold")
    _write_json(a.json, records)
    return 0 if all(r.passed for r in records) else 1


def _check_engine(a: argparse.Namespace) -> int:
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
    _write_json(a.json, outcomes)
    return 0 if passed == len(done) else 1


def _compare(a: argparse.Namespace) -> int:
    """Exit code 0 if every engine passed every run."""
    from rich.console import Console
    from rich.table import Table

    from vla_sim.scenario.compare import CASES, Case, Row, compare, differences
    from vla_sim.scenario.display import Display
    from vla_sim.scenario.record import RunRecord
    from vla_sim.scenario.run import RunOptions, Utterance, run_once
    from vla_sim.stack import StackOptions
    from vla_sim.voice import mouth

    cases = [c for c in CASES if a.only is None or a.only.lower() in c.title.lower()]
    if not cases or not a.seeds:
        raise InputError(f"--only {a.only!r} --seeds {a.seeds}: nothing to run; commands are "
                         + "; ".join(c.title for c in CASES))  # fmt: skip
    folder = Path(a.out or f"runs/compare-{datetime.now():%Y%m%d-%H%M%S}")
    console = Console(highlight=False, stderr=a.json == "-")

    def run(engine: str, case: Case, seed: int) -> RunRecord:
        said = [(0.0, case.words), *case.later]
        utterances = tuple(Utterance(words, mouth.say(words, seed), after) for after, words in said)
        stack = StackOptions(
            world=case.world, engine=engine, seed=seed, **(RANDOMISED if a.seeds > 1 else {})
        )  # fmt: skip
        out = folder / f"{engine}-{CASES.index(case):02d}-{seed:03d}"
        with Display(console) as display:
            display.event(None, f"{engine}, {case.world}, seed {seed}: {case.title}", "bold")
            return run_once(RunOptions(utterances, stack, out), display)

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
    _write_json(a.json, rows)
    return 0 if all(r.passed == r.runs for r in rows) else 1


def _bridge(a: argparse.Namespace) -> int:
    from vla_sim import sdf
    from vla_sim.engines.gz_bridge import bridge_config
    from vla_sim.world import ROBOT, World

    print(bridge_config(sdf.load_world(World.load(a.world).path).model(ROBOT)), end="")
    return 0


def _warm(a: argparse.Namespace) -> int:
    import tempfile

    from vla_sim import sdf
    from vla_sim.scenario.display import Display
    from vla_sim.scenario.run import warm_up
    from vla_sim.sensors.software import SoftwareSensors
    from vla_sim.world import World

    SoftwareSensors(sdf.load_world(World.load("apartment").path), "g1").warm()
    with tempfile.TemporaryDirectory() as folder, Display() as display:
        seconds = warm_up(Path(folder), display)
    print(f"every node was ready after {seconds:.0f} s")
    return 0


def _utterances(a: argparse.Namespace):  # type: ignore[no-untyped-def]
    """What is said, synthesised or loaded before anything starts, so that a bad file is said at once."""
    from vla_sim.scenario.run import Utterance
    from vla_sim.voice import audio, mouth
    from vla_sim.voice.synthesis import Hibari

    if not 0.5 <= a.voice_speed <= 2.0:
        raise InputError(f"--voice-speed {a.voice_speed:g}: from 0.5 to 2.0 is allowed")
    first = a.command or (DEMO if a.audio is None else "")
    later = []
    for seconds, words in a.then:
        try:
            later.append((float(seconds), words))
        except ValueError:
            raise InputError(f"--then {seconds!r}: the first value is a number of seconds") from None
    if a.audio is not None:
        sound = mouth.in_room(audio.load(a.audio), a.seed)
        spoken = [Utterance(first, sound)]
        voice = None
    elif a.text:
        return (Utterance(first), *(Utterance(words, None, after) for after, words in later))
    else:
        voice = Hibari(speed=a.voice_speed, seed=a.seed)
        spoken = [Utterance(first, mouth.say(first, a.seed, voice=voice))]
    for after, words in later:
        voice = voice or Hibari(speed=a.voice_speed, seed=a.seed)
        spoken.append(Utterance(words, mouth.say(words, a.seed, voice=voice), after))
    return tuple(spoken)


def _speed(text: str) -> float:
    if text == "max":
        return 0.0
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 < value <= 100.0:
        raise InputError(f"--speed {text}: a factor such as 1 or 0.5, or max, is allowed")
    return value


def _write_json(target: str | None, records: list) -> None:  # type: ignore[type-arg]
    """One record as an object, several as a list."""
    import msgspec

    if target is None:
        return
    data = msgspec.json.format(msgspec.json.encode(records[0] if len(records) == 1 else records), indent=1)
    if target == "-":
        sys.stdout.buffer.write(data + b"\n")
        return
    try:
        Path(target).write_bytes(data)
    except OSError as error:
        raise InputError(f"--json {target}: {error.strerror}") from None


def _list(a: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.table import Table

    from vla_sim.assets import worlds_dir
    from vla_sim.contract import STEP_FIELDS
    from vla_sim.world import World

    console = Console(highlight=False)
    names = [a.world] if a.world else sorted(p.stem for p in worlds_dir().glob("*.sdf"))
    table = Table("world", "places", "tables", "objects", show_lines=True)
    for name in names:
        world = World.load(name)
        table.add_row(
            world.name,
            "\n".join(p.name for p in world.places),
            "\n".join(f"{s.name} (in {s.place})" for s in world.surfaces),
            "\n".join(f"{o.colour} {o.kind}" for o in world.objects),
        )
    console.print(table)
    skills = Table("skill", "takes")
    for skill, takes in STEP_FIELDS.items():
        skills.add_row(skill, ", ".join(takes))
    console.print(skills)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
