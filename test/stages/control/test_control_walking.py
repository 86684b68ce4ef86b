"""The policy and the followers on the real model, on a bare floor in MuJoCo."""

import numpy as np
import pytest

from vla_sim.common.geometry import transform, yaw_from_quaternion
from vla_sim.robot import facts
from vla_sim.robot.kinematics import Kinematics
from vla_sim.simulation.mujoco.simulator import MujocoSimulator
from vla_sim.stages.control.arm import pelvis_in_odom
from vla_sim.stages.control.controller import Controller
from vla_sim.stages.control.policy import load_policy
from vla_sim.stages.control.velocity import CALIBRATION

pytestmark = pytest.mark.integration

FLOOR = """<?xml version="1.0"?>
<sdf version="1.9"><world name="floor">
  <model name="floor"><static>true</static><link name="link"><collision name="plane"><geometry>
    <plane><normal>0 0 1</normal><size>50 50</size></plane>
  </geometry></collision></link></model>
  <include><uri>model://g1</uri><name>g1</name></include>
</world></sdf>"""


@pytest.fixture(scope="module")
def kinematics():
    return Kinematics.load()


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    path = tmp_path_factory.mktemp("world") / "floor.sdf"
    path.write_text(FLOOR)
    engine = MujocoSimulator(path)
    yield engine
    engine.close()


@pytest.fixture
def controller(engine, kinematics):
    engine.reset()
    return Controller(kinematics.arm, load_policy(), CALIBRATION["fastsac"])


def run(engine, controller, seconds, velocity=None, watch=None):
    for _ in range(round(seconds / 0.02)):
        state = engine.state()
        if velocity is not None:
            controller.velocity.ask(*velocity, state.time)
        engine.command(controller.update(state))
        engine.step()
        if watch is not None:
            watch()
    return engine.truth()


def test_it_stands_still(engine, controller):
    truth = run(engine, controller, 5.0)
    assert not truth.fallen
    assert not controller.fallen
    assert np.hypot(*truth.robot[:2]) < 0.05
    assert 0.74 < truth.robot[2] < 0.79


def test_it_walks_as_fast_as_it_is_told_and_stops(engine, controller):
    run(engine, controller, 1.0)
    walked = run(engine, controller, 4.0, (0.3, 0.0, 0.0)).robot
    assert 0.8 < walked[0] < 1.3
    assert abs(walked[1]) < 0.15
    stopped = run(engine, controller, 3.0)
    assert not stopped.fallen
    assert 0.0 < stopped.robot[0] - walked[0] < 0.25


def test_it_turns_on_the_spot(engine, controller):
    truth = run(engine, controller, 3.0, (0.0, 0.0, 0.5))
    assert yaw_from_quaternion(truth.robot[3:]) == pytest.approx(1.4, abs=0.25)
    assert np.hypot(*truth.robot[:2]) < 0.15


def test_the_tool_stays_within_two_millimetres_where_it_was_sent(engine, controller, kinematics):
    run(engine, controller, 1.5)
    state, arm, index = engine.state(), kinematics.arm["right"], facts.ARM_INDEX["right"]
    base, waist = pelvis_in_odom(state), state.joint_position[12:15]
    q = arm.inverse(transform([0.42, -0.12, 0.15]), waist, state.joint_position[index])
    names = facts.ARM_JOINTS["right"]
    controller.arm_trajectory("right", names, [1.5], q[None], frame="odom", stamp=state.time)
    run(engine, controller, 3.0)
    goal = (base @ arm.forward(q, waist))[:3, 3]
    errors = []
    run(engine, controller, 1.5, watch=lambda: errors.append(engine.truth().tools["right_tool"] - goal))
    assert np.linalg.norm(errors, axis=1).max() < 2e-3 + 1e-3  # and a millimetre of odometry drift
    truth = engine.truth()
    assert np.hypot(*truth.robot[:2]) < 0.05


def test_it_walks_straight_with_an_arm_held_up(engine, controller, kinematics):
    run(engine, controller, 1.0)
    arm = kinematics.arm["right"]
    q = arm.inverse(transform([0.28, -0.15, 0.18]), np.zeros(3), arm.comfort)
    controller.arm_trajectory("right", facts.ARM_JOINTS["right"], [1.5], q[None])
    run(engine, controller, 2.5)
    start = engine.truth().robot
    truth = run(engine, controller, 5.0, (0.3, 0.0, 0.0))
    assert not truth.fallen
    assert 1.0 < np.hypot(*(truth.robot - start)[:2]) < 1.8
    turned = yaw_from_quaternion(truth.robot[3:]) - yaw_from_quaternion(start[3:])
    assert abs(turned) < 0.35


@pytest.mark.parametrize("speed", [0.12, 0.27, 0.5])
def test_a_walk_starts_without_swaying_more_than_it_sways_later(engine, controller, speed):
    run(engine, controller, 1.0)
    aside = []
    first = engine.truth().robot[1]
    run(engine, controller, 1.5, (speed, 0.0, 0.0), lambda: aside.append(engine.truth().robot[1] - first))
    assert -0.06 < min(aside) < max(aside) < 0.06  # without `start` 0.075 to 0.09 m to the right
