"""The motion controller's states and the motors' law, without a body."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from robot_state import standing

from vla_sim.hardware.unitree import motion
from vla_sim.hardware.unitree.gestures import GESTURES, RELEASE
from vla_sim.hardware.unitree.motion import JOINTS, Motion, State, Torques
from vla_sim.hardware.unitree.wire import ARM_SDK_WEIGHT, LowCommand
from vla_sim.robot import facts
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.control.controller import Controller
from vla_sim.stages.control.gripper import REACH
from vla_sim.stages.control.policy import standing_policy

KINEMATICS = Kinematics.load()
DAMPING = np.full(len(facts.JOINTS), 2.0)


@pytest.fixture
def robot():
    made = Motion(Controller(KINEMATICS.arm, standing_policy()), DAMPING)
    made.update(standing())
    return made


def command(q=0.5, kp=50.0, kd=2.0, weight=0.0):
    out = LowCommand()
    out.set_modes(1)
    m = out.motors
    m["q"][:JOINTS], m["kp"][:JOINTS], m["kd"][:JOINTS] = q, kp, kd
    m["q"][ARM_SDK_WEIGHT] = weight
    return out


def test_the_torque_of_a_motor_is_the_vendors_law():
    message = command()
    message.motors["dq"], message.motors["tau"] = 3.0, 4.0
    law = Torques.of(message)
    q, dq = 0.1, 0.2
    torque = law.kp * (law.q - q) - law.kd * dq + law.tau
    np.testing.assert_allclose(torque, 4.0 + 50.0 * (0.5 - q) + 2.0 * (3.0 - dq))


@given(st.sampled_from(["q", "dq", "tau", "kp", "kd"]), st.sampled_from([np.nan, np.inf, -np.inf]))
def test_a_motor_with_a_number_that_is_none_is_limp(name, value):
    message = command()
    message.motors[name][3] = value
    law = Torques.of(message)
    assert (law.kp[3], law.tau[3], law.kd[3]) == (0.0, 0.0, motion.LIMP[3])
    assert law.kp[2] == 50.0


def test_a_motor_that_is_switched_off_is_limp():
    message = command()
    message.motors["mode"][3] = 0
    assert Torques.of(message).kp[3] == 0.0


def test_parallel_ankles_are_pitch_and_roll_and_back():
    q = np.linspace(-1.0, 1.0, JOINTS)
    np.testing.assert_allclose(motion.from_parallel(motion.to_parallel(q)), q)
    message = command(q=0.0)
    message.mode_pr = motion.PARALLEL
    message.motors["q"][4], message.motors["q"][5] = 0.1, 0.3
    law = Torques.of(message)
    assert (law.q[4], law.q[5]) == pytest.approx((0.2, 0.1))


def test_parallel_ankles_do_the_work_of_their_motors():
    """Two motors B and A with the vendor's law, and the joints that they move."""
    rng = np.random.default_rng(0)
    joints, speeds = np.zeros(JOINTS), np.zeros(JOINTS)
    ankle = [*motion.ANKLE_PITCH, *motion.ANKLE_ROLL]
    joints[ankle], speeds[ankle] = rng.uniform(-0.3, 0.3, (2, 4))
    message = command(kp=40.0, kd=2.0)
    message.mode_pr = motion.PARALLEL
    m = message.motors[:JOINTS]
    for name in ("q", "dq", "tau"):
        m[name][ankle] = rng.uniform(-1.0, 1.0, 4)
    at, turns = motion.to_parallel(joints), motion.to_parallel(speeds)
    of_motors = m["tau"] + 40.0 * (m["q"] - at) + 2.0 * (m["dq"] - turns)
    law = Torques.of(message)
    of_joints = law.kp * (law.q - joints) - law.kd * speeds + law.tau
    assert of_joints[ankle] @ speeds[ankle] == pytest.approx(of_motors[ankle] @ turns[ankle], rel=1e-5)
    np.testing.assert_allclose(motion.torque_to_parallel(of_joints)[ankle], of_motors[ankle], rtol=1e-5)


