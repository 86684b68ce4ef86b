"""`vla-sim run`: give the robot a command and judge what it does."""

import argparse
import contextlib
import math
import shlex
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from vla_sim.cli import common
from vla_sim.common.errors import InputError
from vla_sim.common.files import user_path
from vla_sim.common.profiling import node_profile

DEMO = "Go to the kitchen and pick up the red cup"
DISPLACED = {"objects": 0.10, "start": 0.5, "start_yaw": 30.0}
"""What a sweep over seeds displaces: objects [m], the start [m] and its heading [degrees]."""
MIC = "speak yourself, by this machine's microphone, as often as you like; Ctrl-C ends the run and judges it"
TIMEOUT = 300.0
PROVES = "What was commanded is done, in the budget, without a fall or a forbidden contact."
_voice_speed = common.number("a factor from 0.5 to 2.0", lambda value: 0.5 <= value <= 2.0)


def add(commands: Any) -> None:
    run = commands.add_parser("run", help="give the robot a command and judge what it does")
    run.add_argument("command", nargs="?", help=f'the words; default: "{DEMO}"')
    how = run.add_mutually_exclusive_group()
    how.add_argument("--audio", metavar="FILE.wav", help="play this recording instead of a synthesised voice")
    how.add_argument("--text", action="store_true", help="type the command instead of speaking it")
    common.add_flags(how, "mic", mic={"help": MIC})
    run.add_argument(
        "--priority", choices=("background", "normal", "urgent"), default="normal",
        help="of the command, with --text: spoken words carry none",
    )  # fmt: skip
    run.add_argument(
        "--then", nargs=2, action="append", default=[], metavar=("SECONDS", "WORDS"),
        help="another command, this many simulated seconds after the first (may be repeated)",
    )  # fmt: skip
    common.add_flags(run, "robot", "world", "engine", "sensors", "gui", "seed")
    run.add_argument(
        "--seeds", type=common.count, metavar="N", help="run seeds 0 to N-1 and count the passes"
    )
    run.add_argument(
        "--randomise", action=argparse.BooleanOptionalAction, default=None,
        help="objects moved by up to 0.10 m, start by up to 0.5 m and 30 degrees (default: with --seeds)",
    )  # fmt: skip
    run.add_argument("--voice-speed", type=_voice_speed, default=1.0, metavar="FACTOR", help="0.5 to 2.0")
    stack = ("planner", *common.STACK, *common.MONITOR, *common.VIEW, "reserve")
    common.add_flags(run, "speed", *stack, speed={"default": "1"})
    run.add_argument(
        "--profile", action="store_true",
        help="profile every node: a flame graph each and the top 10 of each, in the run's folder",
    )  # fmt: skip
    run.add_argument(
        "--profiler", default="pyinstrument", choices=node_profile.TOOLS,
        help="with --profile: pyinstrument samples stacks (default); cprofile counts calls, no flame graph",
    )  # fmt: skip
    run.add_argument(
        "--timeout", type=common.positive, metavar="SECONDS", help="simulated; default: 300, with --mic none"
    )
    common.add_flags(run, "domain", "json", "out", "record", "gif", "verbose")
    run.set_defaults(call=call)


