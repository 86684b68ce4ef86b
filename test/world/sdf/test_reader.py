"""SDF in, tree out: poses, includes, frames, warnings and errors."""

from __future__ import annotations

import math
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vla_sim.common.errors import SdfError
from vla_sim.common.geometry import rotation_from_rpy, transform
from vla_sim.world.sdf import elements, reader, resources
from vla_sim.world.sdf.values import SdfWarning

BOX = "<collision name='c'><geometry><box><size>1 2 3</size></box></geometry></collision>"
INERTIAL = "<inertial><inertia><ixx>1</ixx></inertia></inertial>"
LINK = f"<link name='l'>{INERTIAL}{BOX}</link>"
SENSOR = f"<link name='l'>{INERTIAL}<sensor name='s' type='camera'>{{}}</sensor></link>"


def model(inner: str, attributes: str = "") -> elements.Model:
    return reader.loads(f"<sdf version='1.10'><model name='m' {attributes}>{inner}</model></sdf>").models[0]


def world(inner: str) -> elements.World:
    found = reader.loads(f"<sdf version='1.10'><world name='w'>{inner}</world></sdf>").world
    assert found is not None
    return found


def test_world_frame_gives_a_place() -> None:
    w = world("<frame name='place/kitchen'><pose degrees='true'>1 2 0 0 0 90</pose></frame>")
    pose = w.frame_pose("place/kitchen")
    assert pose[:3, 3] == pytest.approx([1, 2, 0])
    assert pose[:3, 0] == pytest.approx([0, 1, 0])


def test_relative_to_chains_over_frames_and_models() -> None:
    w = world(
        "<frame name='a'><pose>1 0 0 0 0 1.5707963</pose></frame>"
        "<frame name='b' attached_to='a'><pose>1 0 0 0 0 0</pose></frame>"
        f"<model name='m'><pose relative_to='b'>0 0 5 0 0 0</pose>{LINK}</model>"
    )
    assert w.frame_pose("b")[:3, 3] == pytest.approx([1, 1, 0])
    assert w.frame_pose("m::l")[:3, 3] == pytest.approx([1, 1, 5])


def test_joint_defaults_to_its_child_and_axis_may_be_expressed_elsewhere() -> None:
    m = model(
        f"{LINK}<link name='arm'><pose>0 0 1 0 0 1.57079632679</pose></link>"
        "<joint name='j' type='revolute'><parent>l</parent><child>arm</child>"
        "<axis><xyz expressed_in='__model__'>1 0 0</xyz><limit><lower>-1</lower><upper>2</upper>"
        "<effort>5</effort></limit><dynamics><damping>0.5</damping></dynamics></axis></joint>"
    )
    joint = m.joint("j")
    assert joint.pose_in_parent[:3, 3] == pytest.approx([0, 0, 1])
    assert joint.pose_in_child == pytest.approx(np.eye(4))
    assert joint.axis is not None
    assert joint.axis.xyz == pytest.approx((0, -1, 0), abs=1e-9)
    assert (joint.axis.lower, joint.axis.upper, joint.axis.effort, joint.axis.damping) == (-1, 2, 5, 0.5)


@pytest.mark.parametrize(
    ("version", "said", "expected"),
    [
        ("1.4", "", (0, 0, 1)),
        ("1.5", "", (0, 1, 0)),
        ("1.6", "false", (0, 1, 0)),
        ("1.5", "true", (0, 0, 1)),
        ("1.6", "1", (0, 0, 1)),
        ("1.7", "true", (0, 1, 0)),
    ],
)
def test_the_axis_of_an_older_file_is_in_the_frame_that_its_version_means(version, said, expected):
    """A wheel that lies on its side, as most robots of Gazebo classic have theirs."""
    tag = f"<use_parent_model_frame>{said}</use_parent_model_frame>" if said else ""
    text = (
        f"<sdf version='{version}'><model name='m'>{LINK}"
        f"<link name='wheel'><pose>0 0 0 -1.57079632679 0 0</pose>{INERTIAL}</link>"
        "<joint name='j' type='revolute'><parent>l</parent><child>wheel</child>"
        f"<axis><xyz>0 1 0</xyz>{tag}</axis></joint></model></sdf>"
    )
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        axis = reader.loads(text).models[0].joint("j").axis
    assert axis is not None
    assert axis.xyz == pytest.approx(expected, abs=1e-9)
    assert bool(noted) is (version == "1.7")


