"""Rollouts: on the path, clear of things, slow where it is narrow, turning on the spot first."""

import math

import numpy as np
import pytest
from navigation_walker import field_of, room, two_rooms

from vla_sim.robot.body_size import SWATH, WALKING_BODY
from vla_sim.stages.navigation.distance_field import body_room, clearance_ahead
from vla_sim.stages.navigation.global_planner import plan_path
from vla_sim.stages.navigation.local_planner import LocalPlanner

STILL = np.zeros(3)


def on_path(field, start, goal):
    path = plan_path(field, start, goal)
    local = LocalPlanner()
    local.start(path.points, path.clearance)
    return local, path


def test_it_walks_straight_ahead_at_the_given_speed():
    field = field_of(room())
    local, _ = on_path(field, (1.0, 2.0), (5.0, 2.0))
    out = local.step(np.array([1.0, 2.0, 0.0]), STILL, field, 0.5)
    assert out[0] == pytest.approx(0.5)
    assert abs(out[2]) < 0.1


def test_it_turns_on_the_spot_when_it_looks_away():
    field = field_of(room())
    local, _ = on_path(field, (1.0, 2.0), (5.0, 2.0))
    out = local.step(np.array([1.0, 2.0, 2.0]), STILL, field, 0.5)
    assert out[2] < -0.2
    np.testing.assert_array_equal(out[:2], 0.0)


def test_it_lines_up_before_a_door_at_an_angle_it_would_walk_with_in_the_open():
    rooms, open_room = field_of(two_rooms()), field_of(room())
    pose = np.array([2.4, 2.0, 0.6])
    for field, turning in ((rooms, True), (open_room, False)):
        local, _ = on_path(field, (2.4, 2.0), (5.0, 2.0))
        out = local.step(pose, STILL, field, 0.5)
        assert (not out[:2].any() and out[2] != 0.0) == turning


def test_it_slows_down_at_a_door():
    field = field_of(two_rooms())
    local, _ = on_path(field, (1.0, 2.0), (5.0, 2.0))
    far = local.step(np.array([1.2, 2.0, 0.0]), STILL, field, 0.6)
    local, _ = on_path(field, (2.7, 2.0), (5.0, 2.0))
    near = local.step(np.array([2.7, 2.0, 0.0]), np.array([0.3, 0.0, 0.0]), field, 0.6)
    assert near[0] < 0.75 * far[0]


def test_a_wall_across_the_path_blocks():
    free, wall = field_of(room()), field_of(room(boxes=((1.5, -1, 1.6, 9),)))
    local, _ = on_path(free, (1.0, 2.0), (5.0, 2.0))
    out = local.step(np.array([1.05, 2.0, 0.0]), np.array([0.3, 0.0, 0.0]), wall, 0.5)
    assert out is None or out[0] < 0.2


def test_every_chosen_rollout_keeps_the_hands_off_the_door_frame():
    field = field_of(two_rooms())
    local, _ = on_path(field, (2.0, 1.6), (4.0, 2.4))
    pose, velocity = np.array([2.0, 1.6, 0.3]), STILL.copy()
    worst = 1.0
    for _ in range(400):
        out = local.step(pose, velocity, field, 0.5)
        assert out is not None
        velocity = velocity + (1 - math.exp(-0.05 / 0.3)) * (out - velocity)
        c, s = math.cos(pose[2]), math.sin(pose[2])
        step = np.array([c * velocity[0] - s * velocity[1], s * velocity[0] + c * velocity[1], velocity[2]])
        pose = pose + 0.05 * step
        worst = min(worst, body_room(field, pose, WALKING_BODY))
        if local.remaining(pose[0], pose[1]) < 0.2:
            break
    else:
        pytest.fail("did not arrive")
    assert worst > 0.03


def test_the_body_is_as_wide_as_the_swinging_hands_and_reaches_to_what_they_carry():
    field = field_of(room())
    assert body_room(field, np.array([3.0, 0.5, 0.0]), WALKING_BODY) == pytest.approx(0.5 - SWATH, abs=0.01)
    assert body_room(field, np.array([5.5, 2.0, 0.0]), WALKING_BODY) == pytest.approx(0.17, abs=0.01)


def test_clearance_ahead_sees_the_wall_that_a_command_leads_to():
    field = field_of(room())
    pose = np.array([5.0, 2.0, 0.0])
    ahead = clearance_ahead(field, pose, STILL, np.array([0.5, 0, 0]), WALKING_BODY, 2.0)
    away = clearance_ahead(field, pose, STILL, np.array([-0.5, 0, 0]), WALKING_BODY, 2.0)
    assert ahead < 0.0 < away
