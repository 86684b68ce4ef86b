"""Nodes of the same parent, as `ros2 launch` has them: found by their command lines, frozen and killed."""

import os
import subprocess
import sys

import psutil
import pytest
from waiting import wait_for

from vla_sim.bringup.siblings import Siblings, nodes_of
from vla_sim.common.errors import InputError

pytestmark = pytest.mark.integration
SLEEP = "import time\ntime.sleep(600)"


@pytest.fixture
def begin():
    started = []

    def begin(name):
        line = [sys.executable, "-c", SLEEP, "--ros-args", "-r", f"__node:={name}"]
        started.append(subprocess.Popen(line))
        wait_for(lambda: name in nodes_of(os.getpid()), 30.0)
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def siblings(monkeypatch):
    """Of a process whose parent is this one."""
    monkeypatch.setattr(os, "getppid", os.getpid)
    return Siblings()


def test_a_node_is_frozen_and_goes_on(siblings, begin):
    voice, other = begin("voice"), begin("language")
    siblings.freeze("voice", True)
    wait_for(lambda: psutil.Process(voice.pid).status() == psutil.STATUS_STOPPED, 30.0)
    assert psutil.Process(other.pid).status() != psutil.STATUS_STOPPED
    siblings.freeze("voice", False)
    wait_for(lambda: psutil.Process(voice.pid).status() != psutil.STATUS_STOPPED, 30.0)


def test_a_killed_node_is_dead_and_the_one_that_takes_its_place_is_found(siblings, begin):
    for _ in range(2):
        process = begin("voice")
        siblings.kill("voice")
        assert not psutil.pid_exists(process.pid)


def test_who_is_not_there_is_told_with_who_is(siblings, begin):
    begin("language")
    with pytest.raises(InputError, match="no node is called 'voice'; there are language;"):
        siblings.kill("voice")
