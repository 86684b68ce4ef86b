"""The node "robot" at a simulated G1 behind its own protocol."""

import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
from installed import needs

rclpy = pytest.importorskip("rclpy", reason="rclpy is not installed")
needs("cyclonedds", "CycloneDDS is not installed")
pytestmark = [pytest.mark.ros, pytest.mark.integration]
from rclpy.parameter import Parameter  # noqa: E402

from vla_sim.bringup import node_table  # noqa: E402
from vla_sim.bringup.node_table import StackOptions  # noqa: E402
from vla_sim.common.errors import EngineError, InputError  # noqa: E402
from vla_sim.contract import topics  # noqa: E402
from vla_sim.contract.records import SafetyState  # noqa: E402
from vla_sim.hardware import node  # noqa: E402
from vla_sim.hardware.node import RobotNode  # noqa: E402
from vla_sim.hardware.unitree import robot  # noqa: E402
from vla_sim.hardware.unitree.network import domain_beside  # noqa: E402
from vla_sim.robot import facts  # noqa: E402
from vla_sim.ros import conversions  # noqa: E402
from vla_sim.ros.executor import SerialExecutor  # noqa: E402


@pytest.fixture
def ros(ros_node, ros_domain):
    """Start the node with these parameters."""
    return lambda *words: ros_node(RobotNode, words=(f"dds_domain:={domain_beside(ros_domain)}", *words))


