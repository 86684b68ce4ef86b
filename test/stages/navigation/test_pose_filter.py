"""The filter removes the gait's sway without lagging behind."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.stages.navigation.gait import MEMORY, PERIOD, PoseFilter, compose, relative

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


@pytest.mark.parametrize("rate", [50, 900])
def test_the_kernels_do_as_numpy_does_over_a_long_walk(rate: int) -> None:
    """At 900 Hz what is kept outgrows the first buffer."""
    random = np.random.default_rng(rate)
    filter, rows, way, velocity = PoseFilter(), [], np.zeros(3), np.zeros(3)
    for k in range(4 * rate):
        time, pose = k / rate, random.normal(0.0, 0.1, 3)
        if k % 40 == 0:
            command = random.normal(0.0, 0.3, 3)
            filter.command(command)
        filter.odometry(time, *pose)
        if rows:
            velocity = velocity + (1.0 - math.exp(-1.0 / rate / 0.3)) * (command - velocity)
            step = compose(np.array([0.0, 0.0, pose[2]]), velocity / rate)
            way = way + np.array([*step[:2], velocity[2] / rate])
        rows = [*(row for row in rows if row[0] >= time - MEMORY), np.array([time, *pose, *way])]
    kept = np.array(rows)
    cycle = kept[kept[:, 0] > kept[-1, 0] - PERIOD + 1e-6]
    np.testing.assert_allclose(
        filter.mean(), (cycle[:, 1:4] - cycle[:, 4:]).mean(axis=0) + kept[-1, 4:], atol=1e-9
    )
    for time in np.linspace(kept[0, 0] - 0.1, kept[-1, 0] + 0.1, 50):
        expected = [np.interp(time, kept[:, 0], kept[:, k]) for k in (1, 2, 3)]
        np.testing.assert_allclose(filter.at(time), expected, atol=1e-9)
