"""Safety: is a plan one that this robot may run in this world, and what does its look at a trajectory cost?
How soon the robot stops for what appears before it is in the set `navigation`."""

from functools import partial
from typing import Literal

import numpy as np

from vla_sim.bench.benchmark import Benchmark, Meter, Wrong
from vla_sim.common.geometry import Array
from vla_sim.contract.records import Plan
from vla_sim.robot import facts
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.language.rule_planner import RulePlanner
from vla_sim.stages.safety.arm_gate import ArmGate
from vla_sim.stages.safety.plan_check import PlanChecker
from vla_sim.world.semantic_map import World

GOOD = "Go to the kitchen, pick up the red cup and put it on the dresser"


def validation(meter: Meter, allowed: bool) -> None:
    world = World.load("apartment")
    checker = PlanChecker(world)
    steps = list(RulePlanner(world).plan(GOOD).steps)
    if not allowed:
        steps = [step for step in steps for _ in range(20)]  # more than one plan may have
    plan = Plan(command_id="bench", text=GOOD, steps=steps, planner="rules")

    def check(reasons: list[str]) -> None:
        if bool(reasons) == allowed:
            raise Wrong(f"a plan of {len(steps)} steps is {f'refused: {reasons}' if reasons else 'allowed'}")

    meter.time(lambda: checker.check(plan), check=check)


def reach() -> tuple[Array, Array]:
    """(n, 7) a reach over a table from the default pose, up first, and the lidar's (m, 3) points: of the
    table, of a wall, and of the floor."""
    up, out = np.array([0.3, -0.55, -0.4, -1.0, 0.0, 0.0, -0.3]), np.array([-0.9, -0.2, 0, 0.2, 0, 0, 0])
    home = facts.DEFAULT_POSE[facts.ARM_INDEX["right"]]
    share = np.linspace(0.04, 1.0, 25)[:, None]
    path = np.vstack([home + share * (up - home), up + share * (out - up)])
    x, y = np.meshgrid(np.linspace(0.25, 1.2, 60), np.linspace(-1.0, 1.0, 60))
    flat = np.column_stack([x.ravel(), y.ravel()])
    planes = [np.insert(flat, 2, z, axis=1) for z in (-0.1, -0.7)]
    return path, np.vstack([*planes, np.insert(flat[:, ::-1], 0, 1.5, axis=1)])[:5760]


def arm_gate(meter: Meter) -> None:
    """With a new cloud each time, which has to be looked through."""
    path, points = reach()
    gate = ArmGate(Kinematics.load())
    gate.warm()
    names, times = facts.ARM_JOINTS["right"], np.linspace(0.08, 4.0, len(path))

    def look() -> str:
        gate.on_joints(facts.DEFAULT_POSE, 1.0)
        gate.on_points(points, 1.0)
        return gate.arm("right", names, times, path, None, 1.0, 1.0)

    def check(reason: str) -> None:
        if reason:
            raise Wrong(f"a reach over a table is refused: {reason}")

    meter.time(look, check=check)


def added(meter: Meter, of: Literal["velocity", "trajectory"]) -> None:
    """Through ROS."""
    from vla_sim.bench.reaction import added_latencies

    path, points = reach()
    folder = meter.options.folder / f"added_{of}"
    added_latencies(meter.repeat, folder, of, path, points, lambda s: meter.add(1e3 * s))


BENCHMARKS = (
    *(
        Benchmark(
            f"safety.{name}", f"check of a plan that may {word}", partial(validation, allowed=allowed),
            repeat=300, quick=50,
        )
        for name, word, allowed in (("validation", "run", True), ("refusal", "not run", False))
    ),
    Benchmark(
        "safety.arm_gate", "a look at an arm's trajectory amid what the lidar sees, computed", arm_gate,
        repeat=300, quick=50,
    ),
    *(
        Benchmark(
            f"safety.added_{of}", f"how much later a {of} arrives by way of the safety node than without it",
            partial(added, of=of), repeat=200, quick=30,
        )
        for of in ("velocity", "trajectory")
    ),
)  # fmt: skip