def test_it_publishes_what_it_feels_and_obeys_only_when_it_is_armed(ros, ros_domain, monkeypatch):
    monkeypatch.setattr(robot, "FIND_TIMEOUT", 120.0)
    monkeypatch.setattr(robot, "SILENCE", 60.0)
    words = ["g1", "--world", "corridor", "--dds-domain", str(domain_beside(ros_domain))]
    g1 = subprocess.Popen(
        [sys.executable, "-m", "vla_sim.cli.main", *words], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    try:
        made = ros()
        executor = SerialExecutor()
        executor.add_node(made)
        deadline = time.monotonic() + 120.0

        def until(true):
            while not true():
                assert time.monotonic() < deadline, made.status()
                made.tick()
                executor.spin_once(timeout_sec=0.0)

        until(lambda: made.host.ticks > 20)
        assert made.published[topics.JOINT_STATES.name].count > 5
        assert abs(made.host.now() - made.now()) < 5.0
        assert made.status()["obeys"] == "not armed"
        assert made.status()["battery"] == "50.4 V"

        def set_armed(value):
            return made.set_parameters([Parameter("armed", value=value)])[0]

        assert set_armed(True).successful
        until(lambda: not made.body.why)
        g1.stdin.write(b"heat left_knee_joint 95\n")
        g1.stdin.flush()
        until(lambda: "95 degrees" in made.body.why)
        assert "95 degrees" in made.health()[1]
        assert set_armed(False).successful
        refused = set_armed(True)
        assert not refused.successful
        assert "95 degrees hot; the robot is not armed" in refused.reason
    finally:
        g1.send_signal(signal.SIGINT)
        g1.wait(60)


MODULE = """
import numpy as np
from vla_sim.robot import facts
from vla_sim.robot.body import CONTROL_PERIOD, Body, RobotState

class Standing(Body):
    why, time, silent = "not armed", 0.0, False

    def state(self):
        zero, level = np.zeros(len(facts.JOINTS)), np.array([1.0, 0.0, 0.0, 0.0])
        up, rest = np.array([0.0, 0.0, 9.81]), np.zeros(3)
        pose = facts.DEFAULT_POSE.copy()
        return RobotState(self.time, pose, zero, zero, level, rest, up, rest, level, rest)

    def command(self, command):
        self.commanded = command

    def step(self):
        if not self.silent:
            self.time += CONTROL_PERIOD

    def arm(self):
        self.why = ""

    def disarm(self):
        self.why = "not armed"

    def status(self):
        return {"battery": "full"}
"""


def test_a_driver_of_ones_own_is_driven_as_ours_is(ros, tmp_path, monkeypatch):
    (tmp_path / "my_driver.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    made = ros("body:=my_driver:Standing")
    for _ in range(10):
        made.tick()
    assert made.published[topics.JOINT_STATES.name].count > 5
    assert made.status()["battery"] == "full"
    assert made.status()["obeys"] == "not armed"
    assert made.set_parameters([Parameter("armed", value=True)])[0].successful
    assert made.status()["obeys"] == "yes"
    assert made.body.commanded.position.shape == (33,)
    made.close()
    assert made.body.why == "not armed"


def test_to_arm_it_once_more_after_a_stop_is_refused_and_says_what_to_do(ros, tmp_path, monkeypatch):
    (tmp_path / "my_driver.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    made = ros("body:=my_driver:Standing")

    def set_armed(value):
        return made.set_parameters([Parameter("armed", value=value)])[0]

    made.tick()
    assert set_armed(True).successful
    assert set_armed(True).successful
    made.body.why = "stopped by the remote control"
    again = set_armed(True)
    assert again.reason == "stopped by the remote control; disarm the robot, then arm it"
    other = Parameter("memory_limit", value=made.params.memory_limit + 1.0)
    assert made.set_parameters([other])[0].successful
    assert set_armed(False).successful
    assert set_armed(True).successful


def test_what_the_robot_felt_before_it_fell_silent_is_not_said_again(ros, tmp_path, monkeypatch):
    (tmp_path / "my_driver.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(node, "MOST_APART", 0.0)
    made = ros("body:=my_driver:Standing")
    for _ in range(10):
        made.tick()
    made.body.silent = True
    made.tick()
    said = [made.published[topic.name] for topic in (topics.JOINT_STATES, topics.IMU, topics.ODOM)]
    counts, now = [one.count for one in said], made.host.now()
    for _ in range(10):
        made.tick()
    assert [one.count for one in said] == counts
    assert made.host.now() == now
    made.body.silent = False
    for _ in range(10):
        made.tick()
    assert all(one.count > count for one, count in zip(said, counts, strict=True))


@pytest.mark.parametrize("stamp", [0.0, 1.0])
def test_after_a_stop_no_trajectory_is_obeyed_that_is_of_before_or_of_no_time(
    ros, tmp_path, monkeypatch, stamp
):
    (tmp_path / "my_driver.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    made = ros("body:=my_driver:Standing")
    made.tick()
    now, side = made.now(), "right"
    goal = facts.DEFAULT_POSE[facts.ARM_INDEX[side]] + 0.1
    send = partial(
        conversions.joint_trajectory, list(facts.ARM_JOINTS[side]), np.array([2.0]), goal[None], frame=""
    )
    made.host._on_safety(SafetyState(level="stopped", reasons=[], stop_epoch=1, stop_stamp=now))
    made.host._store("arm", side, send(stamp=stamp))
    made.tick()
    assert made.host.refused == 1
    assert made.host.controller.arm[side].share == 0.0
    made.host._store("arm", side, send(stamp=now + 0.01))
    made.tick()
    made.tick()
    assert made.host.refused == 1
    assert made.host.controller.arm[side].share > 0.0


def test_a_class_that_is_no_body_is_said(ros):
    with pytest.raises(InputError, match=r"robot\.body 'os:Body' cannot be used: .*PACKAGE\.MODULE:CLASS"):
        ros("body:=os:Body")


def test_it_is_not_armed_from_the_start_and_says_where_no_robot_is(ros, monkeypatch):
    monkeypatch.setattr(robot, "FIND_TIMEOUT", 0.5)
    with pytest.raises(InputError, match="armed is true at the start"):
        ros("armed:=true")
    rclpy.try_shutdown()
    with pytest.raises(EngineError, match="no G1 is heard on lo"):
        ros()


def test_on_a_robot_it_takes_the_engines_place():
    names = [spec.name for spec in node_table.nodes(simulated=False)]
    assert names[0] == "robot"
    assert "engine" not in names
    away = node_table.nodes(StackOptions(without="robot"), simulated=False)
    assert "robot" not in [spec.name for spec in away]
    spec = node_table.ROBOT
    assert node_table.parameters(spec, StackOptions(), simulated=False)["use_sim_time"] is False
