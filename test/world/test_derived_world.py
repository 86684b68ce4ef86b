"""A derived world: what is added, taken away and changed, and nothing else."""

import math
from pathlib import Path

import pytest
from PIL import Image

from vla_sim.common.errors import InputError
from vla_sim.world.derived_world import Added, derive
from vla_sim.world.sdf import reader, resources
from vla_sim.world.semantic_map import World


def test_without_changes_it_is_the_shipped_world(tmp_path):
    found = derive("apartment", tmp_path / "run")
    assert (found.known, found.real) == ("apartment", "apartment")
    assert not (tmp_path / "run").exists()


def test_what_is_added_is_there_and_what_is_not_mapped_is_not_in_the_map(tmp_path):
    changes = [
        Added(model="crate", name="known", x=0.5, y=0.5, mapped=True),
        Added(model="crate", name="hidden", x=0.5, y=1.5),
        Added(model="red_ball", name="red_ball_b", x=4.1, y=-1.49, z=0.8),
    ]
    found = derive("apartment", tmp_path, add=changes)
    assert found.known == found.real
    tree, world = reader.load_world(found.known), World.load(found.known)
    assert {"known", "unmapped_hidden", "red_ball_b"} <= {m.name for m in tree.models}
    solids = {s.name.split("::")[0] for s in world.solids}
    assert "known" in solids
    assert "unmapped_hidden" not in solids


def test_what_is_taken_away_is_known_of_but_not_there(tmp_path):
    found = derive("apartment", tmp_path, remove=["red_cup"])
    assert "red_cup" in {m.name for m in reader.load_world(found.known).models}
    assert "red_cup" not in {m.name for m in reader.load_world(found.real).models}


def test_start_and_light_are_changed(tmp_path):
    found = derive("apartment", tmp_path, start=(1.0, 0.5, 90.0), light=0.5)
    assert World.load(found.known).start == pytest.approx((1.0, 0.5, math.pi / 2))
    before, after = reader.load_world(sdf_path("apartment")), reader.load_world(found.known)
    assert after.lights[0].diffuse[0] == pytest.approx(before.lights[0].diffuse[0] / 2, rel=1e-3)


@pytest.mark.parametrize("placed", [
    "", "<pose/>", "<pose relative_to='place/here' degrees='true'>1 2 0 0 0 30</pose>",
    "<placement_frame>right_tool</placement_frame><pose>0 0 1 0 0 0</pose>",
])  # fmt: skip
def test_a_robot_that_stands_anywhere_can_be_put_to_another_start(tmp_path, placed):
    path = tmp_path / "mine.sdf"
    path.write_text(
        "<sdf version='1.10'><world name='mine'><frame name='place/here'><pose>3 0 0 0 0 1</pose></frame>"
        f"<include><uri>model://g1</uri>{placed}</include></world></sdf>"
    )
    found = derive(str(path), tmp_path / "run", start=(1.0, 0.5, 90.0))
    assert World.load(found.known).start == pytest.approx((1.0, 0.5, math.pi / 2))
    height = reader.load_world(path).model("g1").pose[2, 3]
    assert reader.load_world(found.known).model("g1").pose[2, 3] == pytest.approx(height)


def sdf_path(name):
    return World.load(name).path


def test_someone_who_walks_is_carried_along_his_way(tmp_path):
    person = Added(model="person", name="person", x=1.9, y=0, walk=[(1.9, 1.0), (1.9, 0.0)], speed=0.5)
    found = derive("apartment", tmp_path, add=[person])
    model = next(m for m in reader.load_world(found.known).models if m.name == "person")
    assert not model.static
    assert any(p.name.endswith("TrajectoryFollower") for p in model.plugins)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"world_name": "castle"}, "no world 'castle'"),
        ({"add": [Added(model="dragon", x=0, y=0)]}, "no model 'dragon'; there are apartment_shell"),
        ({"add": [Added(model="red_cup", x=0, y=0)]}, "a model 'red_cup' is there already; give"),
        ({"remove": ["dragon"]}, "no model 'dragon' in this world; it has"),
    ],
)
def test_what_does_not_exist_is_said(tmp_path, changes, words):
    with pytest.raises(InputError, match=words):
        derive(**{"world_name": "apartment", "folder": tmp_path} | changes)


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot write the scenario's world"):
        derive("apartment", tmp_path / "file", light=0.5)


