"""Gaps in a wall, walked on the humanoid's own legs: each is passed, or refused in words, without a touch.

    python test/stages/navigation/test_gaps.py --widths 0.7 0.75 --bearings 0 30 --loads hands box --seeds 5

plays any of them and tells each in a line.
"""

import argparse
import math
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from vla_sim.contract.records import NavigationRequest
from vla_sim.robot import facts

pytestmark = [pytest.mark.scenario, pytest.mark.variant]
WALL_X, HEIGHT = 2.5, 1.6
"""[m]"""
REFUSED_WITHIN = 60.0
"""[s] in which a gap that is not passed must be refused."""
CASES = [
    (0.60, 0.0, "hands", "refused"), (0.80, 0.0, "hands", "refused"), (0.85, 0.0, "hands", "passed"),
    (0.85, 30.0, "hands", "passed"), (0.85, 30.0, "box", "passed"),
]  # fmt: skip


def wall(name: str, x: tuple[float, float], y: tuple[float, float]) -> str:
    """SDF of a wall between two corners [m]."""
    size = f"<geometry><box><size>{x[1] - x[0]} {y[1] - y[0]} {HEIGHT}</size></box></geometry>"
    middle = f"{(x[0] + x[1]) / 2} {(y[0] + y[1]) / 2} {HEIGHT / 2} 0 0 0"
    return f"""<model name="{name}"><static>true</static><pose>{middle}</pose><link name="link">
      <collision name="c">{size}</collision><visual name="v">{size}</visual></link></model>"""


def world(width: float, bearing: float) -> str:
    """SDF of a room with a wall ahead of the robot, whose gap of `width` [m] lies in the direction `bearing`
    [degrees] off the wall's normal, and beyond it in the same direction the place "end"."""
    slope = math.tan(math.radians(bearing))
    middle, low, high = WALL_X * slope, -1.6, 3.6
    walls = (
        wall("south", (-1.6, 5.6), (low - 0.1, low)), wall("north", (-1.6, 5.6), (high, high + 0.1)),
        wall("west", (-1.7, -1.6), (low, high)), wall("east", (5.6, 5.7), (low, high)),
        wall("post_right", (WALL_X - 0.075, WALL_X + 0.075), (low, middle - width / 2)),
        wall("post_left", (WALL_X - 0.075, WALL_X + 0.075), (middle + width / 2, high)),
    )  # fmt: skip
    plane = "<geometry><plane><normal>0 0 1</normal><size>20 20</size></plane></geometry>"
    return f"""<?xml version="1.0"?><sdf version="1.10"><world name="gap">
    <physics name="step" type="ignored"><max_step_size>0.002</max_step_size></physics>
    <gravity>0 0 -9.81</gravity>
    <model name="floor"><static>true</static><link name="link"><collision name="c">{plane}</collision>
      <visual name="v">{plane}</visual></link></model>
    <include><uri>model://blue_box</uri><name>box</name><pose>-1.2 -1.2 0.045 0 0 0</pose></include>
    <include><uri>model://g1</uri><name>g1</name><pose>0 0 0.79 0 0 {math.radians(bearing)}</pose></include>
    <frame name="place/start"><pose>0 0 0 0 0 0</pose></frame>
    <frame name="place/end"><pose>4.3 {4.3 * slope} 0 0 0 {math.radians(bearing)}</pose></frame>
    {"".join(walls)}</world></sdf>"""


BOX = 0.06
"""[m] its width."""
HELD_WITHIN = 0.015
"""[m] of the hand's middle, in which the box stays that nothing strikes."""


