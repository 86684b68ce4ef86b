"""The URDF is the robot: read back by MuJoCo, its links stand and weigh as those of the SDF."""

import mujoco
import numpy as np
import pytest
from lxml import etree

from vla_sim.robot import facts, frame_tree
from vla_sim.robot.extrinsics import pose_of
from vla_sim.robot.kinematics import Kinematics
from vla_sim.robot.urdf import _link, urdf
from vla_sim.world.sdf import reader

KINEMATICS = Kinematics.load()
TEXT = urdf(KINEMATICS)


@pytest.fixture(scope="module")
def read_back():
    spec = mujoco.MjSpec.from_string(TEXT)
    spec.compiler.fusestatic = False  # else frames without a body are gone
    spec.compiler.discardvisual = False
    return spec.compile()


def postures():
    rng = np.random.default_rng(4)
    low, high = KINEMATICS.of_joints("lower"), KINEMATICS.of_joints("upper")
    return [facts.DEFAULT_POSE, *rng.uniform(low, high, (20, len(low)))]


def test_every_link_frame_and_sensor_stands_as_our_kinematics_say(read_back):
    data = mujoco.MjData(read_back)
    names = [read_back.body(i).name for i in range(1, read_back.nbody)]
    ours = [name for name in names if name in KINEMATICS.frames]
    assert {"torso_link", "left_tool", "head_camera", "head_lidar"} <= set(ours)
    assert len(ours) >= len(KINEMATICS.model.links) - 1
    for q in postures():
        for name, value in zip(facts.JOINTS, q, strict=True):
            data.joint(name).qpos[0] = value
        mujoco.mj_kinematics(read_back, data)
        for name in ours:
            frame = KINEMATICS.frame(name, q)
            np.testing.assert_allclose(data.body(name).xpos, frame[:3, 3], atol=1e-6, err_msg=name)
            np.testing.assert_allclose(data.body(name).xmat.reshape(3, 3), frame[:3, :3], atol=1e-6)


def test_masses_centres_and_limits_are_those_of_the_sdf(read_back):
    for link in KINEMATICS.model.links:
        if link.name == facts.BASE_LINK:  # MuJoCo has no mass for what does not move
            continue
        body = read_back.body(link.name)
        assert body.mass[0] == pytest.approx(link.inertial.mass, rel=1e-6)
        np.testing.assert_allclose(body.ipos, link.inertial.pose[:3, 3], atol=1e-6)
        np.testing.assert_allclose(
            np.sort(body.inertia), np.sort(np.linalg.eigvalsh(link.inertial.inertia)), rtol=1e-4, atol=1e-9
        )
    for joint in KINEMATICS.model.joints:
        if joint.type != "fixed":
            limits = [joint.axis.lower, joint.axis.upper]
            np.testing.assert_allclose(read_back.joint(joint.name).range, limits, atol=1e-6)


def test_it_is_one_tree_from_base_link():
    root = etree.fromstring(TEXT)
    links = [one.get("name") for one in root.iter("link") if one.getparent() is root]
    assert len(links) == len(set(links))
    children = [one.get("link") for one in root.iter("child")]
    assert len(children) == len(set(children))
    assert set(links) - set(children) == {"base_link"}
    assert {one.get("link") for one in root.iter("parent")} <= set(links)


def test_its_frames_are_those_of_tf():
    root = etree.fromstring(TEXT)
    edges = [*frame_tree.fixed(KINEMATICS), *frame_tree.moving(KINEMATICS, facts.DEFAULT_POSE)]
    assert {(parent, child) for parent, child, _ in edges} == {
        (joint.find("parent").get("link"), joint.find("child").get("link")) for joint in root.iter("joint")
    }
    assert "head_camera_optical" in {child for _, child, _ in edges}


def test_a_sensor_that_sits_elsewhere_is_elsewhere_in_it():
    pose = pose_of("0.1 0.02 0.5 0 0.7 0.1")
    root = etree.fromstring(urdf(KINEMATICS.mounted({"head_camera": pose})))
    joint = next(one for one in root.iter("joint") if one.get("name") == "head_camera_fixed")
    assert joint.find("origin").get("xyz") == "0.1 0.02 0.5"
    angles = [float(word) for word in joint.find("origin").get("rpy").split()]
    assert angles == pytest.approx((0.0, 0.7, 0.1))


def test_a_collision_mesh_is_as_large_as_it_is(tmp_path):
    """Of three times its file's size, in pieces of which one is a ball."""
    trimesh = pytest.importorskip("trimesh", reason="trimesh is not installed")
    trimesh.creation.icosphere(subdivisions=1, radius=0.2).export(tmp_path / "ball.stl")
    mesh = "<geometry><mesh><uri>ball.stl</uri><scale>3 3 3</scale></mesh></geometry>"
    text = f"""<sdf version="1.10"><model name="m"><link name="l"><inertial><inertia/></inertial>
    <collision name="c">{mesh}</collision><visual name="v">{mesh}</visual></link></model></sdf>"""
    link = reader.loads(text, tmp_path / "model.sdf").models[0].links[0]
    out = _link(link, np.eye(4))
    assert [float(v) for v in out.find("collision/geometry/box").get("size").split()] == pytest.approx(
        [1.2] * 3
    )
    assert out.find("visual/geometry/mesh").get("scale") == "3 3 3"