def test_frame_knows_the_link_it_moves_with() -> None:
    m = model(
        f"{LINK}<link name='hand'><pose>1 0 0 0 0 0</pose></link>"
        "<frame name='inner' attached_to='hand'><pose>0 1 0 0 0 0</pose></frame>"
        "<frame name='tool' attached_to='inner'><pose>0 0 1 0 0 0</pose></frame>"
    )
    assert m.frame_link("tool") == "hand"
    link, pose = m.in_link("tool")
    assert (link, pose[:3, 3].tolist()) == ("hand", [0, 1, 1])
    assert m.frame_pose("tool")[:3, 3] == pytest.approx([1, 1, 1])


def test_nested_model_keeps_its_scope() -> None:
    m = model(f"{LINK}<model name='inner'><pose>0 0 2 0 0 0</pose>{LINK}</model>")
    assert m.frame_pose("inner::l")[:3, 3] == pytest.approx([0, 0, 2])
    assert [name for name, _, _ in m.walk()] == ["m", "m::inner"]


def test_placement_frame_puts_that_frame_at_the_pose() -> None:
    w = world(
        f"<model name='m' placement_frame='top'><pose>0 0 1 0 0 0</pose>{LINK}"
        "<frame name='top'><pose>0 0 0.4 0 0 0</pose></frame></model>"
    )
    assert w.model("m").pose[:3, 3] == pytest.approx([0, 0, 0.6])
    assert w.frame_pose("m::top")[:3, 3] == pytest.approx([0, 0, 1])


