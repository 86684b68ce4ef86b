"""Gazebo's own sensors, with stand-ins for the probe and for transport."""

from __future__ import annotations

import logging
import sys
import threading
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from lxml import etree

from vla_sim.common import assets
from vla_sim.common.errors import EngineError, MissingError
from vla_sim.simulation.gazebo import native_sensors, prepared_files, render_probe
from vla_sim.simulation.gazebo.native_sensors import NativeSensors
from vla_sim.simulation.gazebo.render_probe import render_engine
from vla_sim.world.sdf import reader


@pytest.fixture
def probe(tmp_path, monkeypatch):
    """probe(script): what the probe's process does; $3 is the render engine."""

    def make(script):
        file = tmp_path / "python"
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(file))

    return make


def test_an_engine_that_crashes_is_passed_over(probe):
    probe('[ "$3" = ogre2 ] && kill -SEGV $$; echo log; echo 0.2')
    assert render_engine(in_time=False) == "ogre"
    with pytest.raises(MissingError, match=r"ogre2: ended with -11; ogre: 200 ms .* 50 keep up.*GL in"):
        render_engine(in_time=True)


def test_the_first_engine_that_is_fast_is_taken(probe):
    probe("echo 0.004")
    assert render_engine(in_time=True) == "ogre2"


def test_where_gazebo_cannot_render_scans_and_images_are_ray_cast_and_that_is_said_once(monkeypatch, caplog):
    def refuse(in_time):
        raise MissingError("no display")

    monkeypatch.setattr(render_probe, "render_engine", refuse)
    with caplog.at_level(logging.WARNING):
        assert render_probe.chosen_render_engine("auto") == ""
        assert render_probe.chosen_render_engine("software") == ""
    assert [r.getMessage() for r in caplog.records] == ["scans and images are ray cast: no display"]
    with pytest.raises(MissingError, match="no display"):
        render_probe.chosen_render_engine("native")


def test_the_copies_keep_the_sensors_without_noise_and_with_a_lidar_that_does_not_see_its_robot(tmp_path):
    root = etree.fromstring(prepared_files.prepared(assets.find_world("apartment"), render="ogre"))
    assert [e.text for e in root.iterfind("world/plugin/render_engine")] == ["ogre"]
    source = assets.share_folder("models") / "g1" / "model.sdf"
    copy = etree.fromstring(prepared_files.prepared_robot(source, 0.002, native=True))
    flags = {int(e.text) for e in copy.iterfind(".//visual/visibility_flags")}
    assert len(copy.findall(".//visual/visibility_flags")) == len(copy.findall(".//link/visual"))
    for mask in copy.iterfind(".//lidar/visibility_mask"):
        assert not any(int(mask.text) & flag for flag in flags)
    assert copy.find(".//camera/noise") is None
    assert copy.find(".//lidar/noise") is None


class Transport:
    """Keeps the callbacks by topic."""

    def __init__(self):
        self.takers = {}

    def Node(self):  # noqa: N802  (its name in gz.transport)
        return SimpleNamespace(subscribe=lambda _, topic, taker: self.takers.update({topic: taker}))

    def send(self, topic, stamp, **fields):
        stamp = SimpleNamespace(sec=int(stamp), nsec=round(stamp % 1 * 1e9))
        self.takers[topic](SimpleNamespace(header=SimpleNamespace(stamp=stamp), **fields))

    def image(self, stamp, level):
        color, depth = np.full((2, 3, 3), level, np.uint8), np.full((2, 3), level, np.float32)
        self.send("/g1/head_camera/image", stamp, width=3, height=2, data=color.tobytes())
        self.send("/g1/head_camera/depth_image", stamp, width=3, height=2, data=depth.tobytes())


@pytest.fixture
def gazebo_says(monkeypatch):
    for name, kind in (("image", "Image"), ("laserscan", "LaserScan")):
        module = ModuleType(f"gz.msgs10.{name}_pb2")
        setattr(module, kind, object)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    transport = Transport()
    model = reader.load_model(assets.share_folder("models") / "g1" / "model.sdf")
    return transport, NativeSensors(transport, model)


def test_a_frame_is_the_last_one_due_and_waits_for_both_images(gazebo_says):
    transport, sensors = gazebo_says
    assert sensors.period == pytest.approx(0.1)
    transport.image(0.9, 1)
    later = threading.Timer(0.05, transport.image, (1.0, 7))
    later.start()
    stamp, color, depth = sensors.frame(1.04)
    later.join()
    assert (stamp, color.shape, depth.shape) == (1.0, (2, 3, 3), (2, 3))
    assert (color == 7).all()
    assert (depth == 7.0).all()


def test_a_scan_that_does_not_come_is_an_error_that_says_what_to_do(gazebo_says, monkeypatch):
    transport, sensors = gazebo_says
    monkeypatch.setattr(native_sensors, "FRAME_TIMEOUT", 0.05)
    transport.send("/g1/head_lidar", 1.0, ranges=[1.0, np.inf])
    assert sensors.scan(1.05).tolist() == [1.0, np.inf]
    with pytest.raises(EngineError, match=r"scan of 1\.20 s did not come.*--sensors software"):
        sensors.scan(1.2)
