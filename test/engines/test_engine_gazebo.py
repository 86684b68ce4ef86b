"""What can be said of the Gazebo engine without Gazebo: its copies of the files, and its errors."""

from __future__ import annotations

import sys

import pytest
from lxml import etree

from vla_sim import assets, sdf
from vla_sim.engines import make_engine
from vla_sim.engines.gazebo import FOR_GUI, UNUSED, prepared, prepared_robot
from vla_sim.errors import InputError, MissingError


def systems(root):
    return [str(plugin.get("filename")) for plugin in root.iterfind(".//plugin")]


def test_the_copy_of_a_world_is_unpaced_and_leaves_out_what_nobody_uses():
    path = assets.find_world("apartment")
    before = path.read_bytes()
    root, source = etree.fromstring(prepared(path)), etree.fromstring(before)
    assert path.read_bytes() == before
    assert not [name for name in systems(root) if any(one in name for one in (*UNUSED, *FOR_GUI))]
    assert "gz-sim-physics-system" in systems(root)
    assert "gz-sim-contact-system" in systems(root)
    assert root.findtext("world/physics/real_time_factor") == "0"
    assert root.findtext("world/physics/dart/collision_detector") == "bullet"
    assert root.findtext("world/plugin/contacts/include_entity_names") == "false"
    gz = {"gz": "http://gazebosim.org/schema"}
    assert root.findtext("world/gz:policies/parallel_postupdates", namespaces=gz) == "false"
    for kind in ("model", "include", "frame", "light"):
        assert len(root.findall(f"world/{kind}")) == len(source.findall(f"world/{kind}"))
    shown = systems(etree.fromstring(prepared(path, gui=True)))
    assert all(any(one in name for name in shown) for one in FOR_GUI)


def test_a_world_that_names_a_collision_detector_keeps_it(tmp_path):
    file = tmp_path / "w.sdf"
    file.write_text(
        "<sdf version='1.10'><world name='w'><physics name='p' type='dart'>"
        "<dart><collision_detector>fcl</collision_detector></dart></physics></world></sdf>"
    )
    assert etree.fromstring(prepared(file)).findtext("world/physics/dart/collision_detector") == "fcl"


def test_the_copy_of_the_robot_differs_in_dry_friction_and_publishers_alone(tmp_path):
    source = assets.models_dir() / "g1" / "model.sdf"
    file = tmp_path / "model.sdf"
    file.write_bytes(prepared_robot(source))
    copy, robot = sdf.load_model(file), sdf.load_model(source)
    for mine, theirs in zip(robot.joints, copy.joints, strict=True):
        assert (mine.name, mine.type) == (theirs.name, theirs.type)
        if mine.axis is not None and theirs.axis is not None:
            assert mine.axis.damping == theirs.axis.damping
            assert theirs.axis.friction == 0.0
    assert len(copy.sensors()) == len(robot.sensors())
    assert not [p for p in copy.plugins if any(one in p.filename for one in UNUSED)]


def test_without_gazebo_the_message_says_what_is_missing_and_where_it_comes_from(monkeypatch):
    monkeypatch.setitem(sys.modules, "gz", None)
    with pytest.raises(MissingError, match=r"gz\.math7 cannot be imported.*gz-harmonic.*PYTHONPATH"):
        make_engine("gazebo", "tabletop")


def test_it_has_no_rendering_of_its_own():
    with pytest.raises(InputError, match="use auto"):
        make_engine("gazebo", "tabletop", "native")