def test_in_its_first_state_it_walks_and_obeys_no_motor_command(robot):
    assert (robot.state, robot.balances) == (State.WALK, True)
    robot.low.take(command(), 0.0)
    assert robot.update(standing(0.002)).stiffness[0] != 50.0
    assert robot.set_velocity((0.3, 0.0, 0.0), 1.0) == motion.OK
    assert robot.walks
    robot.update(standing(1.5))
    assert not robot.walks


def test_the_sticks_have_it_walk_where_no_program_does_and_where_it_may(robot):
    def asked(time):
        robot.update(standing(time))
        return robot._asked.tolist()

    robot.on_sticks(0.0, 0.5, 0.0)
    assert asked(0.02) == pytest.approx(0.5 * motion.FULL_STICK * [1, 0, 0])
    assert robot.walks
    assert not robot.gesture("high wave")
    robot.on_sticks(1.0, 0.0, 1.0)
    assert asked(0.04) == pytest.approx(motion.FULL_STICK * [0, -1, -1])
    assert robot.set_velocity((0.0, 0.0, 0.0), 1.0) == motion.OK  # a program stands
    assert asked(0.06) == [0.0, 0.0, 0.0]
    assert asked(1.5) == pytest.approx(motion.FULL_STICK * [0, -1, -1])
    robot.set_state(State.DAMP)
    np.testing.assert_array_equal(robot.update(standing(1.6)).damping[:JOINTS], motion.DAMPED)


def test_released_it_obeys_motor_commands_alone_and_is_damped_when_these_stop(robot):
    robot.release()
    assert robot.set_state(500) == robot.set_velocity((0.1, 0, 0), 1.0) == motion.NOT_AVAILABLE
    np.testing.assert_array_equal(robot.update(standing(1.0)).damping[:JOINTS], motion.DAMPED)
    robot.low.take(command(), 1.0)
    np.testing.assert_array_equal(robot.update(standing(1.05)).stiffness[:JOINTS], 50.0)
    last = robot.update(standing(1.0 + 2 * motion.SILENCE))
    assert not last.stiffness[:JOINTS].any()
    np.testing.assert_array_equal(last.damping[:JOINTS], motion.DAMPED)
    robot.take_over()
    assert (robot.released, robot.state) == (False, State.DAMP)


def test_what_the_body_cannot_do_is_refused(robot):
    assert robot.set_state(4711) == motion.UNKNOWN_STATE
    for state in (State.SIT, State.LIE_TO_STAND):
        assert robot.set_state(state) == motion.NOT_AVAILABLE
    assert robot.set_state(State.DAMP) == motion.OK
    assert robot.set_velocity((0.1, 0.0, 0.0), 1.0) == motion.NOT_AVAILABLE
    assert not robot.gesture("high wave")
    robot.update(standing(1.0, tilt=1.2))
    for state in (State.SQUAT_TO_STAND, State.WALK, State.STAND):
        assert robot.set_state(state) == motion.NOT_AVAILABLE
    assert robot.state is State.DAMP


def test_the_one_number_for_both_ways_goes_down_and_up(robot):
    time = 0.0

    def until(state):
        nonlocal time
        while robot.state is not state or robot._way is not None:
            time += 0.02
            assert time < 20.0
            robot.update(standing(time))

    assert robot.set_state(State.SQUAT_TO_STAND) == motion.OK
    until(State.SQUAT)
    assert robot.set_velocity((0.1, 0.0, 0.0), 1.0) == motion.NOT_AVAILABLE
    assert robot.set_state(State.SQUAT_TO_STAND) == motion.OK
    until(State.WALK)
    assert robot.balances


