"""Our body over the robot's protocol, in three processes: `vla-sim g1`, the driver, this one."""

import json
import math
import os
import signal
import sys
import time
from contextlib import contextmanager

import numpy as np
import pytest
from installed import needs
from test_simulated_g1 import start

from vla_sim.common.errors import EngineError
from vla_sim.hardware.unitree import robot as robot_module
from vla_sim.hardware.unitree.network import domain_beside
from vla_sim.hardware.unitree.robot import UnitreeRobot
from vla_sim.robot import facts
from vla_sim.robot.body import JointCommand
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.control.controller import Controller
from vla_sim.stages.control.policy import standing_policy

pytestmark = pytest.mark.integration
needs("cyclonedds", "CycloneDDS is not installed")


@contextmanager
def robot_behind_protocol(ros_domain, truth):
    """(`vla-sim g1`, our body at it); at the end the lines that it printed are in `process.lines`."""
    process = start("--dds-domain", str(domain_beside(ros_domain)), "--truth", str(truth))
    try:
        body = UnitreeRobot("lo", domain_beside(ros_domain), "sport")
        try:
            yield process, body
        finally:
            body.close()
    finally:
        process.send_signal(signal.SIGINT)
        process.lines = process.communicate(timeout=60)[0]


def rows_of(truth, end=math.inf):
    """The truth, up to a time [s] in which it must not fall."""
    rows = [row for row in map(json.loads, truth.read_text().splitlines()) if row["time"] < end]
    assert not any(row["fallen"] for row in rows)
    return rows


def run(body, controller, seconds, velocity=(0.0, 0.0, 0.0)):
    """For so long of the robot's time."""
    state = body.state()
    end, deadline = state.time + seconds, time.monotonic() + 30.0 * seconds
    while state.time < end:
        assert time.monotonic() < deadline, f"{state.time} of {end} s; {body.why}"
        controller.velocity.ask(*velocity, state.time)
        body.command(controller.update(state))
        body.step()
        state = body.state()
    return state


def test_it_walks_and_reaches_by_the_robots_own_controller(ros_domain, tmp_path, monkeypatch):
    monkeypatch.setattr(robot_module, "FIND_TIMEOUT", 120.0)
    truth = tmp_path / "truth.jsonl"
    with robot_behind_protocol(ros_domain, truth) as (_, body):
        controller = Controller(Kinematics.load().arm, standing_policy())
        run(body, controller, 0.3)
        assert body.why == "not armed"
        body.arm()
        begin = run(body, controller, 2.5)
        assert body.why in ("", "no commands")  # where the machine is busy
        walked = run(body, controller, 3.0, (0.3, 0.0, 0.0))
        assert walked.odom_position[0] - begin.odom_position[0] > 0.2
        stood = run(body, controller, 2.0)
        controller.arm_trajectory(
            "right", facts.ARM_JOINTS["right"], [2.0], np.array([[-0.6, -0.3, 0.0, 0.3, 0.0, 0.0, 0.0]])
        )
        controller.hand["right"].move(0.08)
        reached = run(body, controller, 4.0)
        assert np.hypot(*(reached.odom_position - stood.odom_position)[:2]) < 0.1
        np.testing.assert_allclose(
            reached.joint_position[facts.ARM_INDEX["right"]][:4], [-0.6, -0.3, 0.0, 0.3], atol=0.1
        )
        assert reached.joint_position[facts.FINGER_INDEX["right"]].sum() == pytest.approx(0.08, abs=0.01)
        body.disarm()
    rows = rows_of(truth)
    assert rows[-1]["robot"][0] - rows[0]["robot"][0] > 0.2


def say(process, line):
    process.stdin.write(line + "\n")
    process.stdin.flush()


def until(body, why):
    """Step until the robot says so."""
    deadline = time.monotonic() + 60.0
    while body.why != why:
        assert time.monotonic() < deadline, body.why
        state = body.state()
        command = JointCommand(
            state.joint_position, np.full(33, 40.0), np.zeros(33), np.array([0.3, 0.0, 0.0])
        )
        body.command(command)
        body.step()


def test_the_cable_the_remote_and_a_hot_motor_end_the_walk_until_it_is_armed_anew(
    ros_domain, tmp_path, monkeypatch
):
    monkeypatch.setattr(robot_module, "FIND_TIMEOUT", 120.0)
    monkeypatch.setattr(robot_module, "SILENCE", 30.0)
    truth = tmp_path / "truth.jsonl"
    with robot_behind_protocol(ros_domain, truth) as (process, body):
        for line, why, again in (
            ("unplug 0.6", "the robot is silent", ""),
            ("heat left_knee_joint 95", "left_knee_joint is 95 degrees hot", "heat left_knee_joint 40"),
            ("press L2+B", "stopped by the remote control", "press R2+A"),
        ):
            body.arm()
            until(body, "")
            say(process, line)
            until(body, why)
            stopped = body.state().time
            if again:
                say(process, again)
            while body.state().time < stopped + 1.5:
                until(body, why)  # it does not go on by itself
                body.command(JointCommand(body.state().joint_position, np.zeros(33), np.zeros(33)))
                body.step()
            body.disarm()
            until(body, "not armed")
    assert "press L2+B" in process.lines
    rows_of(truth, stopped)  # how long it was limp after that depends on when the next key came


def test_where_no_robot_is_that_is_said(ros_domain, monkeypatch):
    monkeypatch.setattr(robot_module, "FIND_TIMEOUT", 0.5)
    with pytest.raises(EngineError, match=r"no G1 is heard on lo in DDS domain \d+ within"):
        UnitreeRobot("lo", domain_beside(ros_domain))


TALKATIVE = """#!{python}
import socket, sys
import numpy as np
from robot_state import standing
from vla_sim.hardware.unitree import link

end = socket.socket(fileno=int(sys.argv[3]))
sys.stderr.write("a message was not sent\\n" * 10_000)
sys.stderr.flush()
end.send(link.state_record(standing(1.0), np.zeros(33), 50.0, ""))
end.recv(1)
sys.exit("error: it is over")
"""


def test_a_driver_that_prints_much_is_not_held_up(tmp_path, monkeypatch):
    """As where its cable is unplugged now and then: a line for each message that is not sent."""
    script = tmp_path / "talkative"
    script.write_text(TALKATIVE.format(python=sys.executable))
    script.chmod(0o755)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.setattr(sys, "executable", str(script))
    monkeypatch.setattr(robot_module, "START_TIMEOUT", 30.0)
    body = UnitreeRobot()
    body.disarm()
    with pytest.raises(EngineError, match=r"^it is over$"):
        body.follow(math.inf)
    body.close()


def test_an_interface_that_there_is_not_is_said(ros_domain):
    with pytest.raises(EngineError, match="there is no network interface 'eth77'"):
        UnitreeRobot("eth77", domain_beside(ros_domain))
