"""The scan finds the walls, and nothing else moves the map."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from navigation_walker import BEAMS, cast, field_of, room

from vla_sim.stages.navigation.costmap import StaticMap
from vla_sim.stages.navigation.localizer import Localizer

STEP = 2 * math.pi / 360
GRID = room(boxes=((4.0, 0.0, 4.6, 1.2),))
STATIC = StaticMap.from_grids(GRID)
FIELD = field_of(GRID)


def scan(pose, field=FIELD, noise=0.01, seed=0):
    ranges = cast(field, pose[0], pose[1], BEAMS + pose[2])
    return (ranges + np.random.default_rng(seed).normal(0, noise, len(ranges))).astype(np.float32)


def feed(localizer, pose, odom, times=1, field=FIELD):
    return [localizer.update(scan(pose, field, seed=k), -math.pi, STEP, odom) for k in range(times)]


@settings(max_examples=30, deadline=None)
@given(dx=st.floats(-0.1, 0.1), dy=st.floats(-0.1, 0.1), turn=st.floats(-0.08, 0.08), yaw=st.floats(-3, 3))
def test_a_small_drift_is_found_to_a_centimetre(dx, dy, turn, yaw):
    pose = np.array([2.0, 1.7, yaw])
    found = Localizer(STATIC.landmarks).match(scan(pose), -math.pi, STEP, pose + np.array([dx, dy, turn]))
    assert np.hypot(*(found.pose[:2] - pose[:2])) < 0.015
    assert abs(found.pose[2] - yaw) < 0.01
    assert found.inliers > 0.8


def test_map_to_odom_converges_to_the_drift():
    localizer = Localizer(STATIC.landmarks)
    pose, odom = np.array([2.0, 1.7, 0.3]), np.array([2.06, 1.65, 0.34])
    assert all(feed(localizer, pose, odom, 8))
    c, s = math.cos(localizer.map_to_odom[2]), math.sin(localizer.map_to_odom[2])
    x = localizer.map_to_odom[0] + c * odom[0] - s * odom[1]
    y = localizer.map_to_odom[1] + s * odom[0] + c * odom[1]
    assert math.hypot(x - 2.0, y - 1.7) < 0.01


def test_furniture_that_the_map_does_not_know_hardly_pulls():
    pose = np.array([2.0, 1.7, 0.3])
    cluttered = field_of(room(boxes=((4.0, 0.0, 4.6, 1.2), (2.6, 1.5, 2.9, 2.3), (0.9, 2.8, 1.5, 3.0))))
    found = Localizer(STATIC.landmarks).match(scan(pose, cluttered), -math.pi, STEP, pose + 0.05)
    assert np.hypot(*(found.pose[:2] - pose[:2])) < 0.02


def test_a_jump_is_believed_only_when_it_repeats():
    localizer = Localizer(STATIC.landmarks)
    pose, odom = np.array([2.0, 1.7, 0.3]), np.array([2.22, 1.7, 0.3])
    taken = feed(localizer, pose, odom, 4)
    assert taken == [False, False, False, True]


@pytest.mark.parametrize(
    "ranges", [np.full(360, np.inf), np.full(360, np.nan), np.full(360, 0.5), np.zeros(0)]
)
def test_a_useless_scan_changes_nothing(ranges):
    localizer = Localizer(STATIC.landmarks)
    assert not localizer.update(ranges.astype(np.float32), -math.pi, STEP, np.array([2.0, 1.7, 0.3]))
    np.testing.assert_array_equal(localizer.map_to_odom, 0.0)


def test_a_scan_of_another_place_changes_nothing():
    localizer = Localizer(STATIC.landmarks)
    other = field_of(room(3.0, 2.2, boxes=((0.5, 0.5, 0.8, 2.0),)))
    for seed in range(6):
        ranges = scan(np.array([1.5, 1.2, 1.0]), other, seed=seed)
        localizer.update(ranges, -math.pi, STEP, np.array([3.1, 2.0, 0.3]))
    assert localizer.accepted == 0


def test_along_a_bare_corridor_the_odometry_is_kept():
    corridor = room(40.0, 1.4)
    static = StaticMap.from_grids(corridor)
    pose = np.array([20.0, 0.7, 0.0])
    guess = pose + np.array([0.1, 0.05, 0.0])
    found = Localizer(static.landmarks).match(scan(pose, field_of(corridor)), -math.pi, STEP, guess)
    assert found.pose[0] == pytest.approx(20.1, abs=0.02)
    assert found.pose[1] == pytest.approx(0.7, abs=0.015)


def test_low_furniture_before_a_wall_is_not_taken_for_the_wall():
    tall, low = room(), room(boxes=((5.88, 0.0, 6.0, 4.0),))
    static = StaticMap.from_grids(low, tall)
    pose = np.array([4.0, 2.0, 0.0])
    seen = scan(pose, field_of(low))
    with_both = Localizer(static.landmarks, static.physical).match(seen, -math.pi, STEP, pose)
    tall_only = Localizer(static.landmarks).match(seen, -math.pi, STEP, pose)
    assert abs(with_both.pose[0] - 4.0) < 0.01
    assert abs(tall_only.pose[0] - 4.0) > 0.03
