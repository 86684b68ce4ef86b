"""Paths keep clear, go through the middle of doors, and a missing way is explained."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from navigation_walker import field_of, room, two_rooms

from vla_sim.stages.navigation.distance_field import DistanceField, clearance_field
from vla_sim.stages.navigation.global_planner import HARD, NoPath, Path, plan_path


@pytest.fixture(scope="module")
def rooms():
    return field_of(two_rooms())


def test_the_path_goes_through_the_middle_of_the_door(rooms):
    path = plan_path(rooms, (1.0, 0.6), (5.0, 3.4))
    assert isinstance(path, Path)
    at_door = path.points[np.argmin(np.abs(path.points[:, 0] - 3.0))]
    assert at_door[1] == pytest.approx(2.0, abs=0.06)
    assert path.clearance.min() > 0.38


def test_the_path_begins_and_ends_where_asked(rooms):
    path = plan_path(rooms, (1.0, 0.6), (5.0, 3.4))
    np.testing.assert_allclose(path.points[0], (1.0, 0.6))
    np.testing.assert_allclose(path.points[-1], (5.0, 3.4))
    steps = np.hypot(*np.diff(path.points, axis=0).T)
    assert steps.max() < 0.06
    assert path.length == pytest.approx(steps.sum())


def test_a_free_way_is_straight():
    path = plan_path(field_of(room()), (1.0, 2.0), (5.0, 2.3))
    assert path.length == pytest.approx(math.hypot(4.0, 0.3), rel=0.01)


def test_a_closed_door_says_how_near_one_can_get():
    closed = field_of(two_rooms(door=(2.0, 2.0)))
    found = plan_path(closed, (1.0, 2.0), (5.0, 2.0))
    assert isinstance(found, NoPath)
    assert found.reason.startswith("no way to (5.00, 2.00): the nearest reachable point is (2.5")


def test_a_door_narrower_than_the_body_is_no_way():
    assert isinstance(plan_path(field_of(two_rooms((1.75, 2.25))), (1.0, 2.0), (5.0, 2.0)), NoPath)


def test_a_goal_beside_a_wall_moves_to_the_nearest_free_point_within_tolerance(rooms):
    path = plan_path(rooms, (1.0, 2.0), (0.2, 2.0), tolerance=0.25)
    assert isinstance(path, Path)
    assert HARD - 0.05 <= path.points[-1, 0] <= HARD + 0.05


def test_a_goal_in_a_wall_names_the_nearest_free_point(rooms):
    found = plan_path(rooms, (1.0, 2.0), (-0.1, 2.0), tolerance=0.15)
    assert isinstance(found, NoPath)
    assert "no room to stand at (-0.10, 2.00): the nearest free point is (0.4" in found.reason


def test_a_goal_off_the_map_is_refused(rooms):
    assert plan_path(rooms, (1.0, 2.0), (40.0, 2.0)).reason == "(40.00, 2.00) is outside my map"
    assert "outside my map" in plan_path(rooms, (-9.0, 2.0), (1.0, 2.0)).reason


def test_a_robot_at_a_table_can_leave_it():
    at_table = field_of(room(boxes=((2.0, 1.7, 2.6, 2.3),)))
    path = plan_path(at_table, (1.78, 2.0), (5.0, 2.0))
    assert isinstance(path, Path)
    assert path.points[6, 0] < 1.78


def test_standing_on_the_goal_is_a_path(rooms):
    path = plan_path(rooms, (1.0, 2.0), (1.0, 2.0))
    assert isinstance(path, Path)
    assert path.length < 0.1


def _reachable(clearance, start, goal):
    """Flood fill over the same 5 cm cells."""
    free = clearance >= HARD
    seen, queue = {start}, [start]
    while queue:
        r, c = queue.pop()
        for dr in (-1, 0, 1):
            for dc in (-1, 0, 1):
                n = (r + dr, c + dc)
                if n not in seen and 0 <= n[0] < free.shape[0] and 0 <= n[1] < free.shape[1] and free[n]:
                    seen.add(n)
                    queue.append(n)
    return goal in seen


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_path_is_found_exactly_when_there_is_one(seed):
    rng = np.random.default_rng(seed)
    occupied = rng.random((60, 60)) < 0.004
    clearance = clearance_field(occupied, 0.05)
    field = DistanceField(clearance, 0.0, 0.0, 0.05)
    free = np.argwhere(clearance >= HARD)
    if len(free) < 2:
        return
    (r0, c0), (r1, c1) = free[rng.integers(len(free), size=2)]
    found = plan_path(
        field, ((c0 + 0.5) * 0.05, (r0 + 0.5) * 0.05), ((c1 + 0.5) * 0.05, (r1 + 0.5) * 0.05), escape=0.0
    )
    assert isinstance(found, Path) == _reachable(clearance, (r0, c0), (r1, c1))
    if isinstance(found, Path):
        assert found.clearance.min() > HARD - 0.05
