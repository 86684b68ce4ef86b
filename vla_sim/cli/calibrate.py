"""`vla-sim calibrate`: whether lidar and camera sit where the robot believes."""

import argparse
import math
import os
from typing import Any

from vla_sim.cli import common
from vla_sim.cli.monitor import find_domain
from vla_sim.common.errors import InputError

_length = common.number("a number of at most 100", lambda value: abs(value) <= 100.0)


def add(commands: Any) -> None:
    calibrate = commands.add_parser(
        "calibrate",
        help="measure known things with lidar and camera: do they sit where the robot believes?",
        description="The robot stands still, square to what it sees, while `vla-sim robot` and the sensors' "
        "drivers run. Distances are from the point below its pelvis, ahead and to the left [m]. Exit code 1: "
        "a sensor does not sit where the robot believes.",
    )
    common.add_flags(
        calibrate, "extrinsics", "params", "param", "domain",
        domain=common.HERE,
    )  # fmt: skip
    calibrate.add_argument("--wall", type=_length, metavar="X", help="a wall straight ahead, for the lidar")
    calibrate.add_argument(
        "--side-wall", type=_length, metavar="Y", help="a wall to the left (negative: to the right)"
    )
    calibrate.add_argument(
        "--table", type=_length, nargs=2, metavar=("X", "Z"),
        help="the edge of a table ahead and the height of its top, for the camera",
    )  # fmt: skip
    calibrate.add_argument(
        "--cup", type=_length, nargs=2, metavar=("X", "Y"), help="the middle of a cup that the camera sees"
    )
    calibrate.add_argument(
        "--seconds", type=common.positive, default=30.0, metavar="S", help="to wait; default: 30"
    )
    calibrate.set_defaults(call=call)


def call(a: argparse.Namespace) -> int:
    lidar, camera = a.wall is not None or a.side_wall is not None, bool(a.table or a.cup)
    if not lidar and not camera:
        raise InputError(
            "nothing is known to measure: give --wall for the lidar, --table or --cup for the camera"
        )
    from vla_sim.bringup import node_table, parameters
    from vla_sim.bringup.node_table import StackOptions
    from vla_sim.robot.extrinsics import calibrated

    options = parameters.applied(StackOptions(extrinsics=a.extrinsics), a.params, a.param)
    kinematics = calibrated(options.extrinsics)
    specs = {spec.name: spec for spec in node_table.nodes(simulated=False)}
    eyes = node_table.parameters(specs["perception"], options, simulated=False)
    ears = node_table.parameters(specs["lidar"], options, simulated=False)
    named = {
        "cloud": str(ears.get("cloud", specs["lidar"].params().cloud)),  # type: ignore[attr-defined]
        **{name: str(eyes[name]) for name in ("color", "depth", "camera_info")},
    }
    pairing = float(str(eyes.get("pairing", specs["perception"].params().pairing)))  # type: ignore[attr-defined]
    domain, ours = find_domain(a.domain)
    if ours:
        os.environ.update(node_table.middleware(domain))
    import numpy as np

    from vla_sim.hardware import calibration, calibration_node
    from vla_sim.stages.perception.detector import ColourDetector
    from vla_sim.stages.perception.pose_estimator import ObjectModels

    seen = calibration_node.listen(domain, named, pairing, lidar=lidar, camera=camera, timeout=a.seconds)
    assert seen.attitude is not None
    assert seen.joints is not None
    stance = calibration.Stance(kinematics, seen.attitude, seen.joints)
    known = calibration.Known(a.wall, a.side_wall, a.table and tuple(a.table), a.cup and tuple(a.cup))
    reports = []
    if lidar:
        reports.append(calibration.check_lidar(stance, np.concatenate(seen.clouds), known))
    if camera:
        assert seen.camera is not None
        reports.append(
            calibration.check_camera(
                stance, seen.images[-1][0], calibration.mean_depth([depth for _, depth in seen.images]),
                seen.camera, ColourDetector(ObjectModels.household()), known,
            )
        )  # fmt: skip
    _print(reports, common.console())
    return 0 if all(report.good for report in reports) else 1


def _print(reports: list[Any], console: Any) -> None:
    from vla_sim.hardware.calibration import ANGLE, LENGTH
    from vla_sim.robot.extrinsics import line

    for report in reports:
        console.print(report.sensor, style="bold")
        for one in report.measures:
            scale, unit, most = (math.degrees(1.0), "deg", ANGLE) if one.turn else (1.0, "m", LENGTH)
            verdict = "ok" if one.good else f"OFF by {scale * (one.measured - one.stated):+.3f} {unit}"
            console.print(
                f"  {one.what:28} measured {scale * one.measured:7.3f}  "
                f"stated {scale * one.stated:7.3f} {unit:3}  within {scale * most:.3g}: {verdict}",
                soft_wrap=True, highlight=False,
            )  # fmt: skip
        if not report.good:
            console.print("  write into the file of extrinsics, and look again:")
            console.print(f"{line(report.sensor, report.pose)}", soft_wrap=True, highlight=False)
