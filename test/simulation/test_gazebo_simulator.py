"""The Gazebo engine's copies of the files, and what it says when something is missing or killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from lxml import etree

from vla_sim.common import assets
from vla_sim.common.errors import MissingError
from vla_sim.simulation.gazebo.bindings import load_bindings
from vla_sim.simulation.gazebo.prepared_files import FOR_GUI, UNUSED, prepared, prepared_robot
from vla_sim.simulation.registry import make_simulator
from vla_sim.world.sdf import reader


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
    assert root.findtext("world/physics/dart/solver/solver_type") == "pgs"
    assert root.findtext("world/plugin/contacts/include_entity_names") == "false"
    gz = {"gz": "http://gazebosim.org/schema"}
    assert root.findtext("world/gz:policies/parallel_postupdates", namespaces=gz) == "false"
    for kind in ("model", "include", "frame", "light"):
        assert len(root.findall(f"world/{kind}")) == len(source.findall(f"world/{kind}"))
    shown = systems(etree.fromstring(prepared(path, gui=True)))
    assert all(any(one in name for name in shown) for one in FOR_GUI)


def test_a_world_that_names_a_solver_keeps_it(tmp_path):
    file = tmp_path / "w.sdf"
    file.write_text(
        "<sdf version='1.10'><world name='w'><physics name='p' type='dart'>"
        "<dart><solver><solver_type>dantzig</solver_type></solver></dart></physics></world></sdf>"
    )
    assert etree.fromstring(prepared(file)).findtext("world/physics/dart/solver/solver_type") == "dantzig"


def test_the_copy_of_the_robot_differs_in_friction_damping_and_publishers_alone(tmp_path):
    source = assets.share_folder("models") / "g1" / "model.sdf"
    file = tmp_path / "model.sdf"
    file.write_bytes(prepared_robot(source, 0.002))
    copy, robot = reader.load_model(file), reader.load_model(source)
    for mine, theirs in zip(robot.joints, copy.joints, strict=True):
        assert (mine.name, mine.type) == (theirs.name, theirs.type)
        if mine.axis is not None and theirs.axis is not None:
            assert theirs.axis.damping == 0.0
            if mine.type == "prismatic":  # stable as an explicit force
                mass = robot.link(mine.child).inertial.mass
                assert 0.002 * mine.axis.damping <= mass
            assert theirs.axis.friction == 0.0
    assert len(copy.sensors()) == len(robot.sensors())
    assert not [p for p in copy.plugins if any(one in p.filename for one in UNUSED)]


@pytest.fixture
def no_gz(monkeypatch):
    """None of Gazebo's modules has been imported."""
    for name in [m for m in sys.modules if m.split(".")[0] == "gz"]:
        monkeypatch.delitem(sys.modules, name)


def test_without_gazebo_the_message_says_what_is_missing_and_where_it_comes_from(no_gz, monkeypatch):
    monkeypatch.setitem(sys.modules, "gz", None)
    with pytest.raises(MissingError, match=r"gz\.math7 cannot be imported.*gz-harmonic.*PYTHONPATH"):
        make_simulator("gazebo", "tabletop")


def test_another_version_of_the_bindings_is_named(no_gz, tmp_path, monkeypatch):
    for name in ("math8", "sim9", "transport14"):
        (tmp_path / "gz").mkdir(exist_ok=True)
        (tmp_path / "gz" / f"{name}.py").touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(MissingError, match=r"gz\.math7 .*; gz\.math8 is there, but is not Harmonic's; G"):
        load_bindings()
    monkeypatch.delitem(sys.modules, "gz")  # the stand-in


needs_gazebo = pytest.mark.skipif(
    not (find_spec("gz") and find_spec("gz.sim8")), reason="needs Gazebo Harmonic with its Python bindings"
)


@pytest.mark.gazebo
@needs_gazebo
@pytest.mark.parametrize(
    ("plugin", "message"),
    [("contact", "Gazebo does not publish contacts on /g1/"), ("physics", "Gazebo has no physics")],
)
def test_a_plugin_that_is_missing_is_said(tmp_path, plugin, message):
    text = assets.find_world("tabletop").read_text()
    name = f"gz-sim-{plugin}-system"
    assert name in text
    world = tmp_path / "world.sdf"
    world.write_text(text.replace(name, f"gz-sim-no-{plugin}-system"))
    start = f"make_simulator('gazebo', {str(world)!r}, 'software')"
    code = f"from vla_sim.simulation.registry import make_simulator; {start}"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"vla_sim.common.errors.EngineError: {message}"), done.stderr[-2000:]
    assert name in last
    assert "GZ_SIM_SYSTEM_PLUGIN_PATH" in last


def children(parent):
    """Process ids and command lines of all children."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                line = (stat.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                found[int(stat.parent.name)] = line
        except OSError:
            continue
    return found


@pytest.mark.gazebo
@needs_gazebo
def test_a_killed_engine_ends_the_run_and_leaves_no_process(tmp_path):
    command = [sys.executable, "-m", "vla_sim.cli.main", "run", "go to the kitchen", "--text",
               "--engine", "gazebo", "--out", str(tmp_path)]  # fmt: skip
    out = tmp_path / "out.txt"
    with out.open("w") as file:
        run = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 240.0
        while "accepted" not in out.read_text():
            assert time.monotonic() < deadline, out.read_text()
            assert run.poll() is None, out.read_text()
            time.sleep(0.1)
        nodes = children(run.pid)
        engine = next(pid for pid, line in nodes.items() if "vla_sim.simulation.node" in line)
        os.kill(engine, signal.SIGKILL)
        assert run.wait(60.0) == 5
    finally:
        run.kill()
    assert "error: engine ended: killed by SIGKILL" in out.read_text()
    assert not [pid for pid in nodes if Path(f"/proc/{pid}").exists()]
