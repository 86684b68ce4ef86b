"""The map of a run: the world's fixed things, what the scenario added and put elsewhere, who walked."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from report_records import Page, page, record

from vla_sim.contract.vocabulary import COLOURS
from vla_sim.report.map_sheet import Plan
from vla_sim.scenario.record import AddedModel, Outline, Put
from vla_sim.scenario.report.run_map import PAINT, closest_approach, paint, run_map, ways_map
from vla_sim.world.occupancy_grid import shadow
from vla_sim.world.semantic_map import World
from vla_sim.world.solids import Solid
from vla_sim.world.world_file import OBSTACLE_HEIGHTS

SQUARE = [(0.9, 0.5), (1.2, 0.5), (1.2, 0.8), (0.9, 0.8)]
CRATE = AddedModel(name="crate_a", x=1.05, y=0.65, outlines=[Outline(corners=SQUARE)])
PERSON = AddedModel(
    name="person", x=1.0, y=2.0, outlines=[Outline(corners=[(1.0, 2.0)], radius=0.2)],
    walk=[(1.0, -1.0), (1.0, 2.0)], track=[(float(t), 1.0, 2.0 - 0.5 * t) for t in range(7)],
)  # fmt: skip


@cache
def plan():
    return Plan.of("plan-0", World.load("apartment"))


def drawn(**changes):
    return Page(run_map(record(**changes), plan()))


def size(one):
    """(width, height) [px] of a polygon."""
    return np.ptp([[float(v) for v in p.split(",")] for p in one["points"].split()], axis=0)


# --------------------------------------------------------------------------- the world


def test_a_plan_holds_all_of_a_world():
    plan = Plan.of("plan-0", World.load("apartment"))
    x0, y0, x1, y1 = plan.box
    assert all(x0 < p.x < x1 and y0 < p.y < y1 for p in plan.world.places)
    drawn = plan.draw()
    high = [s for s in plan.world.solids if shadow(s, OBSTACLE_HEIGHTS[0], 9.0) is not None]
    assert drawn.count('class="wall"') + drawn.count('class="thing"') == len(high) > 80
    assert drawn.count('class="keep-out"') == len(plan.world.forbidden)


def test_what_is_over_the_robots_head_or_under_its_feet_is_not_in_its_way():
    floor = Solid("floor", "box", pose(-0.05), (9.0, 9.0, 0.1))
    walls = [Solid(name, "box", pose(z), (1.0, 1.0, 0.2)) for name, z in (("lamp", 2.5), ("bench", 0.3))]
    tall = Solid("pillar", "cylinder", pose(1.0), (0.2, 2.0, 0.0))
    plan = Plan.of(
        "plan-0", World("w", Path("w.sdf"), (0.0, 0.0, 0.0), (), (), (), (floor, *walls, tall), ())
    )
    assert [s.tall for s in plan.shadows] == [False, True]


def pose(z):
    out = np.eye(4)
    out[2, 3] = z
    return out


def test_every_colour_that_an_object_can_have_is_drawn():
    assert set(PAINT) == set(COLOURS)
    assert paint("gray_box") == paint("grey_box")


# --------------------------------------------------------------------------- what the scenario added


def test_an_added_model_has_its_outline_to_scale_and_its_name():
    found = drawn(added=[CRATE])
    (outline,) = found.all("polygon", "added")
    scale = 640 / (plan().box[2] - plan().box[0]), 540 / (plan().box[3] - plan().box[1])
    assert size(outline) == pytest.approx(np.full(2, 0.3 * min(scale)), abs=0.2)
    assert "crate a" in found.text


def test_what_the_robots_map_lacks_is_told_apart_from_what_it_has():
    known = AddedModel(name="stool", x=1.05, y=0.65, mapped=True, outlines=[Outline(corners=SQUARE)])
    assert len(drawn(added=[CRATE, known]).all("polygon", "added")) == 2
    assert len(drawn(added=[CRATE, known]).all("polygon", "unmapped")) == 1
    assert "dashed edge where the robot's map lacks it" in page(record(added=[CRATE])).text


def test_a_run_without_additions_says_nothing_of_them():
    found = page(record())
    assert not found.all("polygon", "added")
    assert "the scenario added" not in found.text


def test_a_person_is_where_the_robot_came_nearest_on_the_way_that_he_walked():
    way = [(0.5 * k, 0.0, 0.0) for k in range(13)]
    stamp, person, robot = closest_approach(PERSON, way)
    assert (stamp, person, robot) == (4.0, (1.0, 0.0), (0.0, 0.0))
    found = drawn(added=[PERSON], path=way)
    (body,) = found.all("circle", "added")
    (track,) = found.all("polyline", "track")
    assert len(found.all("circle", "waypoint")) == 2
    assert f"{body['cx']},{body['cy']}" == track["points"].split()[4]
    assert "person at 4.0 s" in found.text


def test_a_person_whose_track_nobody_kept_stands_at_the_start_of_the_way_that_was_planned():
    found = drawn(added=[AddedModel(name="person", x=1.0, y=2.0, outlines=PERSON.outlines, walk=PERSON.walk)])
    assert len(found.all("polygon", "track")) == 1
    assert len(found.all("circle", "added")) == 1
    assert "person at" not in found.text


def test_an_added_object_is_a_dot_with_its_name():
    box = AddedModel(name="blue_box", x=1.0, y=0.0, outlines=[Outline(corners=SQUARE)])
    assert not drawn(added=[box]).all("polygon", "added")
    assert drawn(added=[box]).text.count("blue box") == 2  # in the dot's title, and in words
    assert drawn().text.count("blue box") == 1


def test_an_addition_outside_the_walls_widens_the_map():
    far = [(x + 20.0, y) for x, y in SQUARE]
    found = drawn(added=[AddedModel(name="crate", x=21.05, y=0.65, outlines=[Outline(corners=far)])])
    (outline,) = found.all("polygon", "added")
    width = float(found.all("svg")[0]["viewbox"].split()[2])
    assert all(0 < float(p.split(",")[0]) < width for p in outline["points"].split())


def test_the_ways_of_many_runs_show_what_was_added_to_all():
    runs = [record(seed=k, added=[CRATE, PERSON]) for k in range(3)]
    found = Page(ways_map(runs, [], plan()))
    assert len(found.all("polygon", "added")) == 1
    assert len(found.all("circle", "added")) == 1
    assert "crate a" in found.text


def test_numbers_that_are_none_do_not_break_an_addition():
    nan = float("nan")
    odd = AddedModel(
        name="odd", x=nan, y=0.0, outlines=[Outline(corners=[(nan, 1e300)], radius=nan), Outline(corners=[])],
        walk=[(nan, 0.0)], track=[(nan, nan, nan)] * 3,
    )  # fmt: skip
    half = AddedModel(name="half", x=0.0, y=0.0, outlines=odd.outlines, walk=odd.walk, track=odd.track)
    put = Put(stamp=1.0, object="red_cup", to=(nan, 0.0, 0.0))
    assert "nan" not in run_map(record(added=[odd, half], puts=[put]), plan())


# --------------------------------------------------------------------------- what the script put elsewhere


def test_where_the_script_put_an_object_is_marked_with_its_time():
    found = drawn(puts=[Put(stamp=3.25, object="red_cup", to=(4.2, -1.4, 0.8))])
    assert len(found.all("polygon", "put")) == 1
    assert len(found.all("line", "put-way")) == 1
    assert "put here at 3.2 s" in found.text
    told = page(record(puts=[Put(stamp=3.25, object="red_cup", to=(4.2, -1.4, 0.8))])).text
    assert "Diamonds are where the script put things: red cup." in told
