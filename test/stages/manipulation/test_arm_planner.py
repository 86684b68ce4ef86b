"""Collision distances, arm paths, timing and the planner."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinematic_robot import KINEMATICS, PLANNER, scene

from vla_sim.common.geometry import inverse, rotation_from_rpy, transform
from vla_sim.robot import facts
from vla_sim.robot.arm_body import HAND, BodyModel
from vla_sim.stages.manipulation.arm_collision import SWAY, Obstacles, check, check_path
from vla_sim.stages.manipulation.arm_planner import GAP, PREGRASP, GraspPlan, PlacePlan
from vla_sim.stages.manipulation.arms import GripperMonitor
from vla_sim.stages.manipulation.grasp import Target
from vla_sim.stages.manipulation.trajectory import (
    HOME,
    JOINT_SPEED,
    READY,
    follow_line,
    joint_motion,
    line_motion,
    rounded,
    tool_line,
)

WAIST = np.zeros(3)
CHAIN = KINEMATICS.arm["right"]
BODY = BodyModel(KINEMATICS)
POSTURE = CHAIN.solutions(transform((0.34, -0.15, 0.05)), WAIST)[0]
CUP = Target("cylinder", (0.35, -0.15, 0.81), (0.068, 0.068, 0.10))


# ------------------------------------------------------------------ collision


@settings(deadline=None)
@given(st.tuples(*[st.floats(-0.6, 0.8)] * 3), st.tuples(*[st.floats(0.02, 0.5)] * 3), st.floats(-3, 3))
def test_distance_to_a_box_is_the_nearest_spheres(centre, size, yaw):
    pose = transform(centre, rotation_from_rpy(0.0, 0.0, yaw))
    gap, _ = check(CHAIN, BODY.arm["right"], POSTURE, WAIST, 0.1, Obstacles().with_box(pose, size))
    assert gap == pytest.approx(reference(lambda p: box_distance(inverse(pose), size, p)), abs=1e-9)


@settings(deadline=None)
@given(st.tuples(*[st.floats(-0.6, 0.8)] * 3), st.floats(0.0, 0.4), st.floats(0.01, 0.2))
def test_distance_to_a_capsule_is_the_nearest_spheres(a, height, radius):
    b = (a[0], a[1], a[2] + height)
    obstacles = Obstacles().with_capsule(a, b, radius)
    gap, _ = check(CHAIN, BODY.arm["right"], POSTURE, WAIST, 0.1, obstacles)

    def distance(p):
        z = min(max(p[2], a[2]), b[2])
        return float(np.linalg.norm(p - (a[0], a[1], z))) - radius

    assert gap == pytest.approx(reference(distance), abs=1e-9)


def reference(distance) -> float:
    """Smallest gap over the right arm's spheres at `POSTURE`, opening 0.1."""
    body, frames = BODY.arm["right"], CHAIN.frames(POSTURE, WAIST)
    gaps = []
    for i in range(len(body.joint)):
        p = body.centre[i] + [0.0, body.finger[i] * 0.05, 0.0]
        t = frames[body.joint[i]]
        above_the_hand = body.joint[i] < HAND - 1
        gaps.append(distance(t[:3, :3] @ p + t[:3, 3]) - body.radius[i] - SWAY * above_the_hand)
    return min(gaps)


def box_distance(to_box, size, p) -> float:
    over = np.abs(to_box[:3, :3] @ p + to_box[:3, 3]) - 0.5 * np.array(size)
    return float(np.linalg.norm(np.maximum(over, 0.0)) if over.max() > 0 else over.max())


def test_the_arms_spheres_are_its_own_size():
    body = BODY.arm["right"]
    tool = CHAIN.frames(np.zeros(7), WAIST)
    points = [tool[body.joint[i]][:3, :3] @ body.centre[i] + tool[body.joint[i]][:3, 3]
              for i in range(len(body.joint))]  # fmt: skip
    reach = max(p[0] for p in points) - tool[10][0, 3]
    assert 0.0 < reach < 0.03
    assert body.radius.min() > 0.004
    assert body.radius.max() < 0.06
    assert set(body.finger) == {-1.0, 0.0, 1.0}


