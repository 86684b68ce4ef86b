"""Nodes that somebody else starts: who ended, and why, and who was killed on purpose."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from vla_sim.bringup.launched import LaunchedNodes
from vla_sim.bringup.node_table import NodeSpec
from vla_sim.bringup.supervisor import Domain
from vla_sim.common.errors import InputError, StackError
from vla_sim.ros.lockstep import run_environment

pytestmark = pytest.mark.integration

SPECS = tuple(NodeSpec(name, name) for name in ("engine", "voice"))


@pytest.fixture
def nodes():
    made = LaunchedNodes(lockstep=True, specs=SPECS)
    yield made
    made.ending()


def begin(nodes, name):
    """A real process, whose end is told by a thread as launch tells it."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    nodes.started(name, process.pid)
    threading.Thread(target=lambda: nodes.ended(name, process.wait()), daemon=True).start()
    return process


def test_each_takes_its_turn_and_so_does_the_client(nodes):
    env = nodes.environment()
    assert env[run_environment.NODES].split() == ["voice", "scenario"]
    assert env["ROS_DOMAIN_ID"] == str(nodes.domain.id)
    assert env["OMP_NUM_THREADS"] == "1"


def test_in_real_time_nobody_waits_for_turns():
    nodes = LaunchedNodes(lockstep=False, specs=SPECS)
    assert run_environment.SOCKET not in nodes.environment()
    nodes.ending()


def test_a_node_that_ended_is_named_with_its_last_words(nodes):
    nodes.started("voice", 1)
    nodes.check()
    nodes.said("voice", "error: no microphone")
    nodes.ended("voice", 3)
    with pytest.raises(StackError, match="voice ended with exit code 3: no microphone"):
        nodes.check()
    assert nodes.pids() == []


def test_a_node_that_was_killed_on_purpose_is_no_failure(nodes):
    process = begin(nodes, "voice")
    nodes.freeze("voice", stopped=True)
    nodes.kill("voice")
    assert process.returncode == -signal.SIGKILL
    assert nodes.killed == {"voice"}
    nodes.check()


def test_what_is_frozen_goes_on_when_all_end(nodes):
    process = begin(nodes, "voice")
    nodes.freeze("voice", stopped=True)
    nodes.ending()
    process.send_signal(signal.SIGINT)
    assert process.wait(10.0) != 0
    nodes.check()


def test_an_unknown_node_is_refused_with_the_known_ones(nodes):
    nodes.started("engine", os.getpid())
    with pytest.raises(InputError, match="no node is called 'ears'; there are engine"):
        nodes.kill("ears")
    nodes.ended("engine", 0)


def test_the_domain_is_free_again_when_the_last_node_has_ended(nodes):
    nodes.started("voice", 1)
    nodes.ended("voice", 0)
    with pytest.raises(StackError):
        Domain(nodes.domain.id)
    nodes.ending()
    Domain(nodes.domain.id).release()


def test_what_only_watches_takes_no_turns_and_may_end():
    specs = (*SPECS, NodeSpec("monitor", "monitor", observer=True))
    nodes = LaunchedNodes(lockstep=True, specs=specs)
    try:
        assert nodes.names == ("engine", "voice")
        assert "monitor" not in nodes.environment()[run_environment.NODES]
        nodes.started("monitor", 2**22 + 5)
        nodes.ended("monitor", 1)
        nodes.check()
    finally:
        nodes.ending()
