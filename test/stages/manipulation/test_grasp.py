"""Grasps fit the object, the gripper and the table, whatever the object."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_sim.common.geometry import wrap
from vla_sim.robot import facts
from vla_sim.stages.manipulation.grasp import (
    PAD_HALF_HEIGHT,
    PAD_REACH,
    PALM,
    SIDE_GAP,
    Target,
    candidates,
    shape_of,
)

CUP = Target("cylinder", (0.35, -0.15, 0.81), (0.068, 0.068, 0.10))
BALL = Target("sphere", (0.35, -0.15, 0.795), (0.07, 0.07, 0.07))
BOX = Target("box", (0.35, -0.15, 0.805), (0.06, 0.06, 0.09), 0.4)
BOTTLE = Target("bottle", (0.35, -0.15, 0.85), (0.06, 0.06, 0.18))
ALL = (CUP, BALL, BOX, BOTTLE)

targets = st.builds(
    Target,
    st.sampled_from(["cylinder", "sphere", "box", "bottle"]),
    st.tuples(st.floats(-2, 2), st.floats(-2, 2), st.floats(0.5, 1.2)),
    st.tuples(st.floats(0.01, 0.2), st.floats(0.01, 0.2), st.floats(0.02, 0.3)),
    st.floats(-4, 4),
)


@settings(deadline=None)
@given(targets, st.floats(-4, 4))
def test_every_grasp_is_a_rigid_pose_with_room_for_the_fingers(target, heading):
    grasps = candidates(target, heading)
    scores = [grasp.score for grasp in grasps]
    assert scores == sorted(scores)
    for grasp in grasps:
        r = grasp.pose[:3, :3]
        assert r @ r.T == pytest.approx(np.eye(3), abs=1e-9)
        assert grasp.width + 2 * SIDE_GAP <= facts.WIDEST
        assert abs(r[2, 1]) < 1e-9  # the fingers close horizontally
        tips = grasp.pose @ [PAD_REACH, 0.0, -PAD_HALF_HEIGHT, 1.0]
        assert tips[2] > target.bottom


@pytest.mark.parametrize("target", ALL)
def test_the_object_is_between_the_pads_and_off_the_palm(target):
    grasps = candidates(target, 0.0)
    assert grasps
    for grasp in grasps:
        local = np.linalg.inv(grasp.pose) @ [*target.position[:2], grasp.pose[2, 3], 1.0]
        assert abs(local[1]) < 1e-9
        assert -0.001 <= local[0] < PAD_REACH
        near = local[0] * math.cos(grasp.pitch) - 0.5 * min(target.size[:2])
        assert near > -PALM


def test_a_ball_is_taken_at_its_equator():
    for grasp in candidates(BALL, 0.0):
        ahead = (BALL.position[0] - grasp.pose[0, 3]) / math.cos(grasp.yaw)
        assert grasp.pose[2, 3] - ahead * math.tan(grasp.pitch) == pytest.approx(BALL.position[2], abs=0.007)


def test_a_box_is_taken_by_two_opposite_faces():
    for grasp in candidates(BOX, 0.0):
        off = wrap(4 * (grasp.yaw - BOX.yaw)) / 4
        assert abs(off) < math.radians(10.5)


def test_a_bottle_is_taken_below_its_shoulder():
    for grasp in candidates(BOTTLE, 0.0):
        assert grasp.pose[2, 3] - BOTTLE.bottom < 0.6 * 0.18 + 0.02


def test_wide_things_have_no_grasp_and_long_boxes_are_taken_across():
    assert not candidates(Target("cylinder", (0, 0, 1), (0.09, 0.09, 0.1)), 0.0)
    long = Target("box", (0, 0, 1), (0.20, 0.05, 0.1), 0.0)
    grasps = candidates(long, 0.0)
    assert {grasp.width for grasp in grasps} <= {0.05}


def test_shapes_of_kinds():
    assert shape_of("ball") == "sphere"
    assert shape_of("box") == "box"
    assert shape_of("bottle") == "bottle"
    assert shape_of("cup") == shape_of("thing") == "cylinder"


def test_backed_is_straight_back_along_the_approach():
    grasp = candidates(CUP, 0.3)[0]
    before = grasp.backed(0.09)
    assert grasp.pose[:3, 3] - before[:3, 3] == pytest.approx(0.09 * grasp.pose[:3, 0])