@pytest.mark.parametrize("side", facts.SIDES)
@pytest.mark.parametrize("posture", [READY, HOME])
def test_an_arm_at_rest_does_not_touch_its_own_body(side, posture):
    q = facts.DEFAULT_POSE.copy()
    q[facts.ARM_INDEX[side]] = posture[side]
    obstacles = Obstacles(own=BODY.own_capsules(q, side))
    _, own = check(KINEMATICS.arm[side], BODY.arm[side], posture[side], WAIST, 0.1, obstacles)
    assert own > 0.01


def test_a_path_is_checked_between_its_points():
    start, end = POSTURE.copy(), POSTURE.copy()
    start[0] -= 0.8
    end[0] += 0.8
    ball = CHAIN.forward(POSTURE, WAIST)[:3, 3]
    obstacles = Obstacles().with_capsule(ball, ball, 0.02)
    body = BODY.arm["right"]
    assert min(check(CHAIN, body, q, WAIST, 0.0, obstacles)[0] for q in (start, end)) > 0.05
    assert check_path(CHAIN, body, np.array([start, end]), WAIST, 0.0, obstacles)[0] < 0.0


# ------------------------------------------------------------------ motion


def test_a_joint_motion_starts_and_stops_softly_within_the_speed():
    path = rounded([HOME["right"], READY["right"], POSTURE])
    times, positions = joint_motion(path)
    assert positions[0] == pytest.approx(HOME["right"])
    assert positions[-1] == pytest.approx(POSTURE)
    speed = np.abs(np.diff(positions, axis=0)).max(axis=1) / np.diff(times)
    assert speed.max() <= JOINT_SPEED * 1.05
    assert max(speed[0], speed[-1]) < 0.25 * speed.max()


def test_a_motion_to_where_it_is_has_one_point():
    times, positions = joint_motion([POSTURE, POSTURE])
    assert len(times) == 1
    assert times[0] > 0
    assert positions.shape == (1, 7)


def test_a_tool_line_is_straight_and_keeps_what_both_ends_share():
    start = transform((0.25, -0.2, 0.1), rotation_from_rpy(0.0, 0.3, 0.0))
    end = transform((0.30, -0.1, 0.2), rotation_from_rpy(0.0, 0.3, 0.6))
    poses = tool_line(start, end)
    assert poses[-1] == pytest.approx(end, abs=1e-9)
    for pose in poses:
        share = (pose[:3, 3] - start[:3, 3]) @ (end - start)[:3, 3] / ((end - start)[:3, 3] ** 2).sum()
        assert pose[:3, 3] == pytest.approx(start[:3, 3] + share * (end - start)[:3, 3], abs=1e-9)
        assert math.asin(-pose[2, 0]) == pytest.approx(0.3, abs=1e-6)  # the pitch stays: upright stays so


def test_following_a_line_keeps_the_tool_on_it():
    start = CHAIN.forward(POSTURE, WAIST)
    end = start.copy()
    end[2, 3] += 0.15
    poses = tool_line(start, end)
    path = follow_line(CHAIN, POSTURE, WAIST, poses)
    assert path is not None
    for q, pose in zip(path, poses, strict=True):
        assert CHAIN.forward(q, WAIST)[:3, 3] == pytest.approx(pose[:3, 3], abs=1e-3)
    times, _ = line_motion(path, np.linspace(0, 0.15, len(path)))
    assert 1.5 < times[-1] < 4.0


def test_a_line_out_of_reach_is_none():
    start = CHAIN.forward(POSTURE, WAIST)
    end = start.copy()
    end[0, 3] += 0.5
    assert follow_line(CHAIN, POSTURE, WAIST, tool_line(start, end)) is None


# ------------------------------------------------------------------ planner