GAZEBO = """<sdf version='1.9'>
<!-- what Gazebo -- and nobody else -- reads -->
<world name='w'>
  <include><uri>model://sun</uri><name>noon</name><pose>0 0 7 0 0 0</pose></include>
  <include><uri>model://ground_plane</uri></include>
  <include><uri>box</uri><pose>2 0 0.5 0 0 0</pose></include>
</world></sdf>"""
BOX = """<sdf version='1.9'><model name='big_box'><static>true</static><link name='l'>
<collision name='c'><geometry><box><size>1 1 1</size></box></geometry></collision>
<visual name='v'><geometry><box><size>1 1 1</size></box></geometry></visual></link></model></sdf>"""


@pytest.fixture
def gazebo(tmp_path, monkeypatch):
    """A world as people write them for Gazebo, with a model beside it, in a folder of any name."""
    monkeypatch.setenv(resources.RESOURCE_PATH, "")
    folder = tmp_path / "Häuser 100%"
    (folder / "box").mkdir(parents=True)
    (folder / "box/model.sdf").write_text(BOX)
    (folder / "w.sdf").write_text(GAZEBO)
    return str(folder / "w.sdf")


def test_light_that_is_included_or_left_to_defaults_is_dimmed_too(gazebo, tmp_path):
    before, after = (
        reader.load_world(path) for path in (gazebo, derive(gazebo, tmp_path / "run", light=0.25).known)
    )
    (sun,), (dim,) = before.lights, after.lights
    assert (dim.name, dim.pose[2, 3]) == (sun.name, sun.pose[2, 3]) == ("noon", 7.0)
    for whole, quarter in (
        (sun.diffuse, dim.diffuse), (sun.specular, dim.specular), (before.ambient, after.ambient),
        (before.background, after.background),
    ):  # fmt: skip
        assert quarter[:3] == pytest.approx([0.25 * value for value in whole[:3]])


def test_a_texture_beside_the_world_is_seen_in_the_derived_one(gazebo, tmp_path):
    path = Path(gazebo)
    Image.new("RGB", (8, 8), (255, 0, 0)).save(path.parent / "red.png")
    material = "<material><pbr><metal><albedo_map>red.png</albedo_map></metal></pbr></material></visual>"
    inner = BOX[BOX.index("<model") : BOX.index("</sdf>")].replace("</visual>", material)
    path.write_text(GAZEBO.replace("</world>", f"{inner.replace('big_box', 'red')}</world>"))
    found = reader.load_world(derive(gazebo, tmp_path / "run", light=0.5).known).model("red")
    assert found.links[0].visuals[0].material.texture == path.parent / "red.png"


def test_a_model_is_taken_away_by_the_name_that_it_has_in_the_world(gazebo, tmp_path):
    found = derive(gazebo, tmp_path / "run", remove=["big_box"])
    assert "big_box" not in {m.name for m in reader.load_world(found.real).models}


def test_a_model_of_the_worlds_own_is_added_as_a_shipped_one_is(gazebo, tmp_path):
    found = derive(gazebo, tmp_path / "run", add=[Added(model="box", x=-2.0, y=0.0)])
    assert "unmapped_box_0" in {m.name for m in reader.load_world(found.known).models}
    assert {s.name.split("::")[0] for s in World.load(found.known).solids} == {"big_box"}


def test_a_model_from_the_users_folders_is_added(gazebo, tmp_path, monkeypatch):
    (tmp_path / "models/pot").mkdir(parents=True)
    (tmp_path / "models/pot/model.sdf").write_text(BOX)
    monkeypatch.setenv(resources.RESOURCE_PATH, str(tmp_path / "models"))
    found = derive("apartment", tmp_path / "run", add=[Added(model="pot", x=0.5, y=0.5, mapped=True)])
    assert "pot" in {m.name for m in reader.load_world(found.known).models}
