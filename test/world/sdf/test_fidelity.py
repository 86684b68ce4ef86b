"""Our reader of SDF beside Gazebo's own (libsdformat), element by element, on every shipped world."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("gz.math7", reason="needs the Python bindings of Gazebo Harmonic (gz-math7)")
sdformat = pytest.importorskip("sdformat14", reason="needs Gazebo Harmonic's Python bindings (sdformat14)")

from vla_sim.common import assets  # noqa: E402
from vla_sim.common.geometry import transform  # noqa: E402
from vla_sim.world.sdf import reader  # noqa: E402

pytestmark = pytest.mark.gazebo
WORLDS = ("apartment", "tabletop", "corridor")


def matrix(pose):
    p, q = pose.pos(), pose.rot()
    return transform((p.x(), p.y(), p.z()), (q.w(), q.x(), q.y(), q.z()))


def vector(v):
    return np.array([v.x(), v.y(), v.z()])


@pytest.fixture(scope="module", params=WORLDS)
def both(request):
    """(our world, Gazebo's)."""
    path = assets.find_world(request.param)
    models = str(assets.share_folder("models"))
    config = sdformat.ParserConfig()
    config.set_find_callback(lambda uri: uri.replace("model://", models + "/"))
    root = sdformat.Root()
    root.load(str(path), config)
    return reader.load_world(path), root.world_by_index(0)


def pairs(both):
    """(name, our model, Gazebo's model) of all at the top level."""
    ours, theirs = both
    return [(m.name, m, theirs.model_by_name(m.name)) for m in ours.models]


def test_the_world_has_the_same_models_at_the_same_places(both):
    ours, theirs = both
    names = {theirs.model_by_index(i).name() for i in range(theirs.model_count())}
    assert {m.name for m in ours.models} == names
    assert vector(theirs.gravity()) == pytest.approx(ours.gravity)
    for name, model, other in pairs(both):
        assert model.static == other.static(), name
        assert model.canonical_link == other.canonical_link_name() or not other.canonical_link_name(), name
        assert matrix(other.semantic_pose().resolve("")) == pytest.approx(model.pose, abs=1e-9), name


def test_links_have_the_same_poses_masses_and_inertias(both):
    for name, model, other in pairs(both):
        assert {link.name for link in model.links} == {
            other.link_by_index(i).name() for i in range(other.link_count())
        }
        for link in model.links:
            twin = other.link_by_name(link.name)
            where = f"{name}::{link.name}"
            pose = matrix(twin.semantic_pose().resolve("__model__"))
            assert pose == pytest.approx(link.pose, abs=1e-9), where
            inertial = twin.inertial()
            assert inertial.mass_matrix().mass() == pytest.approx(link.inertial.mass), where
            frame = matrix(inertial.pose())
            assert frame[:3, 3] == pytest.approx(link.inertial.pose[:3, 3], abs=1e-9), where
            m = inertial.mass_matrix()
            d, o = vector(m.diagonal_moments()), vector(m.off_diagonal_moments())
            tensor = np.array([[d[0], o[0], o[1]], [o[0], d[1], o[2]], [o[1], o[2], d[2]]])
            turned = frame[:3, :3] @ tensor @ frame[:3, :3].T
            r = link.inertial.pose[:3, :3]
            assert turned == pytest.approx(r @ link.inertial.inertia @ r.T, abs=1e-9), where


def test_shapes_have_the_same_poses_and_kinds(both):
    kinds = {
        getattr(sdformat.GeometryType, name.upper()): name
        for name in ("box", "sphere", "cylinder", "capsule", "ellipsoid", "plane", "mesh")
    }
    for name, model, other in pairs(both):
        for link in model.links:
            twin = other.link_by_name(link.name)
            assert len(link.collisions) == twin.collision_count(), f"{name}::{link.name}"
            assert len(link.visuals) == twin.visual_count(), f"{name}::{link.name}"
            for part, find in (
                *((c, twin.collision_by_name) for c in link.collisions),
                *((v, twin.visual_by_name) for v in link.visuals),
            ):
                same = find(part.name)
                where = f"{name}::{link.name}::{part.name}"
                assert kinds[same.geometry().type()] == part.geometry.shape, where
                pose = matrix(same.semantic_pose().resolve(link.name))
                assert pose == pytest.approx(part.pose, abs=1e-9), where


def bound(value):
    """libsdformat writes "none" as a huge number."""
    return math.copysign(math.inf, value) if abs(value) > 1e15 else value


def test_joints_have_the_same_axes_and_limits(both):
    for name, model, other in pairs(both):
        assert len(model.joints) == other.joint_count(), name
        for joint in model.joints:
            twin = other.joint_by_name(joint.name)
            where = f"{name}::{joint.name}"
            assert twin.type().name.lower() == joint.type, where
            assert (twin.parent_name(), twin.child_name()) == (joint.parent, joint.child), where
            frame = matrix(twin.semantic_pose().resolve("__model__"))
            assert frame == pytest.approx(joint.pose, abs=1e-9), where
            if joint.axis is None:
                continue
            axis = twin.axis(0)
            turned = np.array(vector(axis.resolve_xyz(joint.name)))
            assert turned == pytest.approx(joint.axis.xyz, abs=1e-9), where
            limits = [bound(v) for v in (axis.lower(), axis.upper(), axis.effort(), axis.max_velocity())]
            mine = [joint.axis.lower, joint.axis.upper, joint.axis.effort, joint.axis.velocity]
            assert limits == pytest.approx(mine), where
            assert (axis.damping(), axis.friction()) == pytest.approx(
                (joint.axis.damping, joint.axis.friction)
            ), where
