"""`vla-sim g1`: a simulated G1 that speaks the robot's own protocol."""

import argparse
import contextlib
import itertools
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vla_sim.bringup.node_table import StackOptions
from vla_sim.cli import common
from vla_sim.common.child_process import ended
from vla_sim.common.files import user_path
from vla_sim.common.params import check
from vla_sim.common.signals import ENDING

DISPLACED = ("randomise_objects", "randomise_start", "randomise_start_yaw")
"""Options of what a seed displaces, as `Randomisation` takes them."""
TRUTH_TICKS = 50
"""Between two lines of the truth: 0.1 s."""


def add(commands: Any) -> None:
    g1 = commands.add_parser("g1", help="a simulated G1 that speaks the robot's own protocol")
    common.add_flags(
        g1, "world", "seed", *(name.replace("_", "-") for name in DISPLACED), "interface", "dds-domain",
        interface={"help": "network interface; default: lo"},
    )  # fmt: skip
    g1.add_argument(
        "--band", action="store_true",
        help="hold the pelvis up with an elastic band, for programs that command single motors",
    )  # fmt: skip
    g1.add_argument(
        "--jitter", type=float, default=0.0, metavar="MS", help="delay what goes over its cable by up to that"
    )
    g1.add_argument(
        "--loss", type=float, default=0.0, metavar="PERCENT",
        help="lose that much of what goes over its cable",
    )  # fmt: skip
    g1.add_argument("--seconds", type=common.positive, default=float("inf"), metavar="S", help="then end")
    g1.add_argument(
        "--truth", metavar="FILE", help="where the robot really is, ten times a second, as JSON lines"
    )
    g1.add_argument(
        "--sensors-domain", type=common.domain, metavar="N",
        help="publish lidar and camera in this ROS domain, for vla-sim robot --domain N",
    )  # fmt: skip
    g1.add_argument("--truth-socket", type=common.count, help=argparse.SUPPRESS)  # of --engine g1
    g1.set_defaults(call=call)


def call(a: argparse.Namespace) -> int:
    common.check_network(a)
    from vla_sim.common.assets import find_world
    from vla_sim.hardware.unitree import dds_types
    from vla_sim.hardware.unitree.cable import Cable
    from vla_sim.hardware.unitree.dds import Bus
    from vla_sim.hardware.unitree.motion import TICK, Motion
    from vla_sim.hardware.unitree.simulated_g1 import SimulatedG1
    from vla_sim.hardware.unitree.simulated_parts import HELP
    from vla_sim.robot.kinematics import Kinematics
    from vla_sim.simulation.registry import import_mujoco
    from vla_sim.stages.control.controller import Controller
    from vla_sim.stages.control.policy import load_policy
    from vla_sim.stages.control.velocity import CALIBRATION

    path = find_world(a.world)
    displaced = {name: getattr(a, name) for name in DISPLACED}
    check(StackOptions(**displaced))
    import_mujoco()
    from vla_sim.simulation.behind_protocol import TruthServer
    from vla_sim.simulation.mujoco.simulator import MujocoSimulator
    from vla_sim.simulation.simulator import Randomisation

    cable = Cable(Bus(a.interface, a.dds_domain), dds_types.copied, 1e-3 * a.jitter, 1e-2 * a.loss, a.seed)
    body = MujocoSimulator(path, period=TICK)
    body.reset(a.seed, Randomisation(*displaced.values()))
    if a.band:
        body.hang()
    kinematics = Kinematics.load()
    kinematics.warm()
    controller = Controller(kinematics.arm, load_policy(), CALIBRATION["fastsac"])
    console = common.console()
    began = time.monotonic()

    def log(text: str) -> None:
        console.print(
            f"{time.monotonic() - began:7.2f} s  {text}", soft_wrap=True, highlight=False, markup=False
        )

    robot = SimulatedG1(body, Motion(controller, body.model_damping), cable, log)
    log(
        f"a G1 in {path.stem}, on {a.interface} in DDS domain {a.dds_domain}: "
        f"ChannelFactoryInitialize({a.dds_domain}, {a.interface!r}); Ctrl-C ends it; type: {HELP}"
    )
    with contextlib.ExitStack() as stack:
        truth = stack.enter_context(open(user_path(a.truth), "w")) if a.truth else None
        ticks, asked = itertools.count(), threading.Event()
        servers = []
        if a.truth_socket is not None:
            servers.append(TruthServer(body, socket.socket(fileno=a.truth_socket)))
        if a.sensors_domain is not None:
            shown = stack.enter_context(sensors(path, a.sensors_domain))
            servers.append(TruthServer(body, shown, contacts=False))

        def over() -> bool:
            if truth is not None and next(ticks) % TRUTH_TICKS == 0:
                seen = body.truth()
                line = {
                    "time": round(body.time, 3),
                    "robot": seen.robot.round(5).tolist(),
                    "fallen": seen.fallen,
                }
                print(json.dumps(line), file=truth, flush=True)
            listened = [one.tick() for one in servers]
            return asked.is_set() or body.time >= a.seconds or not all(listened)

        if a.truth_socket is None:  # else nobody sits here
            typed = common.typed_lines()
            threading.Thread(target=robot.typed.extend, args=(typed,), daemon=True).start()
        for number in ENDING:  # the way to end it; a second one changes nothing
            signal.signal(number, lambda *_: asked.set())
        robot.run(over)
    log(
        f"ended; of {robot.pacer.ticks} ticks {robot.pacer.missed} were late by more than 1 ms, "
        f"the worst by {1e3 * robot.pacer.worst:.1f} ms"
    )
    return 0


@contextlib.contextmanager
def sensors(world: Path, domain: int) -> Iterator[socket.socket]:
    """Lidar and camera as a process in a ROS domain; the socket on which it is told where everything is."""
    from vla_sim.bringup import node_table
    from vla_sim.hardware.unitree import link

    ours, theirs = link.pair()
    command = [sys.executable, "-m", "vla_sim.simulation.robot_sensors", str(theirs.fileno()), str(world)]
    # Not by Ctrl-C, which is the robot's: it ends when the socket is closed.
    process = subprocess.Popen(
        command, pass_fds=[theirs.fileno()], env=node_table.environment(domain), start_new_session=True
    )
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()
        ended(process, 10.0)
