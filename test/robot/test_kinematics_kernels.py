"""The numerics under the kinematics against numpy; the frames themselves are held against MuJoCo."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_sim.common.geometry import rotation_from_rpy, transform
from vla_sim.robot.kinematics import LIMIT_MARGIN, Kinematics
from vla_sim.robot.kinematics_kernels import cholesky_solve, compose, limited_step, pose_error, turn

seeds = st.integers(0, 10_000)
quick = settings(max_examples=40, deadline=None)
ARM = Kinematics.load().arm["right"]
WAIST = np.zeros(3)


def any_pose(rng):
    return transform(rng.normal(size=3), rotation_from_rpy(*rng.uniform(-3, 3, 3)))


@quick
@given(seeds)
def test_transforms_are_composed_and_turned_as_matrices_are(seed):
    rng = np.random.default_rng(seed)
    a, b, axis, angle = any_pose(rng), any_pose(rng), rng.normal(size=3), rng.uniform(-7, 7)
    axis /= np.linalg.norm(axis)
    out = np.full((4, 4), np.nan)
    compose(a, b, out)
    np.testing.assert_allclose(out, a @ b, atol=1e-12)
    k = np.cross(np.eye(3), axis)
    rotation = np.eye(3) + math.sin(angle) * k + (1 - math.cos(angle)) * k @ k
    turn(out, axis, angle)
    np.testing.assert_allclose(out, a @ b @ transform((0, 0, 0), rotation), atol=1e-12)


@quick
@given(seeds)
def test_a_pose_error_takes_one_pose_to_the_other(seed):
    rng = np.random.default_rng(seed)
    a, b = any_pose(rng), any_pose(rng)
    error = pose_error(b, a)
    angle = np.linalg.norm(error[3:])
    assert angle <= math.pi + 1e-9
    k = np.cross(np.eye(3), error[3:] / max(angle, 1e-12))
    rotation = np.eye(3) + math.sin(angle) * k + (1 - math.cos(angle)) * k @ k
    np.testing.assert_allclose(rotation @ a[:3, :3], b[:3, :3], atol=1e-7)
    np.testing.assert_allclose(a[:3, 3] + error[:3], b[:3, 3], atol=1e-12)


@quick
@given(seeds, st.integers(1, 6))
def test_a_positive_definite_system_is_solved_as_by_numpy(seed, n):
    rng = np.random.default_rng(seed)
    root, b = rng.normal(size=(n, n)), rng.normal(size=n)
    a = root @ root.T + 0.1 * np.eye(n)
    expected = np.linalg.solve(a, b)
    np.testing.assert_allclose(cholesky_solve(a, b), expected, rtol=1e-6, atol=1e-9)


@quick
@given(seeds, st.booleans())
def test_a_step_is_that_of_damped_least_squares_within_limits(seed, tight):
    rng = np.random.default_rng(seed)
    jacobian, error, wish = rng.normal(size=(6, 7)), 0.05 * rng.normal(size=6), 0.02 * rng.normal(size=7)
    q = rng.uniform(-1, 1, 7)
    low, high = (q - rng.uniform(0, 0.05, 7), q + rng.uniform(0, 0.05, 7)) if tight else (q - 9, q + 9)
    step = limited_step(jacobian, error, wish, q, low, high, 1e-4, 0.4)
    assert np.all(q + step >= low - 1e-12)
    assert np.all(q + step <= high + 1e-12)
    assert np.abs(step).max() <= 0.4 + 1e-12
    if not tight:
        gain = jacobian.T @ np.linalg.inv(jacobian @ jacobian.T + 1e-4 * np.eye(6))
        expected = wish + gain @ (error - jacobian @ wish)
        expected *= min(1.0, 0.4 / np.abs(expected).max())
        np.testing.assert_allclose(step, expected, atol=1e-9)


def test_a_pose_that_is_none_is_out_of_reach():
    for value in (np.nan, np.inf):
        target = ARM.forward(ARM.comfort, WAIST)
        target[0, 3] = value
        assert ARM.inverse(target, WAIST, ARM.comfort) is None
        assert len(ARM.solutions(target, WAIST)) == 0


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_a_step_towards_a_pose_that_is_none_stays_within_the_limits(value):
    target = ARM.forward(ARM.comfort, WAIST)
    target[1, 3] = value
    q = ARM.differential_step(ARM.comfort, WAIST, target)
    assert np.isfinite(q).all()
    assert np.all((q >= ARM.low + LIMIT_MARGIN - 1e-9) & (q <= ARM.high - LIMIT_MARGIN + 1e-9))
