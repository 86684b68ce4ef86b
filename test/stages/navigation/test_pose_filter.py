"""The filter removes the gait's sway without lagging behind."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.stages.navigation.gait import PoseFilter, compose, relative

angle = st.floats(-3, 3)
metre = st.floats(-5, 5)


@given(metre, metre, angle, metre, metre, angle)
def test_relative_undoes_compose(ax, ay, aw, bx, by, bw):
    a, b = np.array([ax, ay, aw]), np.array([bx, by, bw])
    np.testing.assert_allclose(relative(a, compose(a, b)), b, atol=1e-9)


def walk(speed, seconds=6.0, told=None):
    """Sway on top of a constant walk; returns the filter and the true mean pose."""
    filter = PoseFilter()
    filter.command(np.array([speed if told is None else told, 0.0, 0.0]))
    x = 0.0
    for k in range(round(seconds / 0.02)):
        t = 0.02 * k
        x = speed * t
        sway = 0.03 * math.sin(2 * math.pi * t)
        filter.odometry(t, x, sway, 0.02 * math.cos(2 * math.pi * t))
    return filter, np.array([x, 0.0, 0.0])


@pytest.mark.parametrize("speed", [0.0, 0.2, 0.5])
def test_sway_goes_and_the_walk_stays(speed):
    filter, true = walk(speed)
    np.testing.assert_allclose(filter.mean(), true, atol=0.006)
    assert abs(filter.raw[1]) < 0.031


def test_a_tenth_of_wrong_speed_costs_half_a_second_of_it():
    filter, true = walk(0.3, told=0.33)
    assert filter.mean()[0] - true[0] == pytest.approx(0.015, abs=0.004)


def test_yaw_is_unwrapped():
    filter = PoseFilter()
    for k in range(50):
        yaw = 3.0 + 0.01 * k
        filter.odometry(0.02 * k, 0.0, 0.0, math.atan2(math.sin(yaw), math.cos(yaw)))
    assert filter.raw[2] == pytest.approx(3.49)


def test_old_and_repeated_stamps_are_ignored_and_a_gap_starts_anew():
    filter = PoseFilter()
    filter.odometry(1.0, 0.0, 0.0, 0.0)
    filter.odometry(1.0, 9.0, 0.0, 0.0)
    filter.odometry(0.9, 9.0, 0.0, 0.0)
    assert filter.raw[0] == 0.0
    filter.odometry(30.0, 5.0, 0.0, 0.0)
    assert filter.mean()[0] == 5.0
    filter.odometry(0.0, 1.0, 0.0, 0.0)
    assert filter.mean()[0] == 1.0


def test_a_pose_between_two_stamps_is_interpolated():
    filter = PoseFilter()
    filter.odometry(0.0, 0.0, 0.0, 0.0)
    filter.odometry(0.02, 0.1, 0.0, 0.2)
    np.testing.assert_allclose(filter.at(0.01), (0.05, 0.0, 0.1))
    np.testing.assert_allclose(filter.at(9.0), (0.1, 0.0, 0.2))
    np.testing.assert_allclose(filter.at(-9.0), (0.0, 0.0, 0.0))