def take_box(robot, side: str = "right") -> None:
    """The box in a hand, and the arm as it is while it carries something."""
    from vla_sim.common.geometry import pose7, transform
    from vla_sim.stages.manipulation.actions import CARRY
    from vla_sim.stages.manipulation.trajectory import joint_motion, level_pose, rounded

    chain, sign = robot.kinematics.arm[side], 1.0 if side == "left" else -1.0
    home = facts.DEFAULT_POSE[facts.ARM_INDEX[side]]
    goal = level_pose((CARRY[0], sign * CARRY[1], CARRY[2]), -sign * 0.25, 0.0)
    found = chain.inverse(goal, np.zeros(3), home)
    times, positions = joint_motion(rounded([home, found]), 0.6)
    robot.controller.arm_trajectory(side, facts.ARM_JOINTS[side], times, positions)
    robot.controller.hand[side].move(0.08)
    robot._advance(round(float(times[-1]) / 0.02) + 50, None)
    robot.controller.hand[side].move(0.0)
    robot.holding = (side,)
    fingers = facts.FINGER_INDEX[side]
    while robot.engine.state().joint_position[fingers].sum() > BOX + 0.002:  # held in place until it is
        truth, state = robot.engine.truth(), robot.engine.state()
        arm, waist = state.joint_position[facts.ARM_INDEX[side]], state.joint_position[facts.WAIST_INDEX]
        tool = transform(truth.robot[:3], truth.robot[3:]) @ chain.forward(arm, waist)
        robot.engine.put("box", pose7(tool))
        robot._advance(1, None)
    robot._advance(75, None)


def play(width: float, bearing: float, load: str, seed: int):
    """The run, "passed" or "refused", and what is wrong with it."""
    from navigation_lockstep import Lockstep

    from vla_sim.contract.records import Plan, Step
    from vla_sim.stages.safety.plan_check import PlanChecker

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gap.sdf"
        path.write_text(world(width, bearing))
        robot = Lockstep(str(path))
    end = next(p for p in robot.world.places if p.name == "end")
    plan = Plan(command_id="c", text="", steps=[Step(skill="navigate", place="end")], planner="rules")
    refused = PlanChecker(robot.world).check(plan)
    robot.reset(seed, start=0.1, start_yaw=0.2)
    if load == "box":
        take_box(robot)
    request = NavigationRequest(goal_id="go", mode="go", x=end.x, y=end.y, yaw=end.yaw)
    run = robot.run(request, 150.0)
    outcome = {"succeeded": "passed", "failed": "refused"}.get(
        run.last.state if run.last else "", "not ended"
    )
    touched = {(a, b) for a, b in run.contacts if not b.startswith(("g1::", "box::"))}
    wrong = [f"{a} touched {b}" for a, b in sorted(touched)]
    truth = robot.engine.truth()
    if (
        load == "box"
        and np.linalg.norm(truth.objects["box"][:3] - truth.tools[facts.TOOL_FRAME["right"]]) > HELD_WITHIN
    ):
        wrong.append("the box was lost, or struck against something")
    if run.fallen:
        wrong.append("fell")
    if outcome == "not ended" or (outcome == "refused" and run.seconds > REFUSED_WITHIN):
        wrong.append(f"{outcome} after {run.seconds:.0f} s")
    if bool(refused) != (outcome == "refused"):
        wrong.append(f"safety says {refused or 'yes'} to the plan")
    return run, outcome, wrong


@pytest.mark.parametrize(("width", "bearing", "load", "expected"), CASES)
def test_a_gap_is_passed_or_refused_without_a_touch(width, bearing, load, expected):
    _, outcome, wrong = play(width, bearing, load, 0)
    assert (outcome, wrong) == (expected, [])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--widths", type=float, nargs="+", default=[0.5 + 0.05 * k for k in range(10)])
    parser.add_argument("--bearings", type=float, nargs="+", default=[0.0, 30.0], help="degrees")
    parser.add_argument("--loads", choices=("hands", "box"), nargs="+", default=["hands", "box"])
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 0 on")
    a = parser.parse_args()
    bad = 0
    cases = [(w, b, k, s) for k in a.loads for b in a.bearings for w in a.widths for s in range(a.seeds)]
    for width, bearing, load, seed in cases:
        began = time.monotonic()
        run, outcome, wrong = play(width, bearing, load, seed)
        bad += bool(wrong)
        print(
            f"{width:.2f} m {bearing:3.0f} deg {load:5s} seed {seed}: {outcome:9s} "
            f"nearest {run.clearance:.3f} m, {run.length:.1f} m in {run.seconds:.0f} s, "
            f"gate held {0.02 * run.halts:.1f} s; {run.last.detail}"
            + "".join(f"\n   WRONG {w}" for w in wrong)
            + f" ({time.monotonic() - began:.0f} s)",
            flush=True,
        )
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
