"""`vla-sim stack`: start the nodes and the simulator, and keep them running for programs of your own."""

import argparse
import time
from typing import Any

from vla_sim.cli import common
from vla_sim.common.errors import InputError

POLL = 0.2  # [s]


def add(commands: Any) -> None:
    stack = commands.add_parser("stack", help="start everything and keep it running until Ctrl-C")
    common.add_flags(
        stack, "robot", "world", "engine", "sensors", "gui", "seed", "speed", "planner", *common.STACK,
        *common.MONITOR, *common.VIEW, "mic", "reserve", "domain", "out", "record", "verbose",
        speed={"default": "1"},
        out={"help": "for logs and the monitor's journal; default: runs/stack-<date>-<time>"},
    )  # fmt: skip
    stack.set_defaults(call=call)


def call(a: argparse.Namespace) -> int:
    common.check_gl()
    if common.speed(a.speed) == 0.0:
        raise InputError("--speed max: lock-step needs a scenario to play; give a factor such as 1 or 0.5")
    common.load_nodes()
    from dataclasses import replace

    from vla_sim.bringup.supervisor import Stack
    from vla_sim.recording.about import recorded
    from vla_sim.scenario.client import ClientThread, NodeThread
    from vla_sim.scenario.fault_host import FaultHost, FaultNode
    from vla_sim.scenario.run import MONITOR
    from vla_sim.scenario.session import wait_until_ready
    from vla_sim.scenario.sweep.tasks import CLOCK
    from vla_sim.scenario.terminal import Display
    from vla_sim.world.semantic_map import World

    world = World.load(a.world)  # a wrong name is said at once
    out = common.folder(a.out, "stack-")
    options = replace(common.stack_options(a), monitor_folder=str((out / MONITOR).resolve()))
    options = recorded(options, out) if a.record else options
    console = common.console()
    options = common.view(options, console)
    echo = common.log_echo(console, a.verbose)
    share = common.reserved(a.reserve, "stack", CLOCK, console)
    try:
        with share, Stack(options, out, domain=a.domain, echo=echo) as running:
            with Display(console) as display:
                display.event(None, f"{world.name}: starting", "bold")
                with ClientThread(running.domain.id) as client:
                    wait_until_ready(running, client, display)
            console.print(
                f"ready, in ROS domain {running.domain.id}. To be in it, in another terminal:\n\n"
                f"  export ROS_DOMAIN_ID={running.domain.id} ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST\n\n"
                f"Ctrl-C ends it. Logs: {out / 'logs'}",
                soft_wrap=True,
            )  # fmt: skip
            with NodeThread(running.domain.id, FaultNode) as node:
                host = FaultHost(running, node, time.monotonic, console.print)
                node.on_fault_request, node.on_tick = host.on_request, host.tick
                try:
                    while True:
                        running.check()
                        time.sleep(POLL)
                finally:
                    host.close()
    except KeyboardInterrupt:  # the way to end it
        console.print("ended")
        return 0
