"""`vla-sim soak`: run the stack for hours and say which process's memory grows."""

import argparse
from typing import Any

from vla_sim.cli import common
from vla_sim.common.errors import InputError


def add(commands: Any) -> None:
    soak = commands.add_parser("soak", help="run the stack for hours and say which process's memory grows")
    soak.add_argument(
        "--hours", type=common.positive, default=1.0, metavar="H", help="of the machine's clock"
    )
    soak.add_argument(
        "--every", type=common.positive, default=10.0, metavar="SECONDS", help="between two samples"
    )
    soak.add_argument(
        "--limit", type=common.not_negative, default=10.0, metavar="MB",
        help="allowed growth of a process an hour",
    )  # fmt: skip
    soak.add_argument(
        "--least", type=common.not_negative, default=4.0, metavar="MB",
        help="what has risen by less in all is no growth, so that a short soak does not report noise",
    )  # fmt: skip
    soak.add_argument(
        "--faults", action="store_true",
        help="meanwhile break something at random, all the time: nodes, topics, sensors, the clock",
    )  # fmt: skip
    soak.add_argument(
        "--command", action="append", metavar="WORDS", dest="words",
        help="instead of the usual round; may be repeated, and is spoken and typed in turn",
    )  # fmt: skip
    common.add_flags(
        soak, "world", "engine", "sensors", "seed", "speed", "planner", *common.STACK, *common.MONITOR,
        "reserve", "domain", "out", speed={"default": "1"}, out={"help": "default: runs/soak-<date>-<time>"},
    )  # fmt: skip
    soak.set_defaults(call=call)


def call(a: argparse.Namespace) -> int:
    common.check_gl()
    if common.speed(a.speed) == 0.0:
        raise InputError("--speed max: a soak runs by the clock; a factor such as 1 or 0.5 is allowed")
    common.load_nodes()
    from vla_sim.scenario.soak import COMMANDS, SoakOptions, soak, table
    from vla_sim.scenario.sweep.tasks import CLOCK
    from vla_sim.scenario.terminal import Display
    from vla_sim.world.semantic_map import World

    World.load(a.world)  # a wrong name is said at once
    out = common.folder(a.out, "soak-")
    options = SoakOptions(
        stack=common.stack_options(a), folder=out, seconds=3600.0 * a.hours, every=a.every, limit=a.limit,
        least=a.least, commands=tuple(a.words) if a.words else COMMANDS, domain=a.domain,
        faults=a.faults,
    )  # fmt: skip
    console = common.console()
    with common.reserved(a.reserve, "soak", CLOCK, console), Display(console) as display:
        done = soak(options, display)
    console.print(table(done.growth, done.seconds, done.simulated, done.commands))
    if done.faults:
        many = ", ".join(f"{n} {kind}" for kind, n in sorted(done.faults.items()))
        console.print(f"faults: {many}; collisions: {len(done.collisions)}", soft_wrap=True)
    console.print(f"files: {out}", soft_wrap=True)
    for reason in done.reasons:
        console.print(f"  - {reason}", soft_wrap=True)
    console.print("PASSED" if done.passed else "FAILED", style="bold green" if done.passed else "bold red")
    return 0 if done.passed else 1
