"""The driver as a process, at a robot that only stands and counts: what it sends, what it logs."""

import json
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from test_recorder import read, read_when_whole
from waiting import wait_for

from vla_sim.common.signals import ENDING
from vla_sim.hardware.unitree import robot as robot_module
from vla_sim.hardware.unitree.network import domain_beside
from vla_sim.hardware.unitree.robot import UnitreeRobot
from vla_sim.robot import facts
from vla_sim.robot.body import JointCommand

pytestmark = pytest.mark.integration
pytest.importorskip("cyclonedds", reason="CycloneDDS is not installed")


@contextmanager
def fake_robot(domain, said):
    """At its end `said` holds what it tells."""
    command = [sys.executable, str(Path(__file__).with_name("fake_robot.py")), str(domain)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield
    finally:
        said.update(json.loads(process.communicate(timeout=60)[0]))


def walk(body, true, velocity=0.3):
    """Command it until that is true."""
    command = JointCommand(
        facts.DEFAULT_POSE, np.full(33, 40.0), np.zeros(33), np.array([velocity, 0.0, 0.0])
    )

    def step():
        body.command(command)
        body.step()

    wait_for(true, 120.0, step, lambda: body.why)


def obeys_for(body, seconds):
    """True when it has obeyed for so long."""
    since = []

    def done():
        if not body.why:
            since.append(time.monotonic())
        return bool(since) and time.monotonic() - since[0] > seconds

    return done


@pytest.mark.parametrize(
    ("mode", "dry_run", "sent"),
    [
        ("sport", False, {"rt/arm_sdk", "rt/api/sport/request", "rt/dex3/left/cmd", "rt/dex3/right/cmd"}),
        ("sport", True, set()),
        ("low", False, {"rt/lowcmd", "rt/api/motion_switcher/request"}),
        ("low", True, set()),
    ],
)
def test_what_is_sent_is_logged_and_in_a_dry_run_nothing_is_sent(
    mode, dry_run, sent, ros_domain, tmp_path, monkeypatch, capfd
):
    monkeypatch.setattr(robot_module, "FIND_TIMEOUT", 120.0)
    monkeypatch.setattr(robot_module, "SILENCE", 60.0)
    log, said = tmp_path / "driver.mcap", {}
    with fake_robot(domain_beside(ros_domain), said):
        body = UnitreeRobot("lo", domain_beside(ros_domain), mode, str(log), dry_run)
        try:
            walk(body, lambda: body.why == "not armed")
            body.arm()
            walk(body, obeys_for(body, 1.0))
        finally:
            body.close()
    heard = {topic for topic, count in said["heard"].items() if count}
    assert heard - {"rt/dex3/left/cmd", "rt/dex3/right/cmd"} == sent - {
        "rt/dex3/left/cmd",
        "rt/dex3/right/cmd",
    }
    assert bool(said["writers"]) is not dry_run
    logged = read(log)
    topics = {topic for topic, _ in logged}
    wanted = {"rt/arm_sdk", "rt/api/sport/request"} if mode == "sport" else {"rt/lowcmd"}
    assert topics >= {"rt/lowstate", "driver", *wanted}
    ticks = {m.tick for topic, m in logged if topic == "rt/lowstate"}
    # A reader that keeps only the newest never has the first of two; a busy machine loses a few.
    assert np.mean([tick - 1 in ticks for tick in ticks if tick % 2 == 0]) > 0.5
    printed = capfd.readouterr().out
    for topic in wanted:
        assert (f"would send {topic}" in printed) is dry_run
    if mode == "sport":
        asked = [m for topic, m in logged if topic == "rt/api/sport/request"]
        assert asked[0].header.identity.api_id == 7105
        assert "0.3000" in asked[0].parameter


def test_a_driver_that_is_killed_leaves_a_whole_log(ros_domain, tmp_path, monkeypatch):
    """Up to the last tenth of a second."""
    monkeypatch.setattr(robot_module, "FIND_TIMEOUT", 120.0)
    log, said = tmp_path / "driver.mcap", {}
    with fake_robot(domain_beside(ros_domain), said):
        body = UnitreeRobot("lo", domain_beside(ros_domain), "sport", str(log))
        try:
            body.arm()
            walk(body, obeys_for(body, 0.5))
            last = body.state().time
            body._driver.send_signal(signal.SIGKILL)
            body._driver.wait(60)
        finally:
            body.close()
    logged = read_when_whole(log)
    ticks = [m.tick for topic, m in logged if topic == "rt/lowstate"]
    assert ticks == sorted(ticks)
    assert 1e-3 * ticks[-1] > last - 0.1


@pytest.mark.parametrize("number", ENDING)
def test_a_driver_that_is_told_to_end_does_so_with_its_body(number, ros_domain, monkeypatch):
    """As by a service manager that signals all processes at once: the body has the robot given back."""
    monkeypatch.setattr(robot_module, "FIND_TIMEOUT", 120.0)
    monkeypatch.setattr(robot_module, "SILENCE", 60.0)
    with fake_robot(domain_beside(ros_domain), {}):
        body = UnitreeRobot("lo", domain_beside(ros_domain), "sport")
        try:
            body.arm()
            walk(body, obeys_for(body, 0.2))
            body._driver.send_signal(number)
            walk(body, obeys_for(body, 0.5))
            assert body._driver.poll() is None
        finally:
            body.close()
        assert body._driver.returncode == 0


def test_a_place_that_is_no_number_is_not_where_odometry_begins():
    from vla_sim.hardware.unitree.driver import DriverLoop
    from vla_sim.hardware.unitree.driver_core import Driver
    from vla_sim.hardware.unitree.wire import LowState
    from vla_sim.robot.kinematics import Kinematics

    driver, heard = Driver("sport", Kinematics.load()), []
    driver.feels.state = LowState()
    topics = SimpleNamespace(odometry=lambda: heard, hands={})
    loop = DriverLoop(driver, topics, body=None, pacer=None)
    for place in ([np.nan, 0.0, 0.8], [2.0, -1.0, 0.8], [5.0, 5.0, 0.8]):
        heard[:] = [SimpleNamespace(position=place)]
        loop._feel()
    assert driver.feels.origin.tolist() == [2.0, -1.0, 0.0]
