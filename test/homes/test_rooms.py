"""Flats and their furniture, over seeds."""

import itertools

import numpy as np
import pytest

from vla_sim.homes import furniture, rooms
from vla_sim.homes.rooms import Box

SEEDS = range(50)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_two_rooms_share_floor_and_each_has_a_doorway_to_the_hallway_that_no_wall_bars(seed):
    flat = rooms.draw(np.random.default_rng(seed))
    assert 4 <= len(flat.rooms) <= 6
    assert {"hallway", *rooms.ALWAYS} <= {room.name for room in flat.rooms}
    for one, other in itertools.combinations(flat.rooms, 2):
        assert not one.inside.meets(other.inside)
    hallway, *others = flat.rooms
    for room in others:
        (door,) = (door for door in flat.doors if door.name == room.name)
        way = door.span(door.width - 0.01, 0.3)
        assert way.meets(hallway.inside)
        assert way.meets(room.inside)
        assert rooms.DOOR[0] <= door.width <= rooms.DOOR[1]
        assert not any(wall.meets(way) for wall in flat.walls())


@pytest.mark.parametrize("seed", SEEDS)
def test_the_only_gaps_in_the_walls_are_the_doorways(seed):
    """Along each side of each room, what no wall covers is as wide as its doors."""
    flat = rooms.draw(np.random.default_rng(seed))
    walls = list(flat.walls())
    for room in flat.rooms:
        b = room.box
        corners = [(b.x0, b.y0), (b.x1, b.y0), (b.x1, b.y1), (b.x0, b.y1), (b.x0, b.y0)]
        for (xa, ya), (xb, yb) in itertools.pairwise(corners):
            at = np.linspace((xa, ya), (xb, yb), 400)
            covered = np.zeros(len(at), bool)
            for w in walls:
                covered |= (w.x0 <= at[:, 0]) & (at[:, 0] <= w.x1) & (w.y0 <= at[:, 1]) & (at[:, 1] <= w.y1)
            line = Box(min(xa, xb), min(ya, yb), max(xa, xb), max(ya, yb)).grown(0.01)
            wanted = sum(door.width for door in flat.doors if line.meets(door.span(0.01, 0.01)))
            step = max(abs(xb - xa), abs(yb - ya)) / 399
            assert np.count_nonzero(~covered) * step == pytest.approx(wanted, abs=0.1)


@pytest.mark.parametrize("seed", SEEDS)
def test_furniture_stands_in_rooms_beside_each_other_and_out_of_doorways(seed):
    rng = np.random.default_rng(seed)
    flat = rooms.draw(rng)
    pieces = furniture.furnish(flat, rng)
    if pieces is None:
        return
    for one, other in itertools.combinations(pieces, 2):
        assert not one.box.meets(other.box)
    for piece in pieces:
        assert sum(room.inside.holds(piece.box) for room in flat.rooms) == 1
        assert not any(piece.box.meets(door.span(door.width, 0.5)) for door in flat.doors)
        assert not any(piece.box.meets(wall) for wall in flat.walls())


def test_most_flats_can_be_furnished():
    """Else the homes would be those of few shapes."""
    done = 0
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        done += furniture.furnish(rooms.draw(rng), rng) is not None
    assert done > 0.8 * len(SEEDS)


def test_a_model_turned_by_a_quarter_has_its_back_to_the_wall_it_stands_at():
    own = furniture.outline("sofa")
    assert own.y1 - own.y0 < own.x1 - own.x0
    at = furniture._at(furniture.Kind("sofa", clear=0.5), 1.0, 2.0, 1)  # its +y is the world's +x
    assert at.box.x1 == pytest.approx(1.0 + own.y1)
    assert at.front.x1 == pytest.approx(at.box.x0)
    assert at.front.x0 == pytest.approx(at.box.x0 - 0.5)
