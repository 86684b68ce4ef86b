"""Grasp planning for the book's four objects on a table; the robot stands with its arms raised."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from vla_sim import robot
from vla_sim.bench.suite import Benchmark, Once, Options, Prepare, WrongError, timed
from vla_sim.geometry import transform
from vla_sim.kinematics import Kinematics
from vla_sim.manipulation.collision import table_box
from vla_sim.manipulation.grasp import Target
from vla_sim.manipulation.motion import READY
from vla_sim.manipulation.planner import ArmPlanner, GraspPlan, Outcome, Scene

EDGE, LENGTH, WIDTH, HEIGHT = 0.22, 0.6, 1.4, 0.76
"""Of the table [m]: its edge ahead of the pelvis, and its sizes."""
OBJECTS = {
    "cup, small": ("cylinder", (0.068, 0.068, 0.10)),
    "ball, medium": ("sphere", (0.07, 0.07, 0.07)),
    "box, large": ("box", (0.07, 0.07, 0.12)),
    "bottle, medium": ("bottle", (0.06, 0.06, 0.18)),
}
"""Shape and size [m]. The hand opens to 0.1 m, which bounds what "large" can be; a grasp is planned from
what is seen, so that the book's masses (0.1, 0.2, 0.5 and 0.3 kg) do not enter."""
SPREAD = 0.03
"""[m] by which the places differ from each other."""


def benchmarks(options: Options) -> list[Benchmark]:
    return [
        Benchmark(f"manipulation/{name}", _grasp(shape, size), repetitions=40)
        for name, (shape, size) in OBJECTS.items()
    ]


def _grasp(shape: str, size: tuple[float, float, float]) -> Prepare:
    @contextmanager
    def prepared() -> Iterator[Once]:
        planner = ArmPlanner(Kinematics.load())
        planner.warm()
        joints = robot.DEFAULT_POSE.copy()
        for side in robot.SIDES:
            joints[robot.ARM_INDEX[side]] = READY[side]
        table = table_box(EDGE + 0.5 * LENGTH, 0.0, 0.0, LENGTH, WIDTH, HEIGHT)
        scene = Scene(0.0, joints, transform((0.0, 0.0, robot.STANDING_HEIGHT)), table)
        rng = np.random.default_rng(0)

        def plan() -> Outcome:
            x, y = rng.uniform(-SPREAD, SPREAD, 2)
            at = (0.35 + x, -0.15 + y, HEIGHT + 0.5 * size[2])
            return planner.pick(scene, Target(shape, at, size))  # type: ignore[arg-type]

        def check(found: object) -> None:
            assert isinstance(found, Outcome)
            if not isinstance(found.plan, GraspPlan):
                raise WrongError(f"no grasp: {found.reason}")

        yield timed(plan, check)

    return prepared
