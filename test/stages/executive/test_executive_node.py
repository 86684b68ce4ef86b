"""The executive as a node: after a restart, whoever waits for an answer gets it."""

from __future__ import annotations

import math
import time

import msgspec
import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy", reason="rclpy is not installed")
from rclpy.node import Node  # noqa: E402

from vla_sim.contract import records, topics  # noqa: E402
from vla_sim.ros import kept_state  # noqa: E402
from vla_sim.ros.execution import QOS  # noqa: E402
from vla_sim.ros.executor import SerialExecutor  # noqa: E402
from vla_sim.ros.messages import message_class  # noqa: E402
from vla_sim.stages.executive.core import RESTARTED, Memory  # noqa: E402
from vla_sim.stages.executive.node import LONGEST_MEETING, MEETING, ExecutiveNode  # noqa: E402

pytestmark = pytest.mark.ros
WAIT = 40.0


@pytest.fixture
def restarted(ros_node, monkeypatch, tmp_path):
    """An executive that had accepted a command while it and one other listened; what runs callbacks."""
    monkeypatch.setenv(kept_state.FOLDER, str(tmp_path))
    kept = Memory(open=("a",), listeners=2)
    (tmp_path / "executive.json").write_bytes(msgspec.json.encode(kept))
    node = ros_node(ExecutiveNode)
    executor = SerialExecutor()
    executor.add_node(node)
    yield node, executor
    executor.shutdown()


class Listener(Node):
    def __init__(self):
        super().__init__("listener")
        self.heard = []
        kind, name, qos = message_class(topics.STATUS.ros_type), topics.STATUS.name, QOS[topics.STATUS.qos]
        self.create_subscription(kind, name, self.on_status, qos)

    def on_status(self, message):
        self.heard.append(msgspec.json.decode(message.data, type=records.Status))


def run(executor, seconds, enough=lambda: False):
    end = time.monotonic() + seconds
    while time.monotonic() < end and not enough():
        executor.spin_once(0.05)


def test_where_it_is_by_a_map_that_is_no_pose_is_not_taken(restarted):
    node, _ = restarted
    node.odom = np.eye(4)
    for x in (1.0, math.nan):
        shift = message_class(topics.MAP_TO_ODOM.ros_type)()
        shift.transform.translation.x, shift.transform.rotation.w = x, 1.0
        node.on_map_to_odom(shift)
        node.update_pose()
        assert node.ctx.pose == (1.0, 0.0, 0.0)


def test_an_answer_waits_for_those_who_listened_before(restarted, ros_node):
    node, executor = restarted
    run(executor, MEETING + 1.0)
    assert node.before is not None
    listener = ros_node(Listener)
    executor.add_node(listener)
    run(executor, WAIT, lambda: listener.heard)
    assert [(one.command_id, one.state, one.detail) for one in listener.heard] == [("a", "failed", RESTARTED)]


def test_an_answer_does_not_wait_for_ever(restarted):
    node, executor = restarted
    run(executor, WAIT, lambda: node.before is None)
    assert node.before is None
    assert node.ticks > LONGEST_MEETING * node.params.rate > node.met


def test_a_node_that_was_frozen_meets_the_others_first(restarted, ros_node):
    node, executor = restarted
    executor.add_node(ros_node(Listener))
    time.sleep(2.0 * MEETING)  # nothing of it runs
    node.tick()
    assert node.before is not None


@pytest.fixture
def heard(restarted, monkeypatch):
    """Id and stop of each command that the core hears of."""
    found = []
    node, _ = restarted
    monkeypatch.setattr(node.core, "on_command", lambda *what, **how: found.append((what[0], how)))
    return found


def test_a_command_that_cannot_be_read_is_answered(restarted, heard):
    node, _ = restarted
    node.on_malformed('{"command_id":"voice-1","text":"go to the')
    node.on_malformed('{"command_id":"voice-2","text":"stop","sec')
    node.on_malformed("garbage")
    assert heard == [("voice-1", {"stop": False}), ("voice-2", {"stop": True})]


def test_half_a_sentence_is_answered_too(restarted, heard):
    node, _ = restarted
    half = records.Transcript(
        command_id="voice-1",
        text="you at",
        confidence=0.02,
        complete=False,
        speech_end_mono=1.0,
        reason="partial",
    )
    node.on_transcript(half)
    assert heard == [("voice-1", {"stop": False})]
