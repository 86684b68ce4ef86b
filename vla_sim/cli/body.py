"""`vla-sim check-body`: whether a robot, or what stands in for one, keeps the contract of a body."""

import argparse
from functools import partial
from typing import Any

from vla_sim.cli import common
from vla_sim.cli.robot import STEPS
from vla_sim.common import own_class
from vla_sim.common.errors import EngineError, InputError
from vla_sim.simulation.registry import STEPPED

G1 = "g1"


def add(commands: Any) -> None:
    one = commands.add_parser("check-body", help="prove a robot or its driver fit for use")
    one.add_argument(
        "body", metavar="BODY",
        help=f"{', '.join(STEPPED)}; {G1}: the robot on --interface; or a class of yours: my_driver:MyBody",
    )  # fmt: skip
    one.add_argument("--legs", action="store_true", help="with the checks that have the robot walk")
    common.add_flags(one, *common.NETWORK, "json")
    one.set_defaults(call=call)


def call(a: argparse.Namespace) -> int:
    from vla_sim.robot.body import Body
    from vla_sim.simulation.conformance.bench import WORLD, Bench, BodyBench, ConformanceError
    from vla_sim.simulation.conformance.body_checks import check_body, until_it_obeys
    from vla_sim.simulation.registry import make_simulator
    from vla_sim.stages.control.policy import load_policy, standing_policy
    from vla_sim.stages.control.velocity import CALIBRATION

    body: Body
    if a.body in STEPPED:
        body = simulator = make_simulator(a.body, WORLD, "software")
        bench: BodyBench = Bench(simulator, a.body)
    else:
        body = _robot(a)
        balance = [load_policy(), CALIBRATION["fastsac"]] if a.mode == "low" else [standing_policy()]
        bench = BodyBench(body, *balance)
    try:
        if bench.keeps_pace:
            shown = common.console(a.json)
            shown.print(f"{STEPS}\n\nIts arms will move{', and it will walk' if a.legs else ''}. Type arm:")
            if (said := next(common.typed_lines(), "")) != "arm":
                raise InputError(f"{said!r} was typed, not arm: nothing was sent")
            body.arm()
            try:
                until_it_obeys(bench)
            except ConformanceError as error:
                raise EngineError(str(error)) from None
        return common.checked(a.json, partial(check_body, bench, a.legs))
    finally:
        body.disarm()
        body.close()


def _robot(a: argparse.Namespace) -> Any:
    from vla_sim.robot.body import Body

    if a.body != G1:
        if ":" not in a.body:
            raise InputError(
                f"body {a.body!r} is not known; give one of {', '.join(STEPPED)}, {G1}, or a class as "
                "my_driver:MyBody"
            )
        return own_class.own("body", a.body, Body, lambda kind: kind())  # type: ignore[type-abstract]
    common.check_network(a)
    from vla_sim.hardware.unitree.robot import UnitreeRobot

    return UnitreeRobot(a.interface, a.dds_domain, a.mode)
