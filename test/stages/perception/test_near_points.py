"""Points within the arms' reach, out of depth images: where they are, and whose they are not."""

import numpy as np
import perception_reference as reference
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_sim.robot.body_size import TRUNK
from vla_sim.stages.perception.camera import Intrinsics
from vla_sim.stages.perception.near_points import CELL, HIGH, LOW, NearPoints

CAMERA = Intrinsics.from_field_of_view(1.2, 320, 240)
LEVEL = np.array([[0.0, 0.0, 1.0, 0.0], [-1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.3], [0.0, 0.0, 0.0, 1.0]])
"""A camera 0.3 m above the pelvis that looks ahead."""
NOBODY = np.zeros((0, 7))


def wall(depth):
    return np.full((240, 320), depth, np.float32)


@settings(deadline=None, max_examples=30)
@given(st.floats(0.4, 0.85))
def test_a_wall_ahead_is_points_on_it(depth):
    points = NearPoints()(wall(depth), CAMERA, LEVEL, NOBODY)
    assert len(points) > 50
    np.testing.assert_allclose(points[:, 0], depth, atol=1e-5)
    assert (points >= LOW).all()
    assert (points < HIGH).all()
    assert len(np.unique(np.floor((points - LOW) / CELL), axis=0)) == len(points)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(0, 3))
def test_the_points_are_numpys(seed, limbs):
    rng = np.random.default_rng(seed)
    depth = (rng.uniform(0.3, 1.0, (12, 16)).repeat(20, 0).repeat(20, 1)).astype(np.float32)
    depth[rng.random(depth.shape) < 0.1] = rng.choice([np.nan, np.inf, 0.0, -1.0, 9.0])
    ends = np.column_stack([rng.uniform((0.2, -0.6, -0.2), (0.9, 0.6, 0.5), (limbs, 3)) for _ in range(2)])
    capsules = np.column_stack([ends, rng.uniform(0.05, 0.15, limbs)])
    points = NearPoints()(depth, CAMERA, LEVEL, capsules)
    expected = reference.near_points(depth, CAMERA, LEVEL, capsules)
    found = {tuple(cell): p for cell, p in zip(((points - LOW) / CELL).astype(int), points, strict=True)}
    assert len(set(found) ^ set(expected)) <= 2  # a pixel on the border of two cells
    both = [(found[cell], expected[cell]) for cell in set(found) & set(expected)]
    assert both
    np.testing.assert_allclose(*zip(*both, strict=True), atol=2e-3)


def test_noise_of_pixels_averages_out():
    rng = np.random.default_rng(0)
    noisy = wall(0.6) + 0.005 * rng.standard_normal((240, 320)).astype(np.float32)
    points = NearPoints()(noisy, CAMERA, LEVEL, NOBODY)
    middle = points[np.abs(points[:, 0] - 0.6) < 0.5 * CELL]
    assert np.abs(middle[:, 0] - 0.6).mean() < 0.004


@pytest.mark.parametrize("depth", [5.0, 0.0, np.nan, np.inf, -1.0, 0.95])
def test_what_is_far_or_no_measurement_is_no_point(depth):
    assert len(NearPoints()(wall(depth), CAMERA, LEVEL, NOBODY)) == 0


def test_lone_pixels_the_trunk_and_the_arms_are_no_points():
    lone = wall(np.nan)
    lone[::40, ::40] = 0.6
    near = NearPoints()
    assert len(near(lone, CAMERA, LEVEL, NOBODY)) == 0
    assert len(near(wall(TRUNK[1] - 0.01), CAMERA, LEVEL, NOBODY)) == 0
    limb = np.array([[0.6, -0.3, 0.3, 0.6, 0.3, 0.3, 0.08]])
    before, after = (near(wall(0.6), CAMERA, LEVEL, one) for one in (NOBODY, limb))
    assert len(after) < len(before)
    beside = after[np.abs(after[:, 1]) < 0.3]
    assert (np.abs(beside[:, 2] - 0.3) > 0.05).all()


def test_each_image_begins_anew():
    near = NearPoints()
    near(wall(0.5), CAMERA, LEVEL, NOBODY)
    np.testing.assert_array_equal(
        near(wall(0.7), CAMERA, LEVEL, NOBODY), NearPoints()(wall(0.7), CAMERA, LEVEL, NOBODY)
    )
