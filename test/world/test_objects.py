"""What can be picked up is known by whatever its model is called."""

import pytest

from vla_sim.contract.records import ObjectQuery
from vla_sim.world.colour_names import name_of
from vla_sim.world.objects import called
from vla_sim.world.semantic_map import World

MASS = "<inertial><mass>0.2</mass><inertia><ixx>1e-4</ixx><iyy>1e-4</iyy><izz>1e-4</izz></inertia></inertial>"
ROBOT = (
    f"<model name='g1'><pose>0 0 0.79 0 0 0</pose><link name='l'>{MASS}<collision name='c'><geometry><box>"
    "<size>0.1 0.1 0.1</size></box></geometry></collision></link></model>"
    "<frame name='place/here'><pose>0 0 0 0 0 0</pose></frame>"
)
CUP = "<cylinder><radius>0.03</radius><length>0.1</length></cylinder>"
GREEN = "<material><diffuse>0.1 0.6 0.1 1</diffuse></material>"


def thing(name, *collisions, colour="", joints=""):
    """collisions: (pose, geometry)."""
    parts = "".join(
        f"<collision name='c{i}'><pose>{pose}</pose><geometry>{geometry}</geometry></collision>"
        for i, (pose, geometry) in enumerate(collisions)
    )
    shown = f"<visual name='v'><geometry>{collisions[0][1]}</geometry>{colour}</visual>" if collisions else ""
    return f'<model name="{name}"><pose>1 0 1 0 0 0</pose><link name="l">{MASS}{parts}{shown}</link></model>'


def load(folder, *models, notes=""):
    path = folder / "home.sdf"
    path.write_text(f"<sdf version='1.10'><world name='w'>{ROBOT}{''.join(models)}</world></sdf>")
    if notes:
        (folder / "home.places.yaml").write_text(notes)
    return World.load(str(path)).objects


@pytest.mark.parametrize(
    ("name", "kind", "colour"),
    [
        ("red_cup", "cup", "red"), ("red_cup(1)", "cup", "red"), ("red cup", "cup", "red"),
        ("Red_Cup", "cup", "red"), ("RedCup_2", "cup", "red"), ("red_coffee_cup", "coffee cup", "red"),
        ("cup_red", "cup", "red"), ("gray-box", "box", "grey"), ("Gr\u00fcne Tasse", "gr\u00fcne tasse", ""),
        ("model_7", "thing", ""), ("m17", "thing", ""), ("42", "thing", ""),
    ],
)  # fmt: skip
def test_what_a_name_says(name, kind, colour):
    assert called(name) == (kind, colour)


@pytest.mark.parametrize("name", ["red_cup(1)", "red cup", "Red_Cup", "red_coffee_cup"])
def test_a_cup_is_a_cup_whatever_its_model_is_called(name, tmp_path):
    (one,) = load(tmp_path, thing(name, ("0 0 0 0 0 0", CUP)))
    assert (one.name, one.shape) == (name, "cylinder")
    assert ObjectQuery(kind="cup", colour="red").matches(one)
    assert not ObjectQuery(kind="box").matches(one)


def test_a_coffee_cup_is_a_cup_and_a_cup_is_no_coffee_cup(tmp_path):
    coffee, plain = load(
        tmp_path, thing("red_coffee_cup", ("0 0 0 0 0 0", CUP)), thing("red_cup", ("0 0 0 0 0 0", CUP))
    )
    assert ObjectQuery(kind="cup").matches(coffee)
    assert not ObjectQuery(kind="coffee cup").matches(plain)


def test_the_side_file_says_what_people_call_it(tmp_path):
    (one,) = load(tmp_path, thing("m17", ("0 0 0 0 0 0", CUP)), notes="names: {m17: green mug}")
    assert (one.name, one.kind, one.colour) == ("m17", "mug", "green")


def test_without_a_name_it_is_a_thing_of_the_colour_that_it_has(tmp_path):
    (one,) = load(tmp_path, thing("m17", ("0 0 0 0 0 0", CUP), colour=GREEN))
    assert (one.kind, one.colour, one.traits) == ("thing", "green", ("tall",))


def test_its_colour_is_that_of_its_largest_part(tmp_path):
    knob = "<visual name='k'><geometry><sphere><radius>0.02</radius></sphere></geometry>"
    knob += "<material><diffuse>0.8 0.1 0.1 1</diffuse></material></visual></link>"
    jar = "<box><size>0.1 0.1 0.12</size></box>"
    (one,) = load(tmp_path, thing("m17", ("0 0 0 0 0 0", jar), colour=GREEN).replace("</link>", knob))
    assert one.colour == "green"


@pytest.mark.parametrize(("lid", "jar", "colour"), [(0.02, 0.1, "green"), (0.1, 0.02, "red")])
def test_the_colour_of_a_mesh_is_that_of_its_largest_part(tmp_path, lid, jar, colour):
    pytest.importorskip("trimesh")
    (tmp_path / "a.mtl").write_text("newmtl lid\nKd 0.8 0.1 0.1\nnewmtl jar\nKd 0.1 0.6 0.1\n")
    lines, faces = ["mtllib a.mtl"], ((0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3))
    for k, (name, size) in enumerate((("lid", lid), ("jar", jar))):
        lines += [f"usemtl {name}", "v 0 0 0", f"v {size} 0 0", f"v 0 {size} 0", f"v 0 0 {size}"]
        lines += [f"f {' '.join(str(4 * k + i + 1) for i in face)}" for face in faces]
    (tmp_path / "a.obj").write_text("\n".join(lines))
    mesh = ("0 0 0 0 0 0", "<mesh><uri>a.obj</uri></mesh>")
    (one,) = load(tmp_path, thing("m17", mesh))
    assert one.colour == colour


def test_what_is_as_large_as_furniture_is_none(tmp_path):
    chair = ("0 0 0 0 0 0", "<box><size>0.4 0.4 0.8</size></box>")
    assert load(tmp_path, thing("chair", chair)) == ()
    assert [one.kind for one in load(tmp_path, thing("red_chair", chair))] == ["chair"]


@pytest.mark.parametrize(
    ("collisions", "shape"),
    [
        ([("0 0 0 0 0 0", CUP)], "cylinder"),
        ([("0 0 0 1.5708 0 0", CUP)], "other"),  # lying
        ([("0 0 0 0 0 0", CUP), ("0.045 0 0 0 0 0", "<box><size>0.03 0.01 0.06</size></box>")], "other"),
        ([("0 0 0 0 0 0", CUP), ("0 0 0.07 0 0 0", "<box><size>0.02 0.02 0.04</size></box>")], "cylinder"),
        ([("0 0 0 0 0 0", "<sphere><radius>0.03</radius></sphere>")], "sphere"),
    ],
)  # fmt: skip
def test_a_shape_is_that_of_an_upright_primitive_or_none(collisions, shape, tmp_path):
    (one,) = load(tmp_path, thing("blue_mug", *collisions))
    assert one.shape == shape


def test_every_colour_of_a_material_is_named_or_not():
    assert [name_of(rgb) for rgb in ((0.9, 0.05, 0.05, 1), (0.1, 0.1, 0.9), (2.0, 2.0, 2.0))] == [
        "red", "blue", "white",
    ]  # fmt: skip