def test_include_renames_moves_and_fixes(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "cup"
    folder.mkdir(parents=True)
    (folder / "model.sdf").write_text(f"<sdf version='1.10'><model name='cup'>{LINK}</model></sdf>")
    file = tmp_path / "w.sdf"
    file.write_text(
        "<sdf version='1.10'><world name='w'><include><uri>model://cup</uri><name>my_cup</name>"
        "<pose>1 0 0 0 0 0</pose><static>true</static></include></world></sdf>"
    )
    cup = reader.load_world(file).model("my_cup")
    assert cup.static
    assert cup.pose[0, 3] == 1
    assert (cup.directory, cup.where.line) == (folder, 1)


def test_sensors_geometries_and_surfaces_are_read() -> None:
    m = model(
        "<link name='l'><collision name='c'><geometry><capsule><radius>0.1</radius><length>2</length>"
        "</capsule></geometry><surface><friction><ode><mu>0.7</mu></ode><torsional><coefficient>0.5</coefficient>"
        "<patch_radius>0.02</patch_radius></torsional></friction><contact><collide_bitmask>0x0F"
        "</collide_bitmask></contact></surface></collision>"
        "<sensor name='cam' type='rgbd_camera'><pose>1 0 0 0 0 0</pose><camera><horizontal_fov>1.2"
        "</horizontal_fov><image><width>32</width><height>24</height></image><clip><near>0.2</near><far>4</far>"
        "</clip></camera></sensor>"
        "<sensor name='scan' type='gpu_lidar'><lidar><scan><horizontal><samples>8</samples>"
        "<min_angle>-1</min_angle><max_angle>1</max_angle></horizontal></scan><range><min>0.1</min>"
        "<max>9</max></range><noise><type>gaussian</type><stddev>0.01</stddev></noise></lidar></sensor></link>"
    )
    collision = m.links[0].collisions[0]
    assert (collision.geometry.shape, collision.geometry.size) == ("capsule", (0.1, 2.0))
    surface = collision.surface
    assert (surface.mu, surface.torsional, surface.patch_radius) == (0.7, 0.5, 0.02)
    assert surface.collide_bitmask == 15
    camera, lidar = m.sensors()[0].camera, m.sensors()[1].lidar
    assert camera is not None
    assert (camera.width, camera.depth_far) == (32, 4.0)
    assert lidar is not None
    assert (lidar.columns, lidar.rows, lidar.noise.stddev) == (8, 1, 0.01)
    assert m.frame_pose("cam")[0, 3] == 1


def test_plugin_parameters_come_as_a_tree() -> None:
    plugin = model(f"{LINK}<plugin filename='f' name='n'><way><p>1 2</p><p>3 4</p></way></plugin>").plugins[0]
    assert [p.text for p in plugin.tag.all("way")[0].all("p")] == ["1 2", "3 4"]
    assert plugin.tag.get("absent", "x") == "x"


def test_each_kind_of_unsupported_element_is_named_once_with_its_line() -> None:
    with pytest.warns(SdfWarning) as seen:
        world("\n<population name='p'/>\n<population name='q'/>\n<road name='r'/>")
    messages = [str(w.message) for w in seen]
    assert messages == [
        "inline.sdf:2: <population> in <world> is not supported and is left out: nothing stands there "
        "(and 1 more)",
        "inline.sdf:4: <road> in <world> is not supported and is left out: no road is drawn",
    ]


def test_the_shipped_files_give_no_warning() -> None:
    from vla_sim.common import assets

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for path in sorted(assets.share_folder("worlds").glob("*.sdf")):
            reader.load_world(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<sdf version='1.10'><model", "inline.sdf:1: is not well-formed XML"),
        ("<urdf/>", "the root is <urdf>; it must be <sdf version='1.10'>"),
        ("<sdf version='2.0'/>", "the SDF version is '2.0'; it must be 1.4 to 1.12"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><sdf version='1.10'/>", "has a DOCTYPE, which is refused"),
    ],
)
def test_a_broken_file_is_one_error_with_file_and_line(text: str, message: str) -> None:
    with pytest.raises(SdfError) as error:
        reader.loads(text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("inner", "message"),
    [
        ("<link name='l'><pose>1 2</pose></link>", "<pose> is '1 2'; it must be 6 finite number(s)"),
        ("<link name='l'><pose>nan 0 0 0 0 0</pose></link>", "must be 6 finite number(s)"),
        (
            "<link name='l'><pose relative_to='x'>0 0 0 0 0 0</pose></link>",
            "'x' is not a frame here; known are l",
        ),
        (LINK + LINK, "the name 'l' is used twice"),
        ("", "model 'm' has no link"),
        (
            f"{LINK}<joint name='j' type='rope'><parent>l</parent><child>l</child></joint>",
            "has the type 'rope'; it must be one of fixed, revolute",
        ),
        (
            f"{LINK}<joint name='j' type='fixed'><parent>l</parent><child>k</child></joint>",
            "'k' is not a frame here",
        ),
        (f"{LINK}<joint name='j' type='fixed'><parent>l</parent></joint>", "joint 'j' has no <child>"),
        ("<link name='l'><inertial><mass>-1</mass></inertial></link>", "mass -1.0 with principal inertia"),
        (
            "<link name='l'><inertial><inertia><ixx>9</ixx></inertia></inertial></link>",
            "no moment may exceed the sum of the others",
        ),
        ("<link name='l'><collision name='c'/></link>", "has no <geometry>"),
        (
            "<link name='l'><collision name='c'><geometry><sphere><radius>-1</radius></sphere></geometry>"
            "</collision></link>",
            "<radius> is '-1'; it must be positive",
        ),
        ("<include><uri>model://nowhere</uri></include>", "model://nowhere was not found; looked in"),
        ("<include><uri>https://example.org/a</uri></include>", "cannot be fetched; use model://"),
        (f"{LINK}<static>perhaps</static>", "<static> is 'perhaps'; it must be true or false"),
        (
            f"{LINK}<frame name='a'><pose relative_to='b'/></frame>"
            "<frame name='b'><pose relative_to='a'/></frame>",
            "poses refer to each other in a loop",
        ),
        (
            f"<model name='n'><pose relative_to='a'/>{LINK}</model><frame name='a' attached_to='n::l'/>",
            "poses refer to each other in a loop: n -> a -> n::l -> n",
        ),
    ],
)
def test_a_bad_model_says_what_is_allowed(inner: str, message: str) -> None:
    with pytest.raises(SdfError) as error:
        model(inner)
    assert str(error.value).startswith("inline.sdf:1: ")
    assert message in str(error.value)


def test_an_inertia_that_no_body_can_have_is_taken_from_the_shape_or_matters_not_at_all() -> None:
    wrong = "<inertial><mass>6</mass><inertia><ixx>0</ixx></inertia></inertial>"
    with pytest.warns(SdfWarning, match="an inertia that no body can have: that of its collisions is taken"):
        w = world(f"<model name='m'><link name='l'>{wrong}{BOX}</link></model>")
    inertial = w.model("m").links[0].inertial
    assert inertial.mass == 6
    assert np.diag(inertial.inertia) == pytest.approx([6.5, 5, 2.5])
    assert world(f"<model name='m'><static>1</static><link name='l'>{wrong}</link></model>").model("m").static


def test_a_shell_around_fixed_models_is_fixed() -> None:
    inner = f"<model name='inner'><static>true</static>{LINK}</model>"
    assert model(inner).static
    assert not model(inner + LINK).static
    assert not model(inner + f"<model name='loose'>{LINK}</model>").static


def test_a_comment_may_hold_what_gazebo_lets_it_hold() -> None:
    with pytest.raises(SdfError, match=r"inline\.sdf:3: <pose>"):
        model(f"<!-- gz service --reqtype\n a -->\n<pose>1</pose>{LINK}")


def test_a_file_that_includes_itself_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "m.sdf"
    file.write_text("<sdf version='1.10'><model name='m'><include><uri>m.sdf</uri></include></model></sdf>")
    with pytest.raises(SdfError, match="includes itself"):
        reader.load(file)


def test_a_model_is_read_once_until_its_file_changes_and_warns_each_time(tmp_path: Path) -> None:
    (tmp_path / "world.sdf").write_text(
        "<sdf version='1.10'><world name='w'><include><uri>m.sdf</uri></include>"
        "<include><name>n</name><uri>m.sdf</uri><pose>1 0 0 0 0 0</pose></include></world></sdf>"
    )
    file = tmp_path / "m.sdf"
    for size in ("1 2 3", "4 5 6"):
        inner = LINK.replace("1 2 3", size) + "<road name='r'/>"
        file.write_text(f"<sdf version='1.10'><model name='m'>{inner}</model></sdf>")
        for _ in range(2):
            with pytest.warns(SdfWarning, match=r"<road> in <model> .* \(and 1 more\)"):
                first, second = reader.load_world(tmp_path / "world.sdf").models
            assert first.links is second.links
            assert (first.name, second.name, second.pose[0, 3]) == ("m", "n", 1.0)
            assert first.links[0].collisions[0].geometry.size == tuple(map(float, size.split()))


def test_includes_that_double_at_each_level_are_refused_at_once(tmp_path: Path) -> None:
    for i in range(16):
        (tmp_path / f"b{i}").mkdir()
        inner = "".join(f"<include><name>m{k}</name><uri>../b{i + 1}</uri></include>" for k in range(4))
        inner = inner if i < 15 else "<link name='l'/>"
        text = f"<sdf version='1.10'><model name='b'>{inner}</model></sdf>"
        (tmp_path / f"b{i}" / "model.sdf").write_text(text)
    began = time.process_time()
    with pytest.raises(SdfError, match="there are more than 1000 includes in all"):
        reader.load(tmp_path / "b0" / "model.sdf")
    assert time.process_time() - began < 10.0


def test_too_many_elements_are_refused() -> None:
    many = "<visual name='v'/>" * (reader.MOST_ELEMENTS + 1)
    with pytest.raises(SdfError, match="there are more than 200000 elements in all"):
        reader.loads(f"<sdf version='1.10'><model name='m'><link name='l'>{many}</link></model></sdf>")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "model.sdf").touch()
    with (tmp_path / "model.sdf").open("wb") as file:
        file.truncate(20_000_000_000)
    with pytest.raises(SdfError, match=r"model\.sdf:0: is larger than 20 MB"):
        reader.load_model(tmp_path)


