"""`vla-sim map`: drive the robot about, and have a map of its home."""

import argparse
import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from vla_sim.cli import common
from vla_sim.cli.monitor import find_domain
from vla_sim.common.errors import InputError, VlaSimError
from vla_sim.common.files import write_output, writing

HELP = "drive the robot about, slowly; type a place's name where it stands, or end"


def add(commands: Any) -> None:
    make = commands.add_parser(
        "map",
        help="drive the robot about, and have a map of its home",
        description="Makes a map of /scan and /odom, to be given as --world: home.yaml, home.pgm as nav2's "
        "map server reads them, and places.yaml. With --interface it starts the nodes robot and lidar; the "
        "robot is not armed, its remote control drives it. Without, it listens to what runs.",
    )
    common.add_flags(
        make, "out", "extrinsics", "params", "param", "domain", "verbose", "interface", "dds-domain",
        out={"help": "default: runs/map-<date>-<time>"},
        interface={"default": None, "help": "to the robot; default: what runs in the domain"},
    )  # fmt: skip
    make.set_defaults(call=call)


def call(a: argparse.Namespace) -> int:
    from vla_sim.bringup import node_table, parameters
    from vla_sim.bringup.node_table import StackOptions

    options = parameters.applied(StackOptions(extrinsics=a.extrinsics, speed=1.0), a.params, a.param)
    if a.interface is None:
        domain, _ = find_domain(a.domain)
    else:
        common.check_network(a)
        own = {"interface": a.interface, "dds_domain": a.dds_domain, **options.overrides.get("robot", {})}
        options = replace(options, overrides={**options.overrides, "robot": own})
    out = common.folder(a.out, "map-")
    console = common.console()
    echo = common.log_echo(console, a.verbose, "robot")
    from vla_sim.bringup.supervisor import Stack
    from vla_sim.hardware.mapping_node import MappingNode
    from vla_sim.scenario.client import NodeThread

    with contextlib.ExitStack() as stack:
        running = None
        if a.interface is not None:
            common.load_nodes()
            specs = (node_table.ROBOT, node_table.LIDAR)
            running = Stack(options, out, domain=a.domain, specs=specs, echo=echo, simulated=False)
            stack.enter_context(running)
            domain = running.domain.id
        node = stack.enter_context(NodeThread(domain, MappingNode))
        console.print(f"in ROS domain {domain}; {HELP}")
        places: dict[str, tuple[float, float, float]] = {}
        trouble: VlaSimError | None = None
        try:
            for words in common.typed_lines(running.check if running is not None else lambda: None):
                if words == "end":
                    break
                with node.lock:
                    added, doubted, pose = node.mapper.added, node.mapper.doubted, node.mapper.pose
                console.print(f"{added} scans, {doubted} of them did not fit; at {_place(pose)}")
                if words:
                    places[words] = _rounded(pose)
        except KeyboardInterrupt:  # a way to end it, as is the end of standard input
            pass
        except VlaSimError as error:  # what is mapped by then is kept
            trouble = error
        with node.lock:
            mapper = node.mapper
    if mapper.added:
        write(out, mapper.grid(), places)
        console.print(f"written: {out / 'home.yaml'}; give it as --world")
    if trouble is not None:
        raise trouble
    if not mapper.added:
        raise InputError(
            f"no scan with its odometry came in ROS domain {domain}, and no map is written: "
            "does a robot or a simulator run there? vla-sim top shows it"
        )
    return 0


def write(folder: Path, grid: Any, places: dict[str, tuple[float, float, float]]) -> None:
    """The map server's files, and the places; the start is one of them. Raises `InputError`."""
    import yaml

    from vla_sim.world import map_file

    with writing(f"the map into {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        grid.write(folder / "home")
    named = {name: list(at) for name, at in {"start": (0.0, 0.0, 0.0), **places}.items()}
    text = yaml.safe_dump({"places": named}, sort_keys=False, default_flow_style=None, allow_unicode=True)
    head = "# x, y [m], yaw [rad]; the robot starts at the first one\n"
    write_output(folder / map_file.PLACES, (head + text).encode())


def _rounded(pose: Any) -> tuple[float, float, float]:
    x, y, yaw = (round(float(value), 3) for value in pose)
    return x, y, yaw


def _place(pose: Any) -> str:
    x, y, yaw = _rounded(pose)
    return f"x {x:.2f} m, y {y:.2f} m, yaw {yaw:.2f} rad"
