"""Manipulation: grasp planning for the chapter's four objects on a table, each time somewhere else."""

from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from vla_sim.bench.benchmark import Benchmark, Meter, Wrong
from vla_sim.common.geometry import STANDARD_GRAVITY, inverse, transform
from vla_sim.robot import facts
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.control.gripper import FORCE
from vla_sim.stages.manipulation.arm_collision import check_path, table_box
from vla_sim.stages.manipulation.arm_planner import GAP, ArmPlanner, GraspPlan
from vla_sim.stages.manipulation.grasp import Shape, Target
from vla_sim.stages.manipulation.planning_scene import Scene
from vla_sim.stages.manipulation.trajectory import READY
from vla_sim.world.semantic_map import Surface

HEIGHT = 0.76
"""Of the table [m]; its edge is 0.22 m ahead of the pelvis."""
FRICTION = 1.0
"""Of the models' surfaces."""


@dataclass(frozen=True)
class Thing:
    """size [m], mass [kg]: the chapter's "small", "medium" and "large" are of what one hand can hold."""

    shape: Shape
    size: tuple[float, float, float]
    mass: float
    words: str


THINGS = {
    "cup": Thing("cylinder", (0.068, 0.068, 0.10), 0.1, "small"),
    "ball": Thing("sphere", (0.07, 0.07, 0.07), 0.2, "medium"),
    "box": Thing("box", (0.075, 0.075, 0.16), 0.5, "large"),
    "bottle": Thing("bottle", (0.06, 0.06, 0.18), 0.3, "medium"),
}


@cache
def planner() -> ArmPlanner:
    out = ArmPlanner(Kinematics.load())
    out.warm()
    return out


def standing() -> Scene:
    """At the table, both arms raised."""
    joints = facts.DEFAULT_POSE.copy()
    for side in facts.SIDES:
        joints[facts.ARM_INDEX[side]] = READY[side]
    table = table_box(Surface("table", "", 0.52, 0.0, 0.0, 0.6, 1.4, HEIGHT))
    return Scene(1.0, joints, transform((0.0, 0.0, facts.STANDING_HEIGHT)), table)


def grasp(meter: Meter, thing: Thing) -> None:
    """Somewhere in the part of the table where docking leaves the robot."""
    scene, rng = standing(), np.random.default_rng(0)
    if 2.0 * thing.mass * STANDARD_GRAVITY > 2.0 * FRICTION * FORCE:
        raise Wrong(f"{thing.mass} kg are more than the gripper holds with half of its force to spare")
    target = Target(thing.shape, (0.35, -0.15, 0.81), thing.size)

    def before() -> None:
        nonlocal target
        side = rng.choice((-1.0, 1.0))
        x, y = float(rng.uniform(0.32, 0.38)), float(side * rng.uniform(0.10, 0.20))
        target = Target(
            thing.shape, (x, y, HEIGHT + thing.size[2] / 2), thing.size, float(rng.uniform(-0.5, 0.5))
        )

    def check(found: GraspPlan | str) -> None:
        if isinstance(found, str):
            raise Wrong(f"no grasp at ({target.position[0]:.2f}, {target.position[1]:.2f}): {found}")
        judge(scene, found)

    meter.time(lambda: planner().pick(scene, target), before=before, check=check)


def judge(scene: Scene, plan: GraspPlan) -> None:
    """The arm ends where the grasp wants it, within its limits, and the way there touches nothing."""
    arm = planner()
    chain, body, waist = arm.kinematics.arm[plan.side], arm.body.arm[plan.side], scene.waist
    q = scene.joint_position.copy()
    q[facts.ARM_INDEX[plan.side]] = plan.posture
    tool = scene.base @ arm.kinematics.frame(facts.TOOL_FRAME[plan.side], q)
    off = float(np.linalg.norm(tool[:3, 3] - plan.grasp.pose[:3, 3]))
    if off > 1e-3:
        raise Wrong(f"the hand ends {1e3 * off:.1f} mm beside the grasp")
    if (plan.reach < chain.low - 1e-6).any() or (plan.reach > chain.high + 1e-6).any():
        raise Wrong("the way there passes the joints' limits")
    gap, own = check_path(chain, body, plan.reach, waist, plan.opening, arm.obstacles(scene, plan.side))
    if gap < 0.0 or own < 0.0 or plan.clearance < GAP:
        raise Wrong(f"the arm comes {1e3 * min(gap, own):.0f} mm near to something")
    above = (inverse(plan.grasp.pose) @ plan.pregrasp)[:3, 3]
    if abs(float(np.linalg.norm(above)) - 0.09) > 1e-6:
        raise Wrong("the approach does not begin 9 cm before the grasp")


BENCHMARKS = tuple(
    Benchmark(
        f"manipulation.{name}", f"grasp planning: {name}, {thing.words}, {thing.mass:g} kg",
        partial(grasp, thing=thing), repeat=40, quick=8,
    )
    for name, thing in THINGS.items()
)  # fmt: skip