def test_a_model_uri_does_not_leave_the_folders_of_models(tmp_path: Path) -> None:
    for folder in ("models/cup", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "model.sdf").write_text(
            f"<sdf version='1.10'><model name='m'>{LINK}</model></sdf>"
        )
    file = tmp_path / "world.sdf"
    for uri, left in (("model://cup", False), ("model://../elsewhere", True)):
        file.write_text(
            f"<sdf version='1.10'><world name='w'><include><uri>{uri}</uri></include></world></sdf>"
        )
        if left:
            with pytest.raises(SdfError, match="leaves the folders of models"):
                reader.load(file, [tmp_path / "models"])
        else:
            assert reader.load(file, [tmp_path / "models"]).world is not None


def test_a_missing_file_is_an_sdf_error() -> None:
    with pytest.raises(SdfError, match="cannot be read"):
        reader.load("/nowhere.sdf")


Coordinates = st.tuples(*[st.floats(-10, 10)] * 3, *[st.floats(-math.pi, math.pi)] * 3)


@settings(max_examples=50, deadline=None)
@given(Coordinates, Coordinates)
def test_poses_compose_as_matrices(a: tuple[float, ...], b: tuple[float, ...]) -> None:
    texts = [" ".join(map(repr, p)) for p in (a, b)]
    w = world(
        f"<frame name='a'><pose>{texts[0]}</pose></frame>"
        f"<frame name='b' attached_to='a'><pose>{texts[1]}</pose></frame>"
    )
    matrices = [transform(p[:3], rotation_from_rpy(*p[3:])) for p in (a, b)]
    assert w.frame_pose("b") == pytest.approx(matrices[0] @ matrices[1], abs=1e-9)


