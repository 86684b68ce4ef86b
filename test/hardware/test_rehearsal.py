"""Every step of going to hardware, rehearsed on one machine as docs/hardware.md says it: the commands against
`vla-sim g1`, judged by the simulator's truth. In real time, so that `make load` plays it."""

import json
import math
import os
import re
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import yaml
from installed import needs
from sound_card import MICROPHONE, SoundCard, needed
from waiting import wait_for

from vla_sim.bringup.supervisor import Domain
from vla_sim.common.geometry import wrap, yaw_from_quaternion
from vla_sim.hardware.unitree.network import domain_beside
from vla_sim.stages.voice.simulated_microphone import in_room
from vla_sim.stages.voice.synthesis import Hibari
from vla_sim.world.semantic_map import World

needs("rclpy", "rclpy is not installed")
needs("cyclonedds", "CycloneDDS is not installed")
pytestmark = [pytest.mark.ros, pytest.mark.gl, pytest.mark.scenario, pytest.mark.load]

READY_TIMEOUT, WALK_TIMEOUT, END_TIMEOUT = 300.0, 180.0, 60.0
"""[s]"""


class Program:
    """A `vla-sim` command. lines: what it has printed."""

    def __init__(self, *words, environment):
        self.lines = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "vla_sim.cli.main", *map(str, words)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "COLUMNS": "200", **environment},
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        self.lines.extend(self.process.stdout)

    def said(self, text, seconds=READY_TIMEOUT):
        """Wait until it has printed that."""

        def printed():
            assert self.process.poll() is None, self.lines
            return any(text in line for line in self.lines)

        wait_for(printed, seconds)

    def type(self, line):
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def ended(self):
        """Its exit code."""
        code = self.process.wait(END_TIMEOUT)
        self._reader.join(END_TIMEOUT)
        return code

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(END_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.process.kill()


class Rehearsal:
    """network: the flags that lead to its robot. environment: added to that of what is started."""

    def __init__(self, folder, domain):
        self.folder, self.programs, self.environment = folder, [], {}
        self.truth = folder / "truth.jsonl"
        self.domain = ("--domain", domain)
        self.network = ("--interface", "lo", "--dds-domain", domain_beside(domain), *self.domain)

    def start(self, *words):
        self.programs.append(Program(*words, environment=self.environment))
        return self.programs[-1]

    def robot(self, world):
        """`vla-sim g1` in a world, with lidar and camera."""
        one = self.start(
            "g1", "--world", world, "--dds-domain", self.network[3], "--sensors-domain", self.domain[1],
            "--truth", self.truth,
        )  # fmt: skip
        one.said("a G1 in")
        return one

    def stack(self, world, *words):
        """`vla-sim robot`, ready."""
        one = self.start("robot", "--world", world, *self.network, "--out", self.folder / "run", *words)
        one.said("ready, in ROS domain")
        return one

    def now(self):
        """The robot's time [s], and x, y [m], yaw [rad] where it really is."""
        lines = self.truth.read_text().splitlines()
        row = json.loads(lines[-1])
        assert not row["fallen"]
        x, y, *_ = row["robot"]
        return row["time"], np.array([x, y, yaw_from_quaternion(row["robot"][3:])])

    def wait(self, seconds):
        """Of the robot's time."""
        end = self.now()[0] + seconds
        wait_for(lambda: self.now()[0] >= end, 60.0 * seconds)


@pytest.fixture
def rehearsal(tmp_path):
    free = Domain()
    free.release()  # for the commands to take it
    made = Rehearsal(tmp_path, free.id)
    yield made
    for one in reversed(made.programs):
        one.close()


@pytest.fixture
def card():
    with SoundCard() as made:
        yield made


@pytest.mark.audio
@needed
def test_a_command_spoken_at_the_microphone_is_heard_and_walked(rehearsal, card):
    rehearsal.environment = card.environment
    rehearsal.robot("apartment")
    stack = rehearsal.stack("apartment", "--mic", "--param", f"microphone.device={MICROPHONE}")
    stack.type("arm")
    stack.said("the robot obeys", 30.0)
    card.play(in_room(Hibari().speak("go to the kitchen")))
    goal = next(place for place in World.load("apartment").places if place.name == "kitchen")
    wait_for(lambda: math.dist(rehearsal.now()[1][:2], (goal.x, goal.y)) < 0.4, WALK_TIMEOUT)
    stack.type("end")
    assert stack.ended() == 0, stack.lines


def measured(lines):
    """What `vla-sim calibrate` has printed [m], [degrees], by what it measured."""
    found = (re.match(r"\s+(.+?)\s+measured\s+(\S+)", line) for line in lines)
    return {one[1]: float(one[2]) for one in found if one}


def test_lidar_and_camera_measure_what_is_there(rehearsal):
    """The robot does not stand quite square; nobody's word but the truth's is taken for that."""
    rehearsal.robot("tabletop")
    rehearsal.stack("tabletop")
    x, y, yaw = rehearsal.now()[1]
    c, s = math.cos(yaw), math.sin(yaw)
    ahead, left = np.array([[c, s], [-s, c]]) @ (1.04 - x, 0.15 - y)  # of the cup
    there = {
        "wall ahead": 2.50 - x, "wall ahead, turned": math.degrees(-yaw), "wall beside": 2.00 - y,
        "table's edge": 0.90 - x, "table's edge, turned": math.degrees(-yaw), "table's top's height": 0.76,
        "cup's x": ahead, "cup's y": left,
    }  # fmt: skip
    told = rehearsal.start(
        "calibrate", *rehearsal.domain, "--wall", 2.50, "--side-wall", 2.00, "--table", 0.90, 0.76,
        "--cup", 1.04, 0.15,
    )  # fmt: skip
    assert told.ended() in (0, 1), told.lines
    found = measured(told.lines)
    assert {name: found[name] for name in there} == {
        name: pytest.approx(value, abs=0.5 if "turned" in name else 0.01) for name, value in there.items()
    }
    wrong = rehearsal.start("calibrate", *rehearsal.domain, "--wall", 2.60)
    assert wrong.ended() == 1, wrong.lines
    assert any("wall ahead " in line and "OFF by -0.1" in line for line in wrong.lines), wrong.lines


def test_a_map_is_made_while_the_remote_control_drives(rehearsal):
    robot = rehearsal.robot("tabletop")
    made = rehearsal.start("map", *rehearsal.network, "--out", rehearsal.folder / "home")
    made.said("in ROS domain")

    def looks():
        made.type("")
        time.sleep(0.5)
        return any(" scans, " in line and not line.startswith("0 scans") for line in made.lines)

    wait_for(looks, READY_TIMEOUT)
    begin = rehearsal.now()[1]
    for stick, value, seconds in (("rx", 0.6, 4.0), ("rx", 0, 3.0), ("ly", 0.5, 3.0), ("ly", 0, 3.0)):
        robot.type(f"stick {stick} {value}")
        rehearsal.wait(seconds)
    made.type("here")
    made.type("end")
    assert made.ended() == 0, made.lines
    end = rehearsal.now()[1]
    assert math.dist(begin[:2], end[:2]) > 0.5
    places = yaml.safe_load((rehearsal.folder / "home" / "places.yaml").read_text())["places"]
    x, y, yaw = places["here"]
    c, s = math.cos(begin[2]), math.sin(begin[2])
    way = np.array([[c, s], [-s, c]]) @ (end - begin)[:2]
    assert math.dist(way, (x, y)) < 0.15
    assert abs(wrap(end[2] - begin[2] - yaw)) < 0.1
    assert World.load(str(rehearsal.folder / "home" / "home.yaml")).name == "home"
