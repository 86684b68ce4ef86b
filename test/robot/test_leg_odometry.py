"""Odometry by legs and IMU: a foot that stands does not move, and how far it drifts in MuJoCo."""

import numpy as np
import pytest

from vla_sim.common.assets import find_world
from vla_sim.common.geometry import quaternion_from_yaw
from vla_sim.robot import facts
from vla_sim.robot.body import Body, RobotState
from vla_sim.robot.body_size import SOLE_BELOW_ANKLE
from vla_sim.robot.kinematics import Kinematics
from vla_sim.robot.leg_odometry import LONGEST, LegOdometry, LegOdometryBody

KINEMATICS = Kinematics.load()
LEVEL = np.array([1.0, 0.0, 0.0, 0.0])


def bent(hip):
    """The default pose with both hips turned by so much [rad], so that the pelvis moves over the feet."""
    q = facts.DEFAULT_POSE.copy()
    for side in facts.SIDES:
        q[facts.INDEX[f"{side}_hip_pitch_joint"]] += hip
    return q


def test_the_pelvis_moves_as_the_feet_move_back():
    made = LegOdometry(KINEMATICS)
    made.update(0.0, bent(0.0), LEVEL)
    feet = [KINEMATICS.frame("left_ankle_roll_link", bent(hip)) for hip in (0.0, 0.1)]
    soles = [t[:3, 3] - SOLE_BELOW_ANKLE * t[:3, 2] for t in feet]
    made.update(0.02, bent(0.1), LEVEL)
    np.testing.assert_allclose(made.position[:2], (soles[0] - soles[1])[:2], atol=1e-9)
    assert made.position[2] == pytest.approx(-soles[1][2])
    assert np.sign(made.velocity[0]) == np.sign(made.position[0])


def test_what_it_does_not_see_it_does_not_add():
    made = LegOdometry(KINEMATICS)
    made.update(1.0, bent(0.0), LEVEL)
    for time in (1.0, 0.5, 0.5 + LONGEST + 0.01):  # the same again, back in time, and a gap
        made.update(time, bent(0.1), LEVEL)
        made.update(time + LONGEST + 1.0, bent(0.0), LEVEL)
        np.testing.assert_array_equal(made.position[:2], 0.0)


def test_turning_on_the_spot_about_the_pelvis_is_no_way():
    made = LegOdometry(KINEMATICS)
    for k in range(50):  # both feet turn with the pelvis: of two that stand, the mean is between them
        made.update(0.02 * k, facts.DEFAULT_POSE, quaternion_from_yaw(0.02 * k))
    assert np.hypot(*made.position[:2]) < 0.08


class Moved(Body):
    """A body with its hips bent to and fro, whose own odometry is far from what its legs do."""

    def __init__(self):
        self.steps, self.commands = 0, []

    def state(self):
        rest = np.zeros(len(facts.JOINTS)), np.zeros(len(facts.JOINTS)), LEVEL, np.zeros(3), np.zeros(3)
        hip = 0.1 if self.steps % 2 else 0.0
        return RobotState(0.02 * self.steps, bent(hip), *rest, np.array([5.0, 2.0, 9.0]), LEVEL, np.ones(3))

    def command(self, command):
        self.commands.append(command)

    def step(self):
        self.steps += 1


def test_a_body_has_its_odometry_of_its_legs_from_where_its_own_begins():
    made = LegOdometryBody(inner := Moved(), KINEMATICS)
    first = made.state()
    np.testing.assert_allclose(first.odom_position[:2], (5.0, 2.0))
    assert first.odom_position[2] == pytest.approx(0.75, abs=0.05)
    made.step()
    legs = LegOdometry(KINEMATICS)
    legs.update(0.0, bent(0.0), LEVEL)
    legs.update(0.02, bent(0.1), LEVEL)
    np.testing.assert_allclose(made.state().odom_position[:2], np.array([5.0, 2.0]) + legs.position[:2])
    np.testing.assert_allclose(made.state().odom_velocity_base, legs.velocity)
    made.command("a command")
    assert inner.commands == ["a command"]


def test_a_body_that_begins_anew_begins_where_its_own_odometry_does():
    made = LegOdometryBody(inner := Moved(), KINEMATICS)
    made.state()
    made.step()
    moved = made.state().odom_position.copy()
    assert moved[0] != 5.0
    inner.steps = 0
    np.testing.assert_allclose(made.state().odom_position[:2], (5.0, 2.0))


@pytest.mark.integration
@pytest.mark.parametrize(
    ("velocity", "seconds", "share"), [((0.4, 0.0, 0.0), 7.0, 0.02), ((0.0, 0.2, 0.0), 5.0, 0.03)]
)
def test_it_drifts_by_little_of_the_way(velocity, seconds, share):
    from vla_sim.simulation.registry import import_mujoco

    import_mujoco()
    from vla_sim.simulation.mujoco.simulator import MujocoSimulator
    from vla_sim.stages.control.controller import Controller
    from vla_sim.stages.control.policy import load_policy
    from vla_sim.stages.control.velocity import CALIBRATION

    body = MujocoSimulator(find_world("corridor"), sensors="software")
    controller = Controller(KINEMATICS.arm, load_policy(), CALIBRATION["fastsac"])
    made, begin = LegOdometry(KINEMATICS), body.truth().robot
    for _ in range(round(seconds * 50)):
        state = body.state()
        made.update(state.time, state.joint_position, body.truth().robot[3:])
        controller.velocity.ask(*velocity, state.time)
        body.command(controller.update(state))
        body.step()
    made.update(body.time, body.state().joint_position, body.truth().robot[3:])
    way = (body.truth().robot - begin)[:2]
    assert np.hypot(*way) > 0.5
    assert np.hypot(*(made.position[:2] - way)) < share * np.hypot(*way)
    assert made.position[2] == pytest.approx(body.truth().robot[2], abs=0.01)
