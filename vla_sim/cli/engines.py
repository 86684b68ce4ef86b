"""`vla-sim check-engine`, `bridge-config`: what concerns simulators."""

from __future__ import annotations

import argparse
import time
from functools import partial
from typing import Any

from vla_sim.cli import common
from vla_sim.simulation.registry import STEPPED


def add(commands: Any) -> None:
    one = commands.add_parser("check-engine", help="prove an engine fit for use, on a bench of its own")
    one.add_argument("engine", choices=STEPPED)
    common.add_flags(one, "robot", "sensors", "json")
    one.set_defaults(call=check)

    config = commands.add_parser("bridge-config", help="print a ros_gz_bridge configuration of the contract")
    common.add_flags(config, "world")
    config.set_defaults(call=bridge)


def check(a: argparse.Namespace) -> int:
    from vla_sim.simulation.conformance.bench import WORLD, Bench
    from vla_sim.simulation.conformance.checks import check_engine
    from vla_sim.simulation.registry import make_simulator

    began = time.perf_counter()
    engine = make_simulator(a.engine, WORLD, a.sensors)
    ready = time.perf_counter() - began

    try:
        return common.checked(a.json, partial(check_engine, Bench(engine, a.engine, a.sensors, ready)))
    finally:
        engine.close()


def bridge(a: argparse.Namespace) -> int:
    from vla_sim.simulation.gazebo.bridge import bridge_config
    from vla_sim.world import world_file
    from vla_sim.world.semantic_map import ROBOT, World

    print(bridge_config(world_file.load(World.load(a.world).path).model(ROBOT)), end="")
    return 0
