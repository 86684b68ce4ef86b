"""A fall is noticed by the IMU alone, is a stop, and holds until the robot is set up and released."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.contract.records import Plan, Step
from vla_sim.robot.facts import FALL_TIME, FALLEN_TILT
from vla_sim.stages.safety.fall import UPRIGHT, FallWatch
from vla_sim.stages.safety.supervisor import STAND, Supervisor


def attitude(tilt, yaw=0.3):
    """(w, x, y, z): turned by yaw, then tilted forward [rad]."""
    a, b = math.cos(yaw / 2), math.sin(yaw / 2)
    c, s = math.cos(tilt / 2), math.sin(tilt / 2)
    return a * c, -b * s, a * s, b * c


def tilted(watch, begin, seconds, tilt):
    for k in range(round(seconds * 50) + 1):
        watch.take(begin + 0.02 * k, attitude(tilt))


@given(st.floats(0.0, 3.1), st.floats(-3.1, 3.1))
def test_the_tilt_is_that_of_the_pelvis_whatever_its_heading(tilt, yaw):
    watch = FallWatch()
    watch.take(0.0, attitude(tilt, yaw))
    assert watch.tilt == pytest.approx(tilt, abs=1e-4)


@given(st.lists(st.floats(0.0, FALLEN_TILT - 0.01), min_size=1, max_size=100))
def test_what_sways_has_not_fallen(tilts):
    watch = FallWatch()
    for k, tilt in enumerate(tilts):
        watch.take(0.02 * k, attitude(tilt))
    assert not watch.fallen


def test_a_short_tilt_is_no_fall_and_a_lasting_one_is():
    watch = FallWatch()
    tilted(watch, 0.0, FALL_TIME - 0.03, 1.4)
    assert not watch.fallen
    tilted(watch, 0.1, FALL_TIME, 1.4)
    assert watch.fallen


def test_who_lies_is_not_released_and_who_is_set_up_is_only_when_told():
    watch = FallWatch()
    tilted(watch, 0.0, 1.0, 1.5)
    assert not watch.release()
    tilted(watch, 1.0, 0.5, 0.6)
    tilted(watch, 2.0, 5.0, 0.1)
    assert watch.fallen, "set up by people: nothing moves until it is released"
    assert watch.release()


def test_who_was_put_back_at_once_has_been_reset():
    watch = FallWatch()
    tilted(watch, 0.0, 1.0, 1.5)
    watch.take(1.02, attitude(UPRIGHT - 0.3))
    assert not watch.fallen


def test_who_is_set_up_after_the_clock_went_back_has_not_been_reset():
    watch = FallWatch()
    tilted(watch, 100.0, 1.0, 1.5)
    tilted(watch, 50.0, 1.0, 0.1)
    assert watch.fallen


@pytest.mark.parametrize("bad", [(math.nan,) * 4, (0.0, 0.0, 0.0, 0.0), (math.inf, 0.0, 0.0, 0.0)])
def test_an_attitude_that_is_none_is_no_news(bad):
    watch = FallWatch()
    tilted(watch, 0.0, 1.0, 1.5)
    watch.take(1.02, bad)
    assert watch.fallen


def test_a_fall_is_a_stop_and_every_plan_is_refused_with_the_reason():
    core = Supervisor()
    step = Step(skill="wait", seconds=1.0)
    plan = Plan(command_id="c", text="", steps=[step], planner="rules")
    assert core.void(plan) == ""
    fell = [core.on_imu(0.02 * k, attitude(1.5), 0.02 * k) for k in range(10)]
    assert fell.count(True) == 1
    assert core.epoch == 1
    assert core.output(0.2, 0.2) == STAND
    state = core.state()
    assert (state.level, state.fallen) == ("estop", True)
    assert core.void(plan).startswith("I have fallen")
    assert core.on_estop(False, 0.3) == "the robot lies; set it up first"
    core.on_imu(5.0, attitude(0.1), 5.0)
    assert core.on_estop(False, 5.0) == ""
    assert not core.state().fallen
    assert core.void(plan) == ""
