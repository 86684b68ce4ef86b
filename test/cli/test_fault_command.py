"""`vla-sim fault` on a stack of which only the one who breaks things is real."""

import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from waiting import wait_for

pytest.importorskip("rclpy")

from vla_sim.scenario.client import NodeThread
from vla_sim.scenario.fault_host import FaultHost, FaultNode

pytestmark = [pytest.mark.integration, pytest.mark.ros]


@pytest.fixture
def stack(ros_domain, monkeypatch):
    """The host, and what was done to its nodes."""
    monkeypatch.setattr(os, "environ", dict(os.environ))
    done = []
    nodes = SimpleNamespace(
        lockstep=False, kill=lambda name: done.append(("kill", name)),
        freeze=lambda name, stopped: done.append(("stop" if stopped else "go on", name)),
    )  # fmt: skip
    with NodeThread(ros_domain, FaultNode) as node:
        assert node.get_parameter("use_sim_time").value is True  # it reports in the stack's time
        host = FaultHost(nodes, node, time.monotonic, lambda _: None)
        node.on_fault_request, node.on_tick = host.on_request, host.tick
        yield SimpleNamespace(host=host, done=done, domain=ros_domain, environment=dict(os.environ))
        host.close()


def begin(stack, *words):
    line = [sys.executable, "-m", "vla_sim.cli.main", "fault", *words, "--domain", str(stack.domain)]
    return subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=stack.environment
    )


def ended(process):
    out, err = process.communicate(timeout=60.0)
    return process.returncode, out, err


def test_a_node_is_frozen_for_a_while_and_topics_until_they_are_cleared(stack):
    code, out, err = ended(begin(stack, "freeze", "voice", "--seconds", "0.5"))
    assert (code, err) == (0, "")
    assert out.splitlines() == ["fault: freeze voice for 0.5 s", "over: freeze voice for 0.5 s"]
    assert [one for one in stack.done if one[1] == "voice"][-2:] == [("stop", "voice"), ("go on", "voice")]
    assert ended(begin(stack, "drop", "/scan", "--share", "0.5"))[0] == 0
    assert ended(begin(stack))[1] == "drop /scan, 50 %\n"
    assert ended(begin(stack, "--clear"))[1] == "over: 1 fault\n"
    assert stack.host.active == []
    assert ended(begin(stack, "kill", "voice"))[0] == 0
    assert stack.done[-1] == ("kill", "voice")


def test_ctrl_c_ends_a_fault_early(stack):
    process = begin(stack, "freeze", "voice", "--seconds", "600")
    wait_for(lambda: stack.host.active, 60.0)
    process.send_signal(signal.SIGINT)
    assert ended(process)[0] == 130
    assert stack.host.active == []
    assert stack.done[-1] == ("go on", "voice")


def test_what_the_stack_refuses_is_said(stack):
    code, _, err = ended(begin(stack, "memory", "--amount", "1000000"))
    assert code == 2
    assert "can be taken" in err
