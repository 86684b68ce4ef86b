"""Homes by seed: equal seeds, what can be done there and what cannot."""

import functools
import math

import numpy as np
import pytest

from vla_sim.common.errors import InputError
from vla_sim.homes import furniture, home, rooms, sdf_file
from vla_sim.homes.solvable import Home
from vla_sim.scenario import load, preparation
from vla_sim.simulation.waypoint_motion import WaypointMotion
from vla_sim.world import world_file
from vla_sim.world.semantic_map import World


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """made(seed, unsolvable=False): the scenario of a home, which is made once."""

    @functools.cache
    def make(seed, unsolvable=False):
        return home.make(seed, tmp_path_factory.mktemp("home"), unsolvable=unsolvable)

    return make


@pytest.mark.parametrize("unsolvable", [False, True])
def test_equal_seeds_make_equal_files_and_others_make_others(made, tmp_path, unsolvable):
    again = home.make(3, tmp_path, unsolvable=unsolvable)
    first, second, other = (
        (path.read_text(), path.with_suffix(".sdf").read_text())
        for path in (made(3, unsolvable=unsolvable), again, made(2, unsolvable=unsolvable))
    )
    assert first == second
    assert other[0] != first[0]
    assert other[1] != first[1]


@pytest.mark.parametrize("seed", range(4))
def test_a_home_has_a_scenario_whose_names_are_in_it(made, seed):
    file = load.load(made(seed))
    preparation.check(file)
    fetch, carry, put = file.scenario.script
    assert [step.skill for step in fetch.steps] == ["navigate", "find", "pick"]
    assert (carry.steps[0].skill, put.steps[0].skill) == ("carry", "place")
    world = World.load(file.scenario.world)
    goal = next(s for s in world.surfaces if s.name == put.steps[0].place)
    assert goal.place == carry.steps[0].place != fetch.steps[0].place


@pytest.mark.parametrize("seed", range(6))
def test_what_is_impossible_on_purpose_is_so_and_the_scenario_says_why(made, seed):
    file = load.load(made(seed, unsolvable=True))
    preparation.check(file)
    room, thing = file.scenario.script[0].steps[0].place, file.scenario.script[0].steps[2].object
    world = World.load(file.scenario.world)
    there = Home(world)
    place = next(p for p in world.places if p.name == room)
    if "door" in file.scenario.proves:
        assert f"The door of the {room} is 0.55 m wide" in file.scenario.proves
        assert there.no_way(place.x, place.y).startswith("no way to")
    else:
        assert f"The {thing} stands at the far edge" in file.scenario.proves
        assert there.no_way(place.x, place.y) == ""


def test_what_stands_in_the_way_unmapped_counts_too(tmp_path):
    """A crate in each doorway: the robot's map knows of none, and yet there is no way."""
    rng = np.random.default_rng(0)
    pieces = None
    while pieces is None:
        flat = rooms.draw(rng)
        pieces = furniture.furnish(flat, rng)
    crates = [
        furniture._at(furniture.Kind("crate", "unmapped_crate"), door.x, door.y, 0) for door in flat.doors
    ]
    places = home._places(flat, pieces)
    start = places["living room"]
    for more, ways in (((), 1), (crates, 0)):
        layout = sdf_file.Layout(flat, (*pieces, *more), places, start)
        world = sdf_file.write(tmp_path / "home.sdf", layout)
        assert not any("unmapped_crate" in solid.name for solid in world.solids)
        there = Home(world)
        reached = [place for place in ("kitchen", "bedroom") if there.no_way(*places[place][:2]) == ""]
        assert len(reached) == 2 * ways


def test_people_walk_from_room_to_room_in_the_same_home(made, tmp_path):
    alone = made(3).with_suffix(".sdf")
    path = home.make(3, tmp_path, people=2)
    file = load.load(path)
    preparation.check(file)
    text = path.with_suffix(".sdf").read_text()
    assert text.startswith(alone.read_text().partition('<frame name="place/')[0].rstrip())
    assert [c.touched for c in file.scenario.expect if hasattr(c, "touched")] == ["person_1", "person_2"]
    world = World.load(file.scenario.world)
    there = Home(world)
    people = [m for m in world_file.load(world.path).models if m.name.startswith("person_")]
    assert len(people) == 2
    for person in people:
        motion = WaypointMotion.of(person)
        assert motion.social
        near = (p.name for p in world.places for at in motion.waypoints if math.dist((p.x, p.y), at) < 0.3)
        assert len(set(near)) >= 3
        assert np.hypot(*(person.pose[:2, 3] - world.start[:2])) >= home.APART
        assert all(there.no_way(x, y) == "" for x, y in motion.waypoints)


def test_more_people_than_there_is_room_for_are_refused(tmp_path):
    with pytest.raises(InputError, match="there is room for"):
        home.make(3, tmp_path, people=20)
