"""What the driver sends and what it does not, with each thing that may be wrong with the robot."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.hardware.unitree import link, remote
from vla_sim.hardware.unitree.driver_core import Driver
from vla_sim.hardware.unitree.motion import ARMS, DAMPED, WAIST_YAW
from vla_sim.hardware.unitree.wire import ARM_SDK_WEIGHT, JOINTS, LowState
from vla_sim.robot import facts
from vla_sim.robot.body import JointCommand
from vla_sim.robot.kinematics import Kinematics

KINEMATICS = Kinematics.load()
LOW, HIGH = KINEMATICS.of_joints("lower"), KINEMATICS.of_joints("upper")
SIZE = len(facts.JOINTS)


def feel(**changes):
    out = LowState()
    out.mode_machine, out.tick = 5, 1000
    out.imu[:4] = 1.0, 0.0, 0.0, 0.0
    m = out.motors[:JOINTS]
    m["q"], m["temperature"], m["vol"] = facts.DEFAULT_POSE[:JOINTS], (30, 40), 50.0
    for name, value in changes.items():
        m[name][3] = value
    return out


def command(armed=True, velocity=(0.3, 0.0, 0.0), **changes):
    fields = {"position": facts.DEFAULT_POSE + 0.1, "stiffness": np.full(SIZE, 40.0), "effort": np.ones(SIZE)}
    made = JointCommand(**{**fields, **changes}, base_velocity=np.array(velocity))
    return link.command_record(made, np.full(SIZE, 2.0), armed)


class Robot:
    """A driver that is told of a healthy robot, whose motors nobody else has, and of a command every 5 ms."""

    def __init__(self, mode="sport"):
        self.driver, self.now = Driver(mode, KINEMATICS), 100.0
        self.state, self.wanted, self.holder = feel(), command(), ""

    def run(self, seconds=0.01, heard=True, commanded=True, step=0.005):
        for _ in range(max(1, round(seconds / step))):
            self.now += step
            if heard:
                state = LowState(bytes(self.state.bytes))
                state.tick = round(1e3 * self.now)
                self.driver.feels.hear(state, self.now)
            if commanded:
                self.driver.command(self.wanted, self.now)
                self.driver.holder = self.holder
            out = self.driver.orders(self.now, step)
        return out


@pytest.mark.parametrize("mode", ["sport", "low"])
def test_nothing_is_sent_before_it_is_armed(mode):
    robot = Robot(mode)
    robot.wanted = command(armed=False)
    assert robot.run(1.0) == (None, None, None, False, False)
    assert robot.driver.why == "not armed"


def test_by_sport_legs_get_velocities_and_arms_what_is_commanded_little_by_little():
    robot = Robot()
    first = robot.run()
    assert first.velocity == (0.3, 0.0, 0.0)
    assert first.low is None
    assert 0.0 < first.arms.motors["q"][ARM_SDK_WEIGHT] < 0.05
    arms = robot.run(2.5).arms
    assert arms.motors["q"][ARM_SDK_WEIGHT] == 1.0
    assert arms.crc == arms.computed_crc()
    np.testing.assert_allclose(arms.motors["q"][ARMS], facts.DEFAULT_POSE[ARMS] + 0.1, atol=1e-6)
    assert not arms.motors["kp"][:WAIST_YAW].any()
    assert not arms.motors["kp"][WAIST_YAW + 1 : ARMS.start].any()


def test_by_low_every_motor_goes_from_where_it_is_to_what_is_commanded():
    robot = Robot("low")
    begin = robot.run().low
    here = facts.DEFAULT_POSE[:JOINTS]
    np.testing.assert_allclose(begin.motors["q"][:JOINTS], here, atol=1e-3)
    end = robot.run(2.5).low
    np.testing.assert_allclose(end.motors["q"][:JOINTS], np.clip(here + 0.1, LOW[:29], HIGH[:29]), atol=1e-6)
    assert (end.motors["kd"][:JOINTS] == 2.0).all()
    assert (end.mode_machine, end.crc) == (5, end.computed_crc())


TROUBLE = {
    "silent": ("the robot is silent", lambda robot: None),
    "hot": ("left_knee_joint is 90 degrees hot", lambda robot: setattr(robot, "state", feel(temperature=90))),
    "fast": ("a joint is too fast", lambda robot: setattr(robot, "state", feel(dq=15.0))),
    "fallen": ("the robot has fallen", lambda robot: robot.state.imu.__setitem__(slice(4), (0.7, 0.7, 0, 0))),
    "remote": (
        "stopped by the remote control", lambda robot: remote.press(robot.state.remote, remote.STOP)
    ),
    "battery": ("the battery is at 38.0 V", lambda robot: robot.state.motors["vol"].fill(38.0)),
}  # fmt: skip


@pytest.mark.parametrize("mode", ["sport", "low"])
@pytest.mark.parametrize("name", TROUBLE)
def test_trouble_ends_every_motion_within_a_tenth_of_a_second_until_it_is_armed_anew(name, mode):
    robot, (why, happen) = Robot(mode), TROUBLE[name]
    robot.run(3.0, step=0.05)
    happen(robot)
    orders = robot.run(0.11, heard=name != "silent")
    assert robot.driver.why == why
    assert orders.velocity is None
    if mode == "low":
        np.testing.assert_array_equal(orders.low.motors["kd"][:JOINTS], DAMPED.astype(np.float32))
        assert not orders.low.motors["kp"][:JOINTS].any()
    assert orders.damp == (mode == "sport" and name in ("fallen", "remote"))
    robot.state = feel()
    orders = robot.run(3.0, step=0.05)  # all is well again: it stays as it is
    assert robot.driver.why == why
    assert orders.velocity is None
    robot.wanted = command(armed=False)
    robot.run()
    robot.wanted = command()
    robot.run(0.5)
    assert robot.driver.why == ""


@pytest.mark.parametrize("mode", ["sport", "low"])
def test_a_body_that_is_silent_is_no_longer_obeyed_and_the_arms_are_given_back(mode):
    robot = Robot(mode)
    robot.run(3.0, step=0.05)
    orders = robot.run(0.11, commanded=False)
    assert (robot.driver.why, orders.velocity) == ("no commands", None)
    if mode == "low":
        assert not orders.low.motors["kp"][:JOINTS].any()
    else:
        assert orders.arms.motors["q"][ARM_SDK_WEIGHT] > 0.8  # not from one moment to the next
        assert robot.run(1.2, commanded=False).arms is None
    assert robot.run(0.1).arms is not None or mode == "low"


def test_the_motors_are_commanded_once_the_robots_own_controller_has_released_them_and_from_then_on_slowly():
    robot = Robot("low")
    for robot.holder in (None, "ai"):
        orders = robot.run(2.5)
        assert (orders.low, orders.claim) == (None, True)
        assert robot.driver.why == "the robot's own controller has the motors"
    robot.holder = ""
    here = facts.DEFAULT_POSE[:JOINTS]
    np.testing.assert_allclose(robot.run().low.motors["q"][:JOINTS], here, atol=2e-3)
    robot.run(0.5)
    robot.holder = "ai"  # whoever takes them keeps them
    orders = robot.run(2.0)
    assert (orders.low, orders.claim) == (None, False)
    assert robot.driver.why == "the controller ai has taken the motors"
    robot.wanted = command(armed=False)
    assert robot.run().claim is False
    assert robot.driver.why == "not armed"  # else a person could not arm it any more
    robot.wanted = command()
    assert robot.run().claim is True
    assert robot.driver.why == "the robot's own controller has the motors"


def test_motors_are_damped_before_nothing_is_sent_any_more():
    robot = Robot("low")
    robot.run(3.0)
    robot.wanted = command(armed=False)
    for _ in range(18):
        np.testing.assert_array_equal(robot.run(0.05).low.motors["kp"], 0.0)
    assert robot.run(0.2).low is None


def test_a_body_that_was_silent_is_obeyed_again_little_by_little():
    robot = Robot("low")
    robot.run(3.0)
    robot.run(1.5, commanded=False)
    np.testing.assert_allclose(robot.run().low.motors["q"][:JOINTS], facts.DEFAULT_POSE[:JOINTS], atol=2e-3)


ODD = {
    "position": lambda state: state.motors["q"].__setitem__(3, np.nan),
    "velocity": lambda state: state.motors["dq"].__setitem__(3, np.inf),
    "voltage": lambda state: state.motors["vol"].__setitem__(3, np.nan),
    "attitude": lambda state: state.imu.__setitem__(1, np.nan),
    "none": lambda state: state.imu.__setitem__(0, 0.0),
}


@pytest.mark.parametrize("mode", ["sport", "low"])
@pytest.mark.parametrize("odd", ODD)
def test_a_state_that_holds_no_number_is_as_good_as_none(odd, mode):
    robot = Robot(mode)
    robot.run(3.0)
    ODD[odd](robot.state)
    orders = robot.run(0.11)
    assert robot.driver.why == "the robot is silent"
    sent = orders.low if mode == "low" else orders.arms
    assert all(np.isfinite(sent.motors[name]).all() for name in ("q", "kp", "kd", "tau"))
    assert np.isfinite(robot.driver.feels.legs.position).all()


def test_a_robot_that_says_the_same_again_and_again_is_silent():
    robot = Robot()
    robot.run(0.5)
    for _ in range(30):
        robot.driver.feels.hear(robot.driver.feels.state, robot.now)
        robot.run(heard=False)
    assert robot.driver.why == "the robot is silent"


def test_arms_that_are_given_back_stay_where_they_were_whatever_the_body_goes_on_to_command():
    robot = Robot()
    held = robot.run(2.5).arms.motors["q"][ARMS].copy()
    robot.state = feel(temperature=90)
    robot.wanted = command(position=facts.DEFAULT_POSE + 0.3)
    arms = robot.run(0.5).arms
    assert 0.3 < arms.motors["q"][ARM_SDK_WEIGHT] < 0.7
    np.testing.assert_array_equal(arms.motors["q"][ARMS], held)


@given(
    st.sampled_from(["position", "stiffness", "effort"]),
    st.sampled_from([math.nan, math.inf, -math.inf]),
    st.integers(0, SIZE - 1),
)
def test_a_command_that_holds_no_number_is_dropped(name, value, k):
    robot = Robot("low")
    robot.run(0.05)
    bad = np.full(SIZE, 1.0)
    bad[k] = value
    robot.wanted = command(**{name: bad})
    orders = robot.run(0.05)
    assert np.isfinite(orders.low.motors["q"][:JOINTS]).all()
    robot.run(0.1)
    assert robot.driver.why == "no commands"


@given(st.lists(st.floats(-20.0, 20.0), min_size=SIZE, max_size=SIZE))
def test_no_motor_is_sent_past_its_limits(wanted):
    robot = Robot("low")
    robot.wanted = command(position=np.array(wanted))
    q = robot.run(2.5, step=0.09).low.motors["q"][:JOINTS]
    assert (q >= LOW[:JOINTS] - 1e-5).all()
    assert (q <= HIGH[:JOINTS] + 1e-5).all()


def test_what_the_robot_feels_is_in_our_order_and_units():
    driver = Driver("sport", KINEMATICS)
    assert driver.feels.robot_state() is None
    driver.feels.hear(feel(), 0.0)
    driver.feels.fingers[:] = 0.02
    state = driver.feels.robot_state()
    assert state.time == 1.0
    np.testing.assert_allclose(state.joint_position[:JOINTS], facts.DEFAULT_POSE[:JOINTS], atol=1e-6)
    np.testing.assert_array_equal(state.joint_position[JOINTS:], 0.02)


def test_the_keys_of_the_remote_control():
    bytes_ = np.zeros(40, np.uint8)
    for keys in (frozenset(), remote.STOP, frozenset({"R1", "left", "A"})):
        remote.press(bytes_, keys)
        assert remote.pressed(bytes_) == keys
    with pytest.raises(ValueError, match="Z"):
        remote.press(bytes_, frozenset({"Z"}))


def test_the_newest_record_crosses_the_link_and_a_closed_end_is_noticed():
    ours, theirs = (
        link.Link(end, kind) for end, kind in zip(link.pair(), (link.STATE, link.COMMAND), strict=True)
    )
    assert ours.newest() is None
    for x in (0.1, 0.2):
        assert ours.send(command(velocity=(x, 0.0, 0.0)))
    assert theirs.newest()["base_velocity"][0] == 0.2
    ours.close()
    with pytest.raises(EOFError):
        theirs.newest()
