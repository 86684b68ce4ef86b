"""Grasps of measured points: fingers and palm are in free space, and both pads meet the thing."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_sim.robot import facts
from vla_sim.stages.manipulation.grasp import PAD_HALF_HEIGHT, PAD_REACH, SIDE_GAP, Target
from vla_sim.stages.manipulation.measured_grasp import (
    FINGER,
    LEAST_TOUCH,
    LEAST_WIDTH,
    PAD_BACK,
    measured_candidates,
)

TOP = 0.75


def box(size, at=(0.4, 0.0), yaw=0.0, lift=0.0, spacing=0.006):
    """(n, 3) points on the upper sides of a box that stands at TOP + lift, in the frame of the robot."""
    rows = []
    for axis in range(3):
        first, second = (i for i in range(3) if i != axis)
        a, b = (
            np.linspace(-0.5, 0.5, max(2, round(size[i] / spacing) + 1)) * size[i] for i in (first, second)
        )
        grid = np.stack([one.ravel() for one in np.meshgrid(a, b)], axis=1)
        for side in (-0.5, 0.5) if axis < 2 else (0.5,):
            face = np.empty((len(grid), 3))
            face[:, first], face[:, second], face[:, axis] = grid[:, 0], grid[:, 1], side * size[axis]
            rows.append(face)
    points = np.vstack(rows)
    c, s = math.cos(yaw), math.sin(yaw)
    turned = points @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    return turned + np.array([*at, TOP + lift + size[2] / 2])


def target(*parts):
    points = np.vstack(parts)
    low, high = points.min(axis=0), points.max(axis=0)
    size = tuple(float(v) for v in (*(high - low)[:2], high[2] - TOP))
    middle = (low + high) / 2
    return Target("measured", (middle[0], middle[1], TOP + size[2] / 2), size, 0.0, points)


def local(grasp, points):
    return (points - grasp.pose[:3, 3]) @ grasp.pose[:3, :3]


def between(grasp, points):
    a, b, c = local(grasp, points).T
    sides = np.abs(b) < grasp.width / 2 + 0.004
    return (np.abs(c) < PAD_HALF_HEIGHT) & (a > PAD_BACK) & (a < PAD_REACH) & sides


def assert_holds(grasp, points):
    """Between the pads is something as wide as the grasp says, and nothing where the fingers come in."""
    a, b, c = local(grasp, points).T
    band = np.abs(c) < PAD_HALF_HEIGHT
    assert grasp.width - 1e-6 <= np.ptp(b[between(grasp, points)]) < grasp.width + 0.008
    finger = np.abs(b) - grasp.width / 2
    assert not (band & (a < PAD_REACH) & (finger > 0.005) & (finger < SIDE_GAP + FINGER)).any()
    assert grasp.pose[2, 3] > TOP + PAD_HALF_HEIGHT * math.cos(grasp.pitch)


@settings(max_examples=6, deadline=None)
@given(
    st.tuples(st.floats(0.03, 0.15), st.floats(0.03, 0.15), st.floats(0.04, 0.2)), st.floats(-3, 3),
    st.floats(-0.5, 0.5),
)  # fmt: skip
def test_every_grasp_of_a_box_of_any_size_holds_it(size, yaw, heading):
    thing = target(box(size, yaw=yaw))
    grasps = measured_candidates(thing, heading)
    assert [one.score for one in grasps] == sorted(one.score for one in grasps)
    for grasp in grasps[::10]:
        assert LEAST_WIDTH <= grasp.width <= facts.WIDEST - 2 * SIDE_GAP
        assert grasp.width + 2 * SIDE_GAP == pytest.approx(grasp.opening)
        assert_holds(grasp, thing.points)


@pytest.mark.parametrize("yaw", [0.0, 0.4, -0.7])
def test_a_narrow_box_is_taken_across_its_narrow_side(yaw):
    thing = target(box((0.05, 0.12, 0.14), yaw=yaw + math.pi / 2))
    best = measured_candidates(thing, 0.0)[0]
    assert best.width == pytest.approx(0.05, abs=0.02)
    assert abs(math.remainder(best.yaw - yaw, math.pi)) < math.radians(20)


@pytest.mark.parametrize("size", [(0.2, 0.2, 0.2), (0.12, 0.12, 0.1), (0.15, 0.3, 0.05), (0.11, 0.11, 0.2)])
@pytest.mark.parametrize("noise", [0.0, 0.003])
def test_what_is_too_wide_every_way_has_no_grasp(size, noise):
    spacing = 0.006 if size[0] < 0.15 else 0.012  # what is large is sent with fewer points
    for yaw in (0.0, 0.3, 0.8):
        points = box(size, yaw=yaw, spacing=spacing)
        points += np.random.default_rng(0).normal(0.0, noise, points.shape)
        assert measured_candidates(target(points), 0.0) == []


def test_what_is_too_wide_is_taken_by_its_handle():
    body = box((0.11, 0.11, 0.12), (0.45, 0.0))
    bar = box((0.012, 0.014, 0.08), (0.36, 0.0), lift=0.02)
    arms = [box((0.035, 0.014, 0.012), (0.378, 0.0), lift=lift) for lift in (0.02, 0.09)]
    thing = target(body, bar, *arms)
    grasps = measured_candidates(thing, 0.0)
    assert grasps
    for grasp in grasps:
        assert grasp.width < 0.04
        assert_holds(grasp, thing.points)
        assert between(grasp, np.vstack((bar, *arms))).sum() >= 2 * LEAST_TOUCH
        assert not between(grasp, body).any()


def test_a_bowl_is_taken_by_its_rim():
    angle = np.linspace(0, 2 * math.pi, 90, endpoint=False)
    wall = [
        np.stack([0.42 + r * np.cos(angle), r * np.sin(angle), np.full(90, TOP + z)], axis=1)
        for r in (0.070, 0.080) for z in np.arange(0.0, 0.06, 0.006)
    ]  # fmt: skip
    thing = target(*wall)
    grasps = measured_candidates(thing, 0.0)
    assert grasps
    for grasp in grasps:
        assert grasp.width < 0.05
        assert_holds(grasp, thing.points)
