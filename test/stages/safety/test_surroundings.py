"""What the gate knows of its surroundings between two scans and without the gait's sway."""

import math

import numpy as np
import pytest

from vla_sim.stages.safety.surroundings import Surroundings

STEP = math.radians(1.0)


def depth(*ahead):
    """91 beams of the depth camera, of which the middle ones end at these distances [m]."""
    ranges = np.full(91, np.inf, np.float32)
    for distance in ahead:
        ranges[43:48] = distance
    return ranges


def see(around, stamp, ranges, at_arms=None):
    around.depth_scan(stamp, ranges, -math.pi / 4, STEP, ranges if at_arms is None else at_arms)


def walked(around, begin, seconds, speed):
    """Odometry at 50 Hz of a walk straight on; the time and the way at its end."""
    for k in range(round(seconds * 50)):
        around.odometry(begin + 0.02 * (k + 1), speed * 0.02 * (k + 1), 0.0, 0.0)
    return begin + seconds, speed * seconds


def test_what_was_seen_comes_nearer_as_the_robot_walks():
    around = Surroundings()
    around.gait.command(np.array([0.4, 0.0, 0.0]))
    around.odometry(0.0, 0.0, 0.0, 0.0)
    around.scan(0.0, np.full(1, 1.0, np.float32), 0.0, STEP)
    walked(around, 0.0, 1.0, 0.4)
    points = around.points()[0]
    assert points[0, 0] == pytest.approx(0.6, abs=0.08)  # the mean pose is the gait's model, not the last one


def test_what_perception_keeps_in_mind_counts_where_it_is_now():
    around = Surroundings()
    around.gait.command(np.array([0.35, 0.0, 0.0]))
    around.odometry(0.0, 0.0, 0.0, 0.0)
    around.low_obstacles(np.array([[0.7, 0.0, 0.10], [0.9, 0.1, 0.70]]))
    time, way = walked(around, 0.0, 1.0, 0.35)
    see(around, time, depth())  # the first is under the picture
    _, low, at_arms = around.points()
    np.testing.assert_allclose(low, [[0.7 - way, 0.0], [0.9 - way, 0.1]], atol=0.08)
    np.testing.assert_allclose(at_arms, low[1:])
    around.low_obstacles(np.zeros((0, 3)))
    assert len(around.points()[1]) == 0


def test_something_low_that_is_not_seen_again_is_no_longer_seen():
    around = Surroundings()
    around.odometry(0.0, 0.0, 0.0, 0.0)
    see(around, 0.0, depth(0.9))
    assert len(around.points()[1]) == 5
    see(around, 0.1, depth())
    assert len(around.points()[1]) == 0


def test_what_stands_at_the_height_of_the_arms_is_kept_apart():
    around = Surroundings()
    around.odometry(0.0, 0.0, 0.0, 0.0)
    see(around, 0.0, depth(0.7), depth(0.9))
    _, low, at_arms = around.points()
    assert np.hypot(*low.T) == pytest.approx(0.7)
    assert np.hypot(*at_arms.T) == pytest.approx(0.9)


def test_the_sway_does_not_move_what_is_seen():
    around = Surroundings()
    for k in range(150):
        t = 0.02 * k
        sway = 0.03 * math.sin(2 * math.pi * t)
        around.odometry(t, 0.0, sway, 0.0)
        if k % 5 == 0:
            around.scan(t, np.full(1, 0.5 - sway, np.float32), math.pi / 2, STEP)
        if k > 60:
            assert around.points()[0][0, 1] == pytest.approx(0.5, abs=0.004)


def test_points_stay_where_they_are_as_numpy_says() -> None:
    """By way of odom, from where the scan was taken to where the robot is now."""
    around, random = Surroundings(), np.random.default_rng(1)
    around.odometry(0.0, 0.5, -0.2, 0.4)
    ranges = random.uniform(0.5, 1.5, 360).astype(np.float32)
    around.scan(0.0, ranges, -math.pi, STEP)
    around.odometry(0.02, 0.8, -0.1, 0.6)
    angles = -math.pi + STEP * np.arange(360)
    seen = ranges * np.exp(1j * angles)
    there = (0.5 - 0.2j) + seen * np.exp(0.4j)
    mean = around.gait.mean()
    here = (there - complex(mean[0], mean[1])) * np.exp(-1j * mean[2])
    np.testing.assert_allclose(around.points()[0], np.column_stack((here.real, here.imag)), atol=1e-6)
