import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_sim.common.geometry import (
    inverse,
    quaternion_from_rotation,
    quaternion_from_yaw,
    rotation_from_rpy,
    transform,
)
from vla_sim.robot import level_scan
from vla_sim.robot.body import LidarFrame

LEVEL = quaternion_from_yaw(0.0)
HEIGHT = 0.77


def beam(ranges, degrees):
    return ranges[round(degrees + 180) % 360]


def test_a_post_ahead_is_seen_ahead_at_its_distance():
    ranges = level_scan.flatten(np.array([[2.0, 0.0, 0.0]]), LEVEL, HEIGHT)
    assert beam(ranges, 0) == 2.0
    assert np.isinf(np.delete(ranges, 180)).all()


def test_the_nearest_of_several_hits_counts():
    points = np.array([[0.0, 3.0, 0.2], [0.0, 1.5, -0.2], [0.0, 2.0, 0.3]])
    assert beam(level_scan.flatten(points, LEVEL, HEIGHT), 90) == 1.5


def test_the_floor_and_what_hangs_overhead_are_left_out():
    points = np.array([[1.0, 0.0, -HEIGHT], [1.0, 0.0, -HEIGHT + 0.09], [1.0, 0.0, 1.36 - HEIGHT]])
    assert np.isinf(level_scan.flatten(points, LEVEL, HEIGHT)).all()


def test_what_a_hand_holds_is_no_obstacle():
    points = np.array([[0.35, -0.15, 0.2], [0.35, 0.3, 0.2]])
    ranges = level_scan.flatten(points, LEVEL, HEIGHT, [np.array([0.33, -0.15, 0.2])])
    assert np.isfinite(ranges).sum() == 1


@given(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2), st.floats(-3.1, 3.1), st.floats(-3.0, 3.0))
@settings(max_examples=50, deadline=None)
def test_the_robots_lean_does_not_move_the_walls(roll, pitch, yaw, bearing):
    """A wall point is where it is in the level frame, whatever the pelvis's tilt and heading."""
    point = np.array([2.0 * math.cos(bearing), 2.0 * math.sin(bearing), 0.1])
    lean = rotation_from_rpy(roll, pitch, 0.0)
    attitude = rotation_from_rpy(0.0, 0.0, yaw) @ lean
    ranges = level_scan.flatten((lean.T @ point)[None], quaternion_from_rotation(attitude), HEIGHT)
    (where,) = np.flatnonzero(np.isfinite(ranges))
    assert abs(ranges[where] - 2.0) < 1e-6
    seen = level_scan.ANGLE_MIN + where * level_scan.ANGLE_STEP
    error = (seen - bearing + math.pi) % (2 * math.pi) - math.pi
    assert abs(error) <= level_scan.ANGLE_STEP / 2 + 1e-6


def test_lidar_rays_become_points_in_the_pelvis_frame():
    mount = transform([0.0, 0.0, 0.46], rotation_from_rpy(0.0, 0.1, 0.2))
    target = np.array([1.5, 0.4, -0.3])
    local = (inverse(mount) @ [*target, 1.0])[:3]
    distance = float(np.linalg.norm(local))
    elevation, azimuth = math.asin(local[2] / distance), math.atan2(local[1], local[0])
    ranges = np.full((2, 2), np.inf, np.float32)
    ranges[1, 0] = distance
    frame = LidarFrame(
        0.0, ranges, np.array([0.5, elevation]), np.array([azimuth, 0.1]), mount[:3, 3],
        quaternion_from_rotation(mount[:3, :3]),
    )  # fmt: skip
    np.testing.assert_allclose(level_scan.points_in_pelvis(frame), [target], atol=1e-6)


def test_an_empty_turn_gives_an_empty_scan():
    assert np.isinf(level_scan.flatten(np.zeros((0, 3)), LEVEL, HEIGHT)).all()
