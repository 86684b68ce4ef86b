"""The motion controller on a body with weight, and a band that holds one up; judged by the simulator's
truth."""

import numpy as np
import pytest

from vla_sim.common.assets import find_world
from vla_sim.hardware.unitree.motion import JOINTS, NOT_AVAILABLE, OK, TICK, Motion, State
from vla_sim.hardware.unitree.wire import ARM_SDK_WEIGHT, LowCommand
from vla_sim.robot import facts
from vla_sim.robot.kinematics import Kinematics
from vla_sim.simulation.registry import import_mujoco
from vla_sim.stages.control.controller import Controller
from vla_sim.stages.control.policy import load_policy
from vla_sim.stages.control.velocity import CALIBRATION

pytestmark = pytest.mark.integration


class Robot:
    def __init__(self):
        import_mujoco()
        from vla_sim.simulation.mujoco.simulator import MujocoSimulator

        self.body = MujocoSimulator(find_world("corridor"), sensors="software", period=TICK)
        controller = Controller(Kinematics.load().arm, load_policy(), CALIBRATION["fastsac"])
        self.motion = Motion(controller, self.body.model_damping)

    def run(self, seconds, each=lambda: None):
        """The truth after it."""
        for _ in range(round(seconds / TICK)):
            each()
            self.body.command(self.motion.update(self.body.state()))
            self.body.step()
        return self.body.truth()


@pytest.fixture
def robot():
    return Robot()


def test_it_walks_squats_stands_up_and_catches_itself_after_half_a_second_of_damping(robot):
    assert not robot.run(1.0).fallen
    assert robot.motion.set_velocity((0.3, 0.0, 0.0), 2.0) == OK
    walked = robot.run(4.0)
    assert 0.3 < walked.robot[0] < 0.7
    assert robot.motion.set_velocity((0.3, 0.0, 0.0), 0.5) == OK
    robot.run(1.0)
    assert robot.motion.set_state(State.SQUAT) == NOT_AVAILABLE  # it would fall
    robot.run(1.5)
    assert robot.motion.set_height(0.0) == OK
    low = robot.run(4.0)
    assert not low.fallen
    assert low.robot[2] < walked.robot[2] - 0.07
    assert robot.motion.set_state(State.SQUAT_TO_STAND) == OK
    squats = robot.run(4.5)
    assert not squats.fallen
    assert squats.robot[2] < walked.robot[2] - 0.2
    assert robot.motion.set_state(State.SQUAT_TO_STAND) == OK
    up = robot.run(4.5)
    assert up.robot[2] == pytest.approx(walked.robot[2], abs=0.02)
    # What the vendor's example does to stand up: damp, wait, stand up.
    assert robot.motion.set_state(State.DAMP) == OK
    robot.run(0.5)
    assert robot.motion.set_state(State.SQUAT_TO_STAND) == OK
    assert not robot.run(3.0).fallen
    assert robot.motion.balances


def test_a_damped_robot_sinks_and_does_not_stand_up_when_it_lies(robot):
    robot.run(0.5)
    robot.motion.set_state(State.DAMP)
    assert robot.run(5.0).fallen
    assert robot.motion.set_state(State.WALK) != OK
    assert robot.motion.state is State.DAMP


def test_the_arms_reach_where_a_program_wants_them_while_the_robot_stands(robot):
    robot.run(0.5)
    wanted = np.zeros(JOINTS)
    wanted[[16, 18, 23, 25]] = np.array([1.0, 1.0, -1.0, 1.0]) * np.pi / 2
    message = LowCommand()
    message.set_modes(1)
    message.motors["kp"][:JOINTS], message.motors["kd"][:JOINTS] = 60.0, 1.5
    begin = robot.body.state().joint_position[:JOINTS]

    def command():
        share = min(1.0, (robot.body.time - 0.5) / 3.0)
        message.motors["q"][:JOINTS] = begin + share * (wanted - begin)
        message.motors["q"][ARM_SDK_WEIGHT] = share
        robot.motion.arms.take(message, robot.body.time)

    truth = robot.run(5.0, command)
    assert not truth.fallen
    assert np.hypot(*truth.robot[:2]) < 0.3
    arms = np.concatenate([facts.ARM_INDEX[side] for side in facts.SIDES])
    np.testing.assert_allclose(robot.body.state().joint_position[arms], wanted[arms], atol=0.25)


def test_the_band_holds_a_limp_robot_upright(robot):
    robot.body.hang()
    robot.motion.release()
    before = robot.body.truth()
    after = robot.run(6.0)
    assert not after.fallen
    assert abs(after.robot[2] - before.robot[2]) < 0.15