def test_a_gesture_is_refused_or_begun_as_soon_as_the_policy_has_the_robot(robot):
    robot.set_state(State.DAMP)
    assert robot.set_state(State.WALK) == motion.OK
    assert not robot.gesture("high wave")
    robot.update(standing(0.002))
    assert robot.gesture("high wave")
    robot.set_state(State.SQUAT)
    robot.update(standing(10.0))
    robot.set_state(State.WALK)
    robot._own = None  # what the policy wanted before it squatted
    robot.update(standing(20.0))
    assert robot.balances
    assert robot.gesture("high wave")


def test_no_posture_takes_over_from_the_policy_before_both_feet_stand(robot):
    postures = (State.STAND, State.SQUAT, State.SQUAT_TO_STAND)
    assert robot.set_velocity((0.3, 0.0, 0.0), 2.0) == motion.OK
    for time in (0.0, 1.0, 1.98, 3.0):
        robot.update(standing(time))
        assert [robot.set_state(one) for one in postures] == [motion.NOT_AVAILABLE] * 3
        assert robot.set_height(0.0) == motion.NOT_AVAILABLE
        assert robot.set_state(State.WALK_RUN) == motion.OK
        robot._ticks = 0
    robot.update(standing(4.0))
    assert robot.set_state(State.STAND) == motion.OK
    assert robot.set_state(State.WALK) == motion.OK
    assert not robot.walks
    assert robot.set_height(0.0) == motion.OK


def test_a_hand_keeps_what_it_holds_when_the_legs_are_damped_and_moves_once_a_period(robot):
    robot.hands["left"].move(0.03)
    calls = []
    move = robot.hands["left"].update
    robot.hands["left"].update = lambda q: calls.append(q) or move(q)
    for k in range(motion.TICKS):
        robot.update(standing(0.002 * k))
    assert len(calls) == 1
    robot.set_state(State.DAMP)
    assert robot.hands["left"].opening == 0.03
    for k in range(motion.TICKS):
        robot.update(standing(1.0 + 0.002 * k))
    assert len(calls) == 2


@pytest.mark.parametrize("state", [State.DAMP, State.ZERO_TORQUE])
def test_a_hand_holds_as_hard_while_the_legs_go_to_another_state(robot, state):
    feels = standing()
    fingers = facts.FINGER_INDEX["left"]
    feels.joint_position[fingers] = 0.02  # something keeps them apart
    robot.hands["left"].move(0.0)

    def wanted(begin):
        return [
            robot.update(replace(feels, time=begin + 0.002 * k)).position[fingers].max() for k in range(400)
        ]

    assert wanted(0.0)[-1] == pytest.approx(0.02 - REACH)
    robot.set_state(state)
    assert max(wanted(1.0)) == pytest.approx(0.02 - REACH)


def test_the_arms_are_a_programs_by_the_weight_that_it_gives(robot):
    robot.arms.take(command(q=0.7, kp=60.0, weight=1.0), 0.0)
    out = robot.update(standing(0.0))
    np.testing.assert_array_equal(out.stiffness[motion.ARMS], 60.0)
    np.testing.assert_allclose(out.position[motion.ARMS], 0.7, atol=1e-6)
    assert (out.stiffness[:12] != 60.0).all()
    robot.arms.take(command(q=0.7, kp=60.0, weight=np.nan), 0.0)
    assert (robot.update(standing(0.0)).stiffness[motion.ARMS] != 60.0).all()
    robot.arms.take(command(q=0.7, kp=60.0, weight=1.0), 0.0)
    silent = robot.update(standing(2 * motion.SILENCE))
    assert (silent.stiffness[motion.ARMS] != 60.0).all()


@pytest.mark.parametrize("name", GESTURES)
def test_every_gesture_is_within_the_arms_limits(robot, name):
    assert robot.gesture(name)
    for side, path in GESTURES[name].paths().items():
        chain = KINEMATICS.arm[side]
        assert (path >= chain.low).all()
        assert (path <= chain.high).all()
    if name != RELEASE:
        for _ in range(600):
            robot.update(standing(robot._sensed.time + 0.02))