def call(a: argparse.Namespace) -> int:
    common.check_gl()
    if a.profile and a.profiler == "pyinstrument":
        node_profile.installed()
    common.load_nodes()
    from vla_sim.scenario.load import File
    from vla_sim.scenario.preparation import RunOptions, sounds
    from vla_sim.scenario.run import run_once
    from vla_sim.scenario.session import Session
    from vla_sim.scenario.sweep.tasks import needs
    from vla_sim.scenario.terminal import Display
    from vla_sim.world.semantic_map import World

    world = World.load(a.world)  # a wrong name is said at once
    scenario = scenario_of(a)
    base = common.stack_options(a)
    seeds = range(a.seeds) if a.seeds is not None else (a.seed,)
    if not seeds:
        raise InputError("--seeds 0: give at least 1")
    file = File("run", Path.cwd() / "run", scenario)
    sounds(file, seeds[0])  # so is a bad recording
    folder = common.folder(a.out)
    console = common.console(a.json)
    base = common.view(base, console)
    records = []
    try:
        for seed in seeds:
            out = folder if len(seeds) == 1 else folder / f"seed-{seed:03d}"
            options = RunOptions(
                file, replace(base, seed=seed), out, a.domain, a.verbose,
                again=_again(a, seed, a.seeds is not None), profile=a.profiler if a.profile else "",
                gif=a.gif, record="all" if a.record else "none",
            )  # fmt: skip
            share = common.reserved(a.reserve, "run", needs(scenario, base.speed), console)
            with share as held, Display(console) as display:
                display.event(None, f"{world.name}, seed {seed}: starting", "bold")
                how = partial(converse, display=display) if a.mic else Session.play
                record = run_once(replace(options, reserved=held), display, play=how)
            records.append(record)
            display.result(record)
            if len(seeds) > 1:
                passed = sum(r.passed for r in records)
                console.print(f"{passed} of {len(records)} passed\n", style="bold")
    finally:  # of a sweep that is interrupted, what was played by then
        if records:
            common.write_json(a.json, records)
    return common.exit_code(records)


def converse(session: Any, display: Any) -> None:
    """Play until Ctrl-C."""
    display.event(None, "speak: the microphone is open; Ctrl-C ends the run", "bold")
    with contextlib.suppress(KeyboardInterrupt):
        session.play()


def scenario_of(a: argparse.Namespace) -> Any:
    """The scenario that the arguments describe. Raises `InputError`."""
    from vla_sim.scenario.format import Play, Say, Scenario, Spread, Type, When

    if a.timeout is None:
        a.timeout = math.inf if a.mic else TIMEOUT
    if a.priority != "normal" and not a.text:
        raise InputError(
            f"--priority {a.priority}: what is spoken carries no priority in its sound; add --text, or say "
            'in words that it is urgent ("now")'
        )
    if a.mic and (a.command is not None or a.then or a.seeds is not None):
        raise InputError("--mic: you speak yourself; leave out words, --then and --seeds")
    script: list[Any] = []
    if a.audio is not None:
        script.append(Play(file=str(user_path(a.audio).resolve()), words=a.command or ""))
    first = [] if script or a.mic else [("0", DEMO if a.command is None else a.command)]
    for at, words in [*first, *a.then]:
        try:
            seconds = float(at)
        except ValueError:
            seconds = math.nan
        if not 0.0 <= seconds < math.inf:
            raise InputError(f"--then {at!r}: the first value is a number of seconds from 0")
        if not words.strip():
            raise InputError(f'a command without words; give some, as "{DEMO}"')
        script.append(
            Type(words=words, when=When(at=seconds), priority="normal" if script else a.priority)
            if a.text
            else Say(words=words, speed=a.voice_speed, when=When(at=seconds))
        )
    randomise = a.randomise if a.randomise is not None else a.seeds is not None
    return Scenario(
        version=1, proves=PROVES, world=a.world, randomise=Spread(**DISPLACED) if randomise else Spread(),
        timeout=a.timeout, script=script,
    )  # fmt: skip


def _again(a: argparse.Namespace, seed: int, swept: bool) -> str:
    """The command line that plays this run again."""
    words = ["vla-sim", "run", a.command or DEMO]
    if a.audio is not None:
        words[2:] = ["--audio", a.audio, *filter(None, [a.command])]
    if a.mic:
        words[2:] = ["--mic"]
    words += common.given(
        a, "world", "engine", "sensors", "speed", "voice-speed", "planner", "timeout", *common.STACK,
        speed="1", voice_speed=1.0, timeout=math.inf if a.mic else TIMEOUT,
    )  # fmt: skip
    words += common.robot_words()
    for at, text in a.then:
        words += ["--then", at, text]
    words += ["--text"] if a.text else []
    words += ["--priority", a.priority] if a.priority != "normal" else []
    words += ["--randomise"] if a.randomise or (a.randomise is None and swept) else []
    return shlex.join([*words, "--seed", str(seed)])
