"""Stands are in front of the table, free, and within the arm's reach."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_sim.contract.codec import encode
from vla_sim.contract.records import DetectedObject, NavigationRequest
from vla_sim.stages.manipulation.base_placement import (
    AHEAD_MAX,
    AHEAD_MIN,
    EDGE_MIN,
    choose_place_spot,
    choose_stand,
    view_stands,
)
from vla_sim.world.occupancy_grid import Grid
from vla_sim.world.semantic_map import Surface, World

TABLE = Surface("table", "kitchen", 1.0, 0.0, 0.0, 0.6, 1.4, 0.75)
"""From x = 0.7 to 1.3, y = -0.7 to 0.7."""


def room(*blocked: tuple[float, float, float, float]) -> Grid:
    """6 m square around the table, with the table and rectangles (x0, y0, x1, y1) occupied."""
    occupied = np.zeros((120, 120), dtype=bool)
    for x0, y0, x1, y1 in ((0.7, -0.7, 1.3, 0.7), *blocked):
        columns = slice(int((x0 + 2) / 0.05), int((x1 + 2) / 0.05))
        occupied[int((y0 + 3) / 0.05) : int((y1 + 3) / 0.05), columns] = True
    return Grid(occupied, -2.0, -3.0, 0.05)


@settings(deadline=None)
@given(st.floats(0.73, 0.93), st.floats(-0.55, 0.55), st.sampled_from(["left", "right", None]))
def test_from_any_stand_the_object_is_where_the_arm_likes_it(x, y, arm):
    stand = choose_stand((x, y, 0.8), TABLE, room(), (0.0, 0.0, 0.0), arm)
    assert stand is not None
    assert arm in (None, stand.arm)
    dx, dy, c, s = x - stand.x, y - stand.y, math.cos(stand.yaw), math.sin(stand.yaw)
    ahead, left = c * dx + s * dy, -s * dx + c * dy
    assert AHEAD_MIN <= ahead <= AHEAD_MAX + 1e-9
    assert 0.10 <= (left if stand.arm == "left" else -left) <= 0.20
    assert min(abs(math.remainder(stand.yaw, math.pi / 2)), 1.0) < 1e-6


def test_it_keeps_off_the_edge_and_faces_it():
    stand = choose_stand((0.9, 0.0, 0.8), TABLE, room(), (0.0, 0.0, 0.0))
    assert stand is not None
    assert stand.yaw == pytest.approx(0.0)
    assert stand.x <= 0.7 - EDGE_MIN + 1e-9


def test_a_blocked_side_is_left_for_another():
    wall = room((-0.2, -3.0, 0.65, 3.0))
    stand = choose_stand((1.0, 0.55, 0.8), TABLE, wall, (0.0, 0.0, 0.0))
    assert stand is not None
    assert stand.yaw == pytest.approx(-math.pi / 2)


def test_out_of_reach_heights_and_depths_have_no_stand():
    assert choose_stand((0.9, 0.0, 0.05), TABLE, room()) is None
    assert choose_stand((0.9, 0.0, 1.6), TABLE, room()) is None
    wide = Surface("stage", "hall", 2.0, 0.0, 0.0, 2.0, 2.0, 0.75)
    assert choose_stand((2.0, 0.0, 0.8), wide, room()) is None


def test_without_a_surface_it_comes_from_where_it_is():
    stand = choose_stand((2.0, 0.0, 0.8), None, None, (0.0, 0.0, 0.0))
    assert stand is not None
    assert stand.yaw == pytest.approx(0.0, abs=0.5)


def test_stands_travel_in_records():
    stand = choose_stand((0.9, 0.1, 0.8), TABLE, room())
    assert stand is not None
    encode(NavigationRequest(goal_id="a", mode="dock", x=stand.x, y=stand.y, yaw=stand.yaw))


def test_views_cover_a_table_from_its_nearest_side():
    poses = view_stands(TABLE, room(), (0.0, 0.0, 0.0))
    assert len(poses) == 2
    assert all(abs(yaw) < 1e-9 and x < 0.3 for x, _, yaw in poses)
    assert abs(poses[0][1] - poses[1][1]) == pytest.approx(0.7)
    assert all(yaw == pytest.approx(math.pi) for _, _, yaw in
               (((x, y, abs(yaw)) for x, y, yaw in view_stands(TABLE, room(), (2.5, 0.0, 0.0)))))  # fmt: skip


def test_a_table_that_cannot_be_approached_has_no_view():
    assert view_stands(TABLE, Grid(np.ones((120, 120), dtype=bool), -2.0, -3.0, 0.05)) == []


def test_a_place_spot_is_free_and_near_the_rim():
    taken = DetectedObject(
        track_id=1, kind="cup", colour="red", position=(0.83, 0.0, 0.8), size=(0.07, 0.07, 0.1), yaw=0.0,
        confidence=1.0, last_seen=0.0,
    )  # fmt: skip
    spot = choose_place_spot(TABLE, [taken], room(), (0.0, 0.0, 0.0))
    assert spot is not None
    assert spot[2] == TABLE.height
    assert math.dist(spot[:2], taken.position[:2]) > 0.15
    assert spot[0] == pytest.approx(0.83)
    assert choose_stand((*spot[:2], 0.8), TABLE, room()) is not None


def test_a_place_spot_beside_a_thing_is_near_it_and_none_is_found_where_others_stand_around_it():
    def cup(number, y, z=0.8):
        return DetectedObject(
            track_id=number, kind="cup", colour="red", position=(0.83, y, z), size=(0.07, 0.07, 0.1),
            yaw=0.0, confidence=1.0, last_seen=0.0,
        )  # fmt: skip

    alone = cup(1, 0.2)
    far = (0.0, -3.0, 0.0)
    spot = choose_place_spot(TABLE, [alone], room(), far, beside=alone.position)
    assert spot is not None
    assert 0.16 <= math.dist(spot[:2], alone.position[:2]) <= 0.26
    lifted = cup(2, spot[1], 0.98)
    assert choose_place_spot(TABLE, [alone, lifted], room(), far, beside=alone.position) == spot
    crowd = [cup(n, 0.2 + 0.12 * n) for n in range(-3, 4)]
    assert choose_place_spot(TABLE, crowd, room(), far, beside=alone.position) is None


@pytest.mark.parametrize("name", ["apartment", "tabletop"])
def test_every_surface_at_standing_height_of_the_shipped_worlds_can_be_used(name):
    world = World.load(name)
    grid = world.rasterise()
    for surface in world.surfaces:
        assert view_stands(surface, grid), surface.name
        if 0.6 < surface.height < 1.1:
            assert choose_place_spot(surface, [], grid) is not None, surface.name
