import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_sim.common.errors import InputError
from vla_sim.common.geometry import quaternion_from_rotation, rotation_from_rpy
from vla_sim.stages.control.controller import FallDetector
from vla_sim.stages.control.velocity import (
    CALIBRATION,
    FALL,
    IDENTITY,
    LARGEST,
    START_TIME,
    TIMEOUT,
    VelocityCalibration,
    VelocityCommand,
)

from control_arm_model import standing  # isort: skip
from vla_sim.robot import facts  # isort: skip


def test_a_command_that_is_not_repeated_ends():
    velocity = VelocityCommand()
    times = np.arange(0, 2.0, 0.02)
    for t in times[:50]:
        velocity.ask(0.5, 0.0, 0.0, t)
        velocity.update(t)
    assert velocity.value[0] == 0.5
    for t in times[50:]:
        velocity.update(t)
        if t > times[49] + TIMEOUT + 0.5 / FALL[0] + 0.04:
            assert not velocity.value.any()
    assert not velocity.value.any()


@given(st.lists(st.tuples(*[st.floats(-3, 3)] * 3), min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
def test_the_velocity_changes_smoothly_and_stays_within_its_limits(commands):
    velocity, before, t = VelocityCommand(), np.zeros(3), 0.0
    for command in commands:
        velocity.ask(*command, t)
        for _ in range(5):
            now = velocity.update(t).copy()
            assert (np.abs(now - before) <= FALL * 0.02 + 1e-12).all()
            assert (np.abs(now) <= LARGEST + 1e-12).all()
            before, t = now, t + 0.02


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_velocity_that_is_no_number_stops_the_robot(bad):
    velocity = VelocityCommand()
    velocity.ask(0.5, 0.0, 0.0, 0.0)
    velocity.update(0.0)
    with pytest.raises(InputError, match="the robot stops"):
        velocity.ask(0.5, bad, 0.0, 0.02)
    for k in range(20):
        velocity.update(0.02 * k)
    assert not velocity.value.any()


def test_zero_is_never_calibrated_into_a_step():
    for calibration in (*CALIBRATION.values(), IDENTITY):
        np.testing.assert_array_equal(calibration.command(np.zeros(3)), 0.0)


@given(st.tuples(*[st.floats(-0.3, 0.3)] * 3))
def test_any_other_velocity_makes_the_policy_step_towards_it(wanted):
    calibration = VelocityCalibration((0.8, 0.5, 0.9), (-0.02, 0.01, 0.01))
    command = calibration.command(np.array(wanted))
    if np.abs(wanted).max() >= 1e-9:
        assert np.abs(command).max() >= 0.01
        walked = command * np.array(calibration.gain) + np.array(calibration.drift)
        np.testing.assert_allclose(walked, wanted, atol=0.02)


def tilted(roll):
    state = standing(facts.DEFAULT_POSE)
    state.orientation = quaternion_from_rotation(rotation_from_rpy(roll, 0.0, 0.0))
    return state


def test_a_lasting_tilt_is_a_fall_and_a_bump_is_not():
    detector = FallDetector()
    for _ in range(2):
        detector.update(tilted(1.2))
    for _ in range(100):
        assert not detector.update(tilted(0.3))
    for _ in range(10):
        detector.update(tilted(-1.2))
    assert detector.fallen
    detector.update(tilted(0.0))
    assert detector.fallen  # until somebody puts it back
    detector.reset()
    assert not detector.fallen


def test_sitting_on_the_heels_is_a_fall():
    detector, q = FallDetector(), facts.DEFAULT_POSE.copy()
    q[[facts.INDEX["left_knee_joint"], facts.INDEX["right_knee_joint"]]] = 2.6
    for _ in range(10):
        detector.update(standing(q))
    assert detector.fallen


def test_the_first_step_is_led_to_the_left():
    calibration = VelocityCalibration(start=0.07)
    forward = np.array([0.3, 0.0, 0.0])
    np.testing.assert_allclose(calibration.command(forward, 0.0), [0.3, 0.07, 0.0])
    np.testing.assert_allclose(calibration.command(forward, START_TIME), forward)
    np.testing.assert_allclose(calibration.command(np.zeros(3), 0.0), 0.0)