TAGS = ["model", "link", "joint", "frame", "pose", "collision", "geometry", "box", "size", "include"]


@settings(max_examples=50, deadline=None)
@given(st.recursive(
    st.tuples(st.sampled_from(TAGS), st.text("0123456789 .-aé<&", max_size=8), st.just([])),
    lambda children: st.tuples(st.sampled_from(TAGS), st.just(""), st.lists(children, max_size=4)),
    max_leaves=12,
))  # fmt: skip
def test_no_tree_of_known_elements_breaks_the_reader(tree: tuple) -> None:  # type: ignore[type-arg]
    def text(node: tuple) -> str:  # type: ignore[type-arg]
        tag, words, children = node
        body = words.replace("&", "&amp;").replace("<", "&lt;") + "".join(map(text, children))
        return f"<{tag} name='{tag}' type='fixed'>{body}</{tag}>"

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            reader.loads(f"<sdf version='1.10'><world name='w'>{text(tree)}</world></sdf>")
        except SdfError as error:
            if not str(error).startswith("inline.sdf:"):
                raise


@pytest.mark.parametrize(
    ("inner", "said"),
    [
        (
            f"<link name='l'>{INERTIAL}{BOX.replace('</collision>', '')}<surface><contact><collide_bitmask>"
            "0x100000000</collide_bitmask></contact></surface></collision></link>",
            "from 0 to 0xFFFFFFFF",
        ),
        (SENSOR.format("<camera><image><width>0</width></image></camera>"), "0 x 240 pixels; 1 to 8192"),
        (SENSOR.format("<camera><image><height>1e9</height></image></camera>"), "320 x 1000000000 pixels"),
        (
            SENSOR.format(
                "<lidar><scan><horizontal><samples>4000</samples></horizontal>"
                "<vertical><samples>4000</samples></vertical></scan></lidar>"
            ),
            "4000 x 4000 <samples>; 1000000 in all",
        ),
    ],
)
def test_a_number_for_which_there_is_no_room_is_said(inner: str, said: str) -> None:
    with pytest.raises(SdfError, match=said):
        model(inner)


def test_the_texture_of_a_model_that_names_no_other_file_is_found_in_the_folders_of_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "brick").mkdir()
    Image.new("RGB", (8, 8), (255, 0, 0)).save(tmp_path / "brick/red.png")
    monkeypatch.setenv(resources.RESOURCE_PATH, str(tmp_path))
    visual = (
        "<visual name='v'><geometry><box><size>1 1 1</size></box></geometry><material>"
        "<diffuse>1 1 1</diffuse><pbr><metal><albedo_map>model://brick/red.png</albedo_map></metal></pbr></material></visual>"
    )
    found = model(f"<link name='l'>{visual}</link>").links[0].visuals[0].material
    assert (found.texture, found.diffuse) == (tmp_path / "brick/red.png", (1.0, 0.0, 0.0, 1.0))
