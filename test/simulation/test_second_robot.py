"""A second robot is data: the Booster T1, of which no line of code knows, stands and walks by its profile.

Each test is in processes of its own, since a process is of one robot.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vla_sim.common import assets

T1 = {**os.environ, assets.ROBOT: "t1"}
ROOT = Path(__file__).parents[2]

STANDS = """
import math
from mujoco_rig import make_world
from vla_sim.robot import facts
from vla_sim.simulation.conformance.bench import Bench
from vla_sim.simulation.mujoco.simulator import MujocoSimulator
bench = Bench(MujocoSimulator(make_world(), noise=False))
bench.reset()
off, touched = 0.0, set()
for _ in range(20):
    bench.run(1.0)
    truth = bench.simulator.truth()
    assert not truth.fallen
    off = max(off, math.hypot(*truth.robot[:2]))
    for one in bench.simulator.contacts():
        touched |= {name.split("::")[1] for name in (one.a, one.b) if name.startswith(facts.NAME)}
assert off < 0.05, off
assert touched == set(facts.FOOT_LINK.values()), touched
assert abs(truth.robot[2] - facts.STANDING_HEIGHT) < 0.01, truth.robot
begin = truth.robot[:2].copy()
bench.run(6.0, (0.4, 0.0, 0.0))
way = math.hypot(*(bench.simulator.truth().robot[:2] - begin))
assert 1.9 < way < 2.6, way
"""


def run(*words):
    done = subprocess.run([sys.executable, *words], env=T1, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


@pytest.mark.integration
def test_it_stands_and_walks():
    run("-c", f"import sys; sys.path.insert(0, 'test/simulation')\n{STANDS}")


def test_its_kinematics_are_those_of_mujoco():
    chosen = "every_link or jacobian_and_gravity or unknown_frame"
    run("-m", "pytest", "-q", "-p", "no:cacheprovider", "test/robot/test_kinematics.py", "-k", chosen)


@pytest.mark.integration
def test_its_body_takes_the_room_that_its_profile_says():
    run("-m", "pytest", "-q", "-p", "no:cacheprovider", "test/simulation/test_swept_room.py")


ANSWERS = """
import json
from vla_sim.common.assets import find_world
from vla_sim.contract.records import ManipulationRequest, Plan
from vla_sim.robot import facts
from vla_sim.simulation.gazebo.prepared_files import prepared
from vla_sim.stages.control.gripper import make_hand
from vla_sim.stages.language.rule_planner import RulePlanner
from vla_sim.stages.manipulation.node import without_hand
from vla_sim.stages.safety.plan_check import PlanChecker
from vla_sim.world.semantic_map import World
world = World.load("apartment")
planner, checker = RulePlanner(world), PlanChecker(world)
plans = [planner.plan(text).steps for text in ("pick up the red cup", "go to the kitchen")]
plans = [Plan(command_id="1", text="t", steps=list(steps), planner="rules") for steps in plans]
reasons = [checker.check(plan) for plan in plans]
asked = {a: without_hand(ManipulationRequest(goal_id="g", action=a)).state for a in ("home", "pick", "open")}
try:
    make_hand().move(0.05)
    moved = "moved"
except Exception as error:
    moved = type(error).__name__
text = prepared(find_world("apartment"))
assert b"model://t1" in text and b"<name>t1</name>" in text and b"model://g1" not in text
print(json.dumps([reasons, asked, moved, planner.plan("what can you do").answer]))
"""


def test_without_a_hand_it_says_so_and_carries_nothing():
    done = subprocess.run([sys.executable, "-c", ANSWERS], env=T1, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    reasons, asked, moved, able = json.loads(done.stdout)
    assert reasons == [["I have no hand, so I cannot take or carry anything"], []]
    assert asked == {"home": "succeeded", "pick": "failed", "open": "failed"}
    assert moved == "InputError"
    assert "pick up" not in able
    assert "go" in able


BARE = """
from vla_sim.hardware.unitree import hands
from vla_sim.hardware.unitree.motion import Motion
from vla_sim.robot import facts
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.control.controller import Controller
from vla_sim.stages.control.policy import standing_policy
assert len(facts.JOINTS) == 29 and facts.HANDS == ()
robot = Kinematics.load()
motion = Motion(Controller(robot.arm, standing_policy()), robot.of_joints("damping"))
assert set(motion.hands) == set(facts.SIDES) and hands.CLOSED == {}
"""


def test_a_g1_without_hands_is_a_profile_too(tmp_path):
    """Called g1, so that it has the shipped model; its driver speaks to no hands."""
    text = assets.find_robot("g1").read_text()
    begin, end = text.index("hand:"), text.index("protocol:")
    path = tmp_path / "g1.yaml"
    path.write_text(f"{text[:begin]}hand: none\n{text[end:]}")
    env = {**os.environ, assets.ROBOT: str(path)}
    done = subprocess.run([sys.executable, "-c", BARE], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_it_is_not_taken_for_a_g1():
    line = [sys.executable, "-m", "vla_sim.cli.main", "g1"]
    done = subprocess.run(line, env=T1, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: t1 does not speak the G1's protocol")
    assert done.stderr.count("\n") == 1
