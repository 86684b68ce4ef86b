"""A record tells what its scenario added: as it is in the simulated world, and where it went."""

import math
from pathlib import Path

import pytest
from test_checks import truth

from vla_sim.common.errors import InputError
from vla_sim.scenario.format import Scenario, Type
from vla_sim.scenario.preparation import changed_world
from vla_sim.scenario.record import Outline
from vla_sim.scenario.result import added_models
from vla_sim.world.derived_world import Added, named
from vla_sim.world.semantic_map import World


def told(folder, *added, truths=(), **changes):
    scenario = Scenario(
        version=1, proves="what the test says", script=[Type(words="stop")], add=list(added), **changes
    )
    return added_models(scenario, Path(World.load(changed_world(scenario, folder).real).path), list(truths))


def walking(stamp, x):
    """The truth with a person at (x, 1)."""
    seen = truth(stamp)
    return type(seen)(**{f: getattr(seen, f) for f in seen.__struct_fields__}
                      | {"movers": {"person": (x, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0)}})  # fmt: skip


def test_a_crate_that_no_map_knows_has_the_outline_that_it_has_in_the_world(tmp_path):
    (crate,) = told(tmp_path, Added(model="crate", x=1.0, y=0.5, yaw=90))
    assert (crate.name, crate.x, crate.y, crate.mapped) == ("crate", 1.0, 0.5, False)
    corners = [c for outline in crate.outlines for c in outline.corners]
    assert corners
    assert all(0.1 < math.dist(c, (1.0, 0.5)) < 0.5 for c in corners)


def test_a_person_has_his_waypoints_and_where_he_was_each_second(tmp_path):
    person = Added(model="person", name="person", x=2.0, y=1.0, walk=[(2.0, 1.0), (4.0, 1.0)], speed=0.5)
    truths = [walking(7.0 + 0.25 * k, 2.0 + 0.125 * k) for k in range(10)]
    (found,) = told(tmp_path, person, truths=truths)
    assert found.outlines == [Outline(corners=[(2.0, 1.0)], radius=pytest.approx(0.2))]
    assert found.walk == [(2.0, 1.0), (4.0, 1.0)]
    assert found.track == [(0.0, 2.0, 1.0), (1.0, 2.5, 1.0), (2.0, 3.0, 1.0)]


def test_names_are_those_of_the_truth_and_of_the_scenario(tmp_path):
    found = told(
        tmp_path, Added(model="green_cup", x=4.1, y=-1.49, z=0.8),
        Added(model="crate", name="a", x=0, y=1.0), Added(model="stool", name="b", x=0, y=1.5, mapped=True),
    )  # fmt: skip
    assert [(one.name, one.mapped) for one in found] == [("green_cup", False), ("a", False), ("b", True)]


def test_what_was_taken_away_again_is_not_told(tmp_path):
    ball = Added(model="red_ball", name="ball", x=4.1, y=-1.49, z=0.8)
    assert told(tmp_path, ball, remove=["ball"]) == []


def test_a_world_is_named_so_that_it_is_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(World.load("apartment").path.parent)
    assert named("apartment") == "apartment"
    (tmp_path / "mine.sdf").write_text("")
    monkeypatch.chdir(tmp_path)
    assert named("mine.sdf") == str(tmp_path / "mine.sdf")


def test_a_model_with_a_name_too_long_for_a_file_is_no_model(tmp_path):
    with pytest.raises(InputError, match=r"no model 'x{300}'; there are"):
        told(tmp_path, Added(model="x" * 300, x=1.0, y=0.5))
