"""`vla-sim robot`: the stack on a robot that speaks the G1's protocol."""

import argparse
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

from vla_sim.cli import common
from vla_sim.common.errors import package
from vla_sim.common.files import check_output, user_path

NO_LOG = "none"
STEPS = """Before the robot is armed:
  1. it stands in walking mode (sport), or hangs with its feet off the ground (low)
  2. nobody is within two metres of it, and nothing that it may knock over
  3. somebody holds its remote control: L2 and B damp it"""


def add(commands: Any) -> None:
    robot = commands.add_parser("robot", help="the stack on a robot that speaks the G1's protocol")
    common.add_flags(
        robot, "world", "extrinsics", "planner", *common.STACK, *common.MONITOR, *common.VIEW,
        *common.NETWORK, "mic", "domain", "out", "record", "verbose",
        world={"help": "map of the robot's home: a world's name, an SDF file, or a map server's YAML"},
        out={"help": "for logs and the monitor's journal; default: runs/robot-<date>-<time>"},
    )  # fmt: skip
    robot.add_argument(
        "--log", metavar="FILE",
        help="MCAP of all that is sent to and comes from the robot, or none; default: driver.mcap in --out",
    )  # fmt: skip
    robot.add_argument(
        "--dry-run", action="store_true", help="print what would be sent to the robot, and send nothing"
    )
    robot.set_defaults(call=call, speed="1")


def call(a: argparse.Namespace) -> int:
    common.check_network(a)
    if a.log != NO_LOG:
        package("mcap", "a log needs the package mcap: pip install mcap==1.6.0, or go without: --log none")
    common.load_nodes()
    from vla_sim.bringup.supervisor import Stack
    from vla_sim.recording.about import recorded
    from vla_sim.scenario.client import ClientThread
    from vla_sim.scenario.run import MONITOR
    from vla_sim.scenario.session import wait_until_ready
    from vla_sim.scenario.terminal import Display, Lines
    from vla_sim.world.semantic_map import World

    world = World.load(a.world)  # a wrong name is said at once
    out = common.folder(a.out, "robot-")
    options = replace(common.stack_options(a), monitor_folder=str((out / MONITOR).resolve()))
    log = user_path(a.log) if a.log else out / "driver.mcap"
    if a.log != NO_LOG:
        check_output(log)
    own = {
        "interface": a.interface, "dds_domain": a.dds_domain, "mode": a.mode, "dry_run": a.dry_run,
        "log": "" if a.log == NO_LOG else str(log.resolve()),
    }  # fmt: skip
    overrides = {**options.overrides, "robot": {**own, **options.overrides.get("robot", {})}}
    options = replace(options, overrides=overrides)
    options = recorded(options, out, robot=True) if a.record else options
    console = common.console()
    options = common.view(options, console)
    echo = common.log_echo(console, a.verbose, "robot")
    running = Stack(options, out, domain=a.domain, echo=echo, simulated=False)
    try:
        with running, ClientThread(running.domain.id) as client:
            with Display(console) as display:
                display.event(None, f"{world.name}: starting", "bold")
                wait_until_ready(running, client, display, simulated=False)
            console.print(f"ready, in ROS domain {running.domain.id}; logs: {out / 'logs'}\n\n{STEPS}\n")
            console.print(
                "Type arm, disarm or end, or a command for the robot" + (", or speak." if a.mic else ".")
            )
            lines = Lines(client.recording, [])

            def show() -> None:
                for line in lines.new(0.0):
                    console.print(line.text, style=line.style)

            client.on_tick = show
            for k, words in enumerate(common.typed_lines(running.check), 1):
                if words == "end":
                    break
                if words in ("arm", "disarm"):
                    _set(running.domain.id, words == "arm")
                elif words:
                    client.type(f"typed-{k}", words)
    except KeyboardInterrupt:  # a way to end it, as is the end of standard input
        pass
    console.print("ended: the robot has been given back")
    return 0


def _set(domain: int, armed: bool) -> None:
    """In a process of its own, since this one is in the domain already; it says what the robot answers."""
    line = [sys.executable, "-m", "vla_sim.cli.main", "param", f"robot.armed={str(armed).lower()}"]
    subprocess.run([*line, "--domain", str(domain)], check=False)
    time.sleep(0.1)
