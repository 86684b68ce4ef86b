"""How hard an arm pushes, from what its motors do; and what the gate of the arms makes of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_sim.robot import facts
from vla_sim.robot.kinematics import WAIST, Kinematics
from vla_sim.robot.kinematics_kernels import chain_jacobian
from vla_sim.stages.manipulation.trajectory import READY
from vla_sim.stages.safety import arm_gate
from vla_sim.stages.safety.arm_gate import ArmGate
from vla_sim.stages.safety.contact_force import FORCE_ROOM, FORCE_TIME, MAX_FORCE, contact_force

KINEMATICS = Kinematics.load()
NOW, PERIOD = 10.0, 0.02


def posture(side="right"):
    joints = facts.DEFAULT_POSE.copy()
    joints[facts.ARM_INDEX[side]] = READY[side]
    return joints


def effort_under(joints, force, side="right", down=(0.0, 0.0, -1.0)):
    """(33,) what the motors do that hold an arm against gravity and against `force` (3,) [N] on its tool."""
    chain, i = KINEMATICS.arm[side], facts.ARM_INDEX[side]
    q, waist = joints[i], joints[facts.WAIST_INDEX]
    jacobian = chain_jacobian(chain.frames(q, waist), chain.axis, WAIST)[:3]
    out = np.full(len(facts.JOINTS), 3.0)
    out[i] = chain.gravity_torque(q, waist, 9.80665 * np.array(down)) - jacobian.T @ force
    return out


@settings(deadline=None, max_examples=50)
@given(st.tuples(*[st.floats(-60.0, 60.0)] * 3), st.sampled_from(facts.SIDES))
def test_the_force_on_the_hand_is_found(force, side):
    joints, i = posture(side), facts.ARM_INDEX[side]
    effort = effort_under(joints, np.array(force), side)[i]
    args = KINEMATICS.arm[side], joints[i], joints[facts.WAIST_INDEX], effort, np.array([0.0, 0.0, -1.0])
    assert contact_force(*args) == pytest.approx(np.linalg.norm(force), rel=0.05, abs=0.5)


def under_way(joints, seconds=4.0):
    """A gate that has let a motion of the right arm through."""
    gate = ArmGate(KINEMATICS)
    gate.on_points(np.array([[3.0, 0.0, 0.0]]), NOW)
    gate.on_joints(joints, NOW, effort_under(joints, np.zeros(3)))
    assert send(gate, NOW, seconds) == ""
    return gate


def send(gate, now, seconds=4.0):
    goal = READY["right"] + [0.3, 0, 0, 0, 0, 0, 0]
    names, times = facts.ARM_JOINTS["right"], np.array([seconds])
    gate.on_points(np.array([[3.0, 0.0, 0.0]]), now)
    return gate.arm("right", names, times, goal[None], None, now, now)


def push(gate, joints, newtons, begin, seconds):
    """Feed joints under a force from ahead; when the arm was made to hold [s], or None."""
    effort = effort_under(joints, np.array([-newtons, 0.0, 0.0]))
    for k in range(round(seconds / PERIOD)):
        held = gate.on_joints(joints, begin + k * PERIOD, effort)
        if held:
            assert held == ["right"]
            return begin + k * PERIOD
    return None


def test_an_arm_that_pushes_on_its_way_must_hold():
    joints = posture()
    held = push(under_way(joints), joints, MAX_FORCE + 10.0, NOW, 1.0)
    assert held == pytest.approx(NOW + FORCE_TIME, abs=1.5 * PERIOD)
    assert push(under_way(joints), joints, MAX_FORCE - 10.0, NOW, 1.0) is None


def test_a_knock_shorter_than_the_time_that_counts_goes_by():
    joints = posture()
    gate = under_way(joints)
    for begin in (NOW, NOW + 0.5):
        assert push(gate, joints, MAX_FORCE + 30.0, begin, FORCE_TIME - PERIOD) is None
        assert push(gate, joints, 0.0, begin + FORCE_TIME, 0.1) is None


def test_an_arm_that_rests_may_be_pushed_and_one_that_pushes_may_leave():
    joints = posture()
    gate = under_way(joints, 1.0)
    assert push(gate, joints, 60.0, NOW + 1.0 + arm_gate.LATE + 0.1, 1.0) is None  # somebody leans on it
    gate = under_way(joints)
    hard = MAX_FORCE + 20.0
    held = push(gate, joints, hard, NOW, 1.0)
    assert held
    assert send(gate, held) == ""  # away from it
    assert push(gate, joints, hard + 0.5 * FORCE_ROOM, held, 1.0) is None
    assert push(gate, joints, hard + 1.5 * FORCE_ROOM, held + 1.0, 1.0) is not None


def test_gravity_is_where_the_body_feels_it():
    """Half a radian of pitch without the attitude would pass for a force."""
    joints, pitch = posture(), 0.5
    attitude = (np.cos(pitch / 2), 0.0, np.sin(pitch / 2), 0.0)
    effort = effort_under(joints, np.zeros(3), down=(np.sin(pitch), 0.0, -np.cos(pitch)))
    gate = under_way(joints)
    gate.on_joints(joints, NOW, effort)
    unaware = gate._force["right"]
    gate.on_attitude((np.nan, 0.0, 0.0, 0.0))
    gate.on_attitude(attitude)
    gate.on_joints(joints, NOW, effort)
    assert gate._force["right"] < 0.1 < unaware


def test_no_effort_is_no_force():
    joints = posture()
    gate = under_way(joints)
    for k in range(50):
        assert gate.on_joints(joints, NOW + k * PERIOD, None) == []
        assert gate.on_joints(joints, NOW + k * PERIOD, np.full(len(facts.JOINTS), np.nan)) == []
