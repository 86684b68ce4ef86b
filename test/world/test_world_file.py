"""Worlds without a robot or places: what they are given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from lxml import etree

from vla_sim.common import assets
from vla_sim.common.errors import InputError
from vla_sim.contract.records import ObjectQuery
from vla_sim.stages.safety.plan_check import PlanChecker
from vla_sim.world import world_file
from vla_sim.world.derived_world import derive
from vla_sim.world.semantic_map import World


def box(name: str, pose: str, size: str) -> str:
    return (
        f"<model name='{name}'><static>true</static><pose>{pose} 0 0 0</pose><link name='link'><collision "
        f"name='c'><geometry><box><size>{size}</size></box></geometry></collision></link></model>"
    )


ROOM = (
    "<include><uri>model://ground_plane</uri></include><include><uri>model://sun</uri></include>"
    + box("wall_n", "0 3 1", "8 0.1 2") + box("wall_s", "0 -3 1", "8 0.1 2")
    + box("wall_e", "4 0 1", "0.1 6 2") + box("wall_w", "-4 0 1", "0.1 6 2")
)  # fmt: skip
FURNITURE = (
    box("aws_robomaker_residential_KitchenTable_01", "2.5 2.2 0.375", "1.4 0.7 0.75")
    + box("Bed_01_001", "-2.8 1.8 0.25", "1.8 2 0.5") + box("Chandelier_01", "0 0 1.9", "0.5 0.5 0.2")
)  # fmt: skip


def write(folder: Path, inner: str, name: str = "home.sdf") -> str:
    (folder / name).write_text(f"<sdf version='1.10'><world name='home'>{inner}</world></sdf>")
    return str(folder / name)


def test_a_bare_world_gets_a_robot_on_free_floor_inside_of_its_walls(tmp_path: Path) -> None:
    world = world_file.load(write(tmp_path, ROOM))
    x, y, z = world.model("g1").pose[:3, 3]
    assert abs(x) < 3.5
    assert abs(y) < 2.5
    assert z == pytest.approx(0.79, abs=0.02)
    assert [light.name for light in world.lights] == ["sun"]


def test_places_are_in_front_of_what_stands_on_the_floor_and_named_by_it(tmp_path: Path) -> None:
    world = World.load(write(tmp_path, ROOM + FURNITURE))
    places = {place.name: place for place in world.places}
    assert set(places) == {"start", "kitchen table", "bed", "kitchen", "bedroom"}
    table = places["kitchen table"]
    ahead = np.array([2.5, 2.2]) - (table.x, table.y)
    assert np.hypot(*ahead) < 1.2
    assert np.cos(table.yaw - np.arctan2(ahead[1], ahead[0])) > 0.99
    assert (places["kitchen"].x, places["kitchen"].y) == (table.x, table.y)
    free = ~world.rasterise(0.05).occupied
    grid = world.rasterise(0.05)
    for place in world.places:
        row, column = int((place.y - grid.y0) / 0.05), int((place.x - grid.x0) / 0.05)
        assert free[row - 5 : row + 6, column - 5 : column + 6].all(), place.name
    assert [surface.name for surface in world.surfaces] == ["kitchen table"]


def test_navigation_finds_a_way_to_each_place(tmp_path: Path) -> None:
    """Also where the nearest spot in front of a thing is too narrow: between sofa and table are 0.72 m."""
    lounge = box("Sofa_01", "-1 -1 0.4", "2 0.9 0.8") + box("CoffeeTable_01", "-1 0.47 0.2", "1.2 0.6 0.4")
    world = World.load(write(tmp_path, ROOM + FURNITURE + lounge))
    reasons = PlanChecker(world).targets
    assert {"sofa", "living room", "coffee table", "bed", "kitchen table"} <= set(reasons)
    assert not any(reasons.values()), reasons


def test_a_robot_that_stands_close_to_something_has_places_all_the_same(tmp_path: Path) -> None:
    g1 = "<include><uri>model://g1</uri><name>g1</name><pose>0 2.65 0.79 0 0 0</pose></include>"
    world = World.load(write(tmp_path, ROOM + FURNITURE + g1))  # 0.30 m from the wall
    assert {"bed", "kitchen table"} <= {place.name for place in world.places}


def test_an_open_world_starts_at_its_origin_or_beside_what_stands_there(tmp_path: Path) -> None:
    empty = "<include><uri>https://fuel.gazebosim.org/1.0/OpenRobotics/models/Ground Plane</uri></include>"
    for inner, away in ((empty, 0.0), (empty + box("Pillar", "0 0 1", "0.4 0.4 2"), 0.5)):
        x, y = world_file.load(write(tmp_path, inner)).model("g1").pose[:2, 3]
        assert np.hypot(x, y) == pytest.approx(away, abs=0.3)


def test_links_of_one_model_are_things_of_their_own(tmp_path: Path) -> None:
    links = "".join(
        f"<link name='{name}'><pose>{pose} 0 0 0</pose><collision name='c'><geometry><box><size>1 0.6 0.8"
        "</size></box></geometry></collision></link>"
        for name, pose in (("Cafe_Table_1", "2 2 0.4"), ("Wall_7", "-2 2 0.4"))
    )
    world = World.load(write(tmp_path, f"{ROOM}<model name='home'><static>true</static>{links}</model>"))
    assert {place.name for place in world.places} == {"start", "cafe table"}


def test_the_floor_under_the_robot_carries_it(tmp_path: Path) -> None:
    world = world_file.load(write(tmp_path, ROOM + box("floor", "0 0 0.02", "8 6 0.04")))
    bare = world_file.load(write(tmp_path, ROOM, "bare.sdf"))
    assert world.model("g1").pose[2, 3] - bare.model("g1").pose[2, 3] == pytest.approx(0.04)


def test_a_side_file_says_where_the_robot_starts_and_what_places_are_called(tmp_path: Path) -> None:
    path = write(tmp_path, ROOM + FURNITURE)
    (tmp_path / "home.places.yaml").write_text(
        "places:\n  hall: [1, -1, 0.5]\n  sink: [2, 0, 0]\nforbidden: [[0, 0, -1, 1]]\n"
        "surfaces:\n  shelf: {x: 3.5, y: 0, length: 0.8, width: 0.3, height: 0.9}\n"
    )
    world = World.load(path)
    assert {place.name for place in world.places} == {"hall", "sink"}
    assert world.start == pytest.approx((1, -1, 0.5))
    assert world.forbidden == ((-1, 0, 0, 1),)
    assert "shelf" in {surface.name for surface in world.surfaces}


def test_a_surface_with_its_back_to_a_wall_belongs_to_the_room_that_it_stands_in(tmp_path: Path) -> None:
    path = write(
        tmp_path, ROOM + box("between", "0 0 1", "6 0.1 2") + box("low_board", "0 0.4 0.4", "1.2 0.6 0.8")
    )
    (tmp_path / "home.places.yaml").write_text(
        "places: {here: [0, 2.2, 0], there: [0, -0.8, 0]}\n"
        "surfaces: {board: {x: 0, y: 0.4, length: 0.6, width: 1.2, yaw: 1.5708, height: 0.8}}\n"
    )
    assert World.load(path).surfaces[0].place == "here"


@pytest.mark.parametrize("x", [-40.0, 40.0])
def test_a_surface_may_stand_beyond_all_that_the_world_has(tmp_path: Path, x: float) -> None:
    path = write(tmp_path, ROOM + FURNITURE)
    desk = f"surfaces: {{desk: {{x: {x}, y: 0, length: 1, width: 0.6, height: 0.7}}}}"
    for far, nearest in ((f", far: [{x}, 1, 0]", "far"), ("", "near")):
        (tmp_path / "home.places.yaml").write_text(f"places: {{near: [1, 0, 0]{far}}}\n{desk}\n")
        assert {s.name: s.place for s in World.load(path).surfaces}["desk"] == nearest


@pytest.mark.parametrize(
    "text", ["places: {hall: [1, 2]}\n", "names: [m17]\n", "plces: {}\n", "places: {\n", ""]
)
def test_a_bad_side_file_is_one_line(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, ROOM)
    (tmp_path / "home.places.yaml").write_text(text)
    with pytest.raises(InputError, match=r"home\.places\.yaml") as error:
        World.load(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["things: [m17]\n", "things: stapler\n", "things: ['']\n"])
def test_a_word_that_nobody_says_is_one_line(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, ROOM)
    (tmp_path / "home.places.yaml").write_text(text)
    with pytest.raises(InputError, match=r"home\.places\.yaml"):
        World.load(path)


def test_a_side_file_has_words_for_what_no_model_stands_for(tmp_path: Path) -> None:
    path = write(tmp_path, ROOM)
    assert World.load(path).words == ()
    (tmp_path / "home.places.yaml").write_text("things: [stapler, Toy car, stapler]\n")
    assert World.load(path).words == ("stapler", "toy car")


def test_the_judge_alone_knows_which_model_a_word_means(tmp_path: Path) -> None:
    text = Path(assets.find_world("tabletop")).read_text().replace("<name>blue_box<", "<name>m17<")
    path = write(tmp_path, "", "home.sdf")
    Path(path).write_text(text)
    (tmp_path / "home.places.yaml").write_text("things: {stapler: m17}\n")
    world = World.load(path)
    assert world.words == ("stapler",)
    assert [one.name for one in world.meant(ObjectQuery(kind="stapler"))] == ["m17"]
    assert [one.name for one in world.meant(ObjectQuery(kind="stapler", colour="blue"))] == ["m17"]
    assert world.meant(ObjectQuery(kind="stapler", colour="red")) == []
    assert [one.name for one in world.meant(ObjectQuery(kind="cup"))] == ["red_cup"]
    assert not any(ObjectQuery(kind="stapler").matches(one) for one in world.objects)


def test_a_side_file_without_places_leaves_them_to_be_found(tmp_path: Path) -> None:
    path = write(tmp_path, ROOM + FURNITURE)
    found = World.load(path).places
    (tmp_path / "home.places.yaml").write_text("names: {m17: green mug}\n")
    assert World.load(path).places == found


def test_a_world_that_has_both_is_left_as_it_is() -> None:
    from vla_sim.world.sdf import reader

    path = assets.find_world("tabletop")
    assert {f.name for f in world_file.load(path).frames} == {f.name for f in reader.load_world(path).frames}


def test_a_derived_world_has_robot_and_places_in_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GZ_SIM_RESOURCE_PATH", "")
    path = write(tmp_path, ROOM + FURNITURE)
    derived = derive(path, tmp_path / "run", light=0.5).real
    tree = etree.parse(derived)
    assert tree.findtext("world/include[name='g1']/uri") == "model://g1"
    assert {place.name for place in World.load(derived).places} == {p.name for p in World.load(path).places}