@pytest.mark.parametrize(
    ("shape", "size"),
    [("cylinder", (0.068, 0.068, 0.10)), ("sphere", (0.07, 0.07, 0.07)), ("box", (0.06, 0.06, 0.09)),
     ("bottle", (0.06, 0.06, 0.18))],
)  # fmt: skip
@pytest.mark.parametrize(("x", "y"), [(0.32, -0.12), (0.40, -0.18), (0.36, 0.15)])
def test_grasps_on_a_table_are_planned_clear_of_it(shape, size, x, y):
    at_table = scene()
    target = Target(shape, (x, y, 0.76 + size[2] / 2), size)
    plan = PLANNER.pick(at_table, target)
    assert isinstance(plan, GraspPlan), plan
    assert plan.side == ("left" if y > 0 else "right")
    assert plan.clearance >= GAP
    chain = KINEMATICS.arm[plan.side]
    reached = at_table.base @ chain.forward(plan.reach[-1], at_table.waist)
    assert reached[:3, 3] == pytest.approx(plan.pregrasp[:3, 3], abs=2e-3)
    assert np.linalg.norm(plan.pregrasp[:3, 3] - plan.grasp.pose[:3, 3]) == pytest.approx(PREGRASP)
    assert plan.lift[2, 3] - plan.grasp.pose[2, 3] >= 0.15


def test_a_neighbour_is_kept_clear_of():
    free = PLANNER.pick(scene(), CUP)
    assert isinstance(free, GraspPlan)
    side = np.array([math.sin(free.grasp.yaw), -math.cos(free.grasp.yaw), 0.0])
    beside = np.array(CUP.position) + 0.095 * side
    neighbour = Target("cylinder", tuple(beside.tolist()), CUP.size)
    plan = PLANNER.pick(scene(others=(neighbour,)), CUP)
    assert isinstance(plan, str) or plan.clearance >= GAP
    assert plan is None or abs(plan.grasp.yaw - free.grasp.yaw) > 0.1 or plan.opening < free.opening


def test_a_wall_of_things_is_in_the_way():
    around = tuple(
        Target("cylinder", (0.35 + 0.08 * math.cos(a), -0.15 + 0.08 * math.sin(a), 0.81), (0.07, 0.07, 0.2))
        for a in np.linspace(0, 2 * math.pi, 8, endpoint=False)
    )
    assert PLANNER.pick(scene(others=around), CUP) == "Something is in the way of my hand at {it}."


def test_the_next_best_grasp_comes_after_a_failed_one():
    first, second = PLANNER.pick(scene(), CUP), PLANNER.pick(scene(), CUP, avoid=1)
    assert isinstance(first, GraspPlan)
    assert isinstance(second, GraspPlan)
    assert np.abs(first.grasp.pose - second.grasp.pose).max() > 0.005


def test_setting_down_ends_with_the_object_on_the_surface():
    at_table = scene()
    spot, up = (0.35, -0.15, 0.76), -0.01
    plan = PLANNER.place(at_table, "right", spot, CUP.size, (0.01, up), math.radians(15))
    assert isinstance(plan, PlacePlan)
    bottom = plan.down[2, 3] + up - 0.05
    assert 0.0 < bottom - 0.76 < 0.012
    assert plan.above[2, 3] > plan.down[2, 3] + 0.09
    far = PLANNER.place(at_table, "right", (0.9, 0.0, 0.76), CUP.size, (0.01, up), 0.2)
    assert far == "I cannot reach that spot from here."


# ------------------------------------------------------------------ hold


def test_width_tells_empty_from_held_and_lost():
    watch = GripperMonitor()
    assert not watch.still()
    for i in range(10):
        watch.update(0.05 * i, 0.1 - 0.008 * i)
    assert not watch.still()
    for i in range(10):
        watch.update(0.5 + 0.05 * i, 0.067)
    assert watch.still()
    assert watch.fits(0.068)
    assert not watch.fits(0.03)
    assert not watch.lost(0.068)
    for i in range(5):
        watch.update(1.0 + 0.05 * i, 0.0)
        gone = watch.lost(0.068)
    assert gone
    assert not watch.fits(0.068)
