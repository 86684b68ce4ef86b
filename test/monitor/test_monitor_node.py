"""The node around the core: what it says when, in one process."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from journal_entries import traced

pytest.importorskip("rclpy")
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from std_msgs.msg import String
from std_srvs.srv import Trigger

from vla_sim.contract import topics
from vla_sim.contract.codec import encode
from vla_sim.contract.records import SafetyState
from vla_sim.monitor import journal
from vla_sim.monitor.journal import FILE
from vla_sim.monitor.node import MonitorNode
from vla_sim.monitor.system import Usage

pytestmark = pytest.mark.ros


@pytest.fixture
def start(ros_node):
    """Makes the node with `name:=value` as parameters; it is not spun."""

    def make(*words: str) -> MonitorNode:
        node = ros_node(MonitorNode, words=words)
        node.sent = []
        node.send = lambda topic, record: node.sent.append((topic.name, record))
        return node

    return make


def alerts(node):
    return [(r.name, r.active) for topic, r in node.sent if topic == topics.MONITOR_ALERTS.name]


def test_an_alert_is_sent_logged_and_journalled_as_it_begins_and_as_it_ends(start, tmp_path):
    node = start(f"monitor_folder:={tmp_path}", "thresholds:='system.cpu=1e9'")
    assert node.health() == (DiagnosticStatus.OK, "ok")
    for event in traced("c1", 10.0, slow=6.0):
        node.on_trace(event)
    assert alerts(node) == [("llm.response", True), ("voice.response", True)]
    assert node.health() == (DiagnosticStatus.ERROR, "voice response, llm response")
    assert node.status()["alerts"] == "2"
    for event in traced("c2", 20.0):
        node.on_trace(event)
    assert alerts(node)[2:] == [("llm.response", False), ("voice.response", False)]
    assert node.health() == (DiagnosticStatus.OK, "ok")
    node.close()
    found = [e.topic for e in journal.read(tmp_path / FILE)]
    assert found.count(topics.MONITOR_ALERTS.name) == 4
    assert found.count(topics.TRACE.name) == 12


def test_once_a_second_there_is_a_state_and_a_word_on_the_load(start):
    node = start()
    entry = DiagnosticStatus(level=DiagnosticStatus.WARN, name="voice", message="payloads rejected")
    entry.values = [KeyValue(key="listens", value=""), KeyValue(key="chunks waiting", value="4")]
    message = DiagnosticArray(status=[entry])
    message.header.stamp.sec = 12
    node.on_diagnostics(message)
    node.second()
    ((topic, state),) = [one for one in node.sent if one[0] == topics.MONITOR_STATE.name]
    assert (state.stamp, node.now(), state.figures) == (12.0, 12.0, {"voice.chunks waiting": "4"})
    assert (state.nodes[0].level, state.nodes[0].message) == ("warning", "payloads rejected")
    assert topic == "/monitor/state"
    ((topic, load),) = [one for one in node.sent if one[0] == topics.MONITOR_LOAD.name]
    assert (load.stamp, load.cpu, load.memory, load.level) == (12.0, state.cpu, state.memory, 0)


def test_each_step_of_shedding_is_sent_logged_journalled_and_in_the_diagnostics(start, tmp_path, monkeypatch):
    node = start(f"monitor_folder:={tmp_path}", "thresholds:='system.memory=1e9 system.disk=1e9'")
    said = []
    monkeypatch.setattr(node, "get_logger", lambda: SimpleNamespace(warning=said.append, info=said.append))
    cpu, now = 99.0, 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(node.system, "sample", lambda _: Usage(cpu, 30.0, 30.0, 0.0, 0.0))
    for _ in range(7):
        node.second()
        now += 1.0
    assert node.health() == (DiagnosticStatus.ERROR, "system cpu, load level 2 (perception)")
    assert node.status()["load level"] == "2"
    cpu = 10.0
    for _ in range(20):
        node.second()
        now += 1.0
    assert node.health() == (DiagnosticStatus.OK, "ok")
    assert node.status()["load steps"] == "4"
    loads = [record for topic, record in node.sent if topic == topics.MONITOR_LOAD.name]
    assert len(loads) == 27  # a stage that hears nothing would work in full
    assert [line.split(":")[1] for line in said if "load level" in line] == [
        " shed", " shed", " restored", " restored",
    ]  # fmt: skip
    node.close()
    steps = [e.record for e in journal.read(tmp_path / FILE) if e.topic == topics.MONITOR_LOAD.name]
    assert [(s.before, s.level) for s in steps] == [(0, 1), (1, 2), (2, 1), (1, 0)]


def test_nothing_is_said_of_load_where_it_is_never_shed(start):
    node = start("shedding:=false")
    node.second()
    assert topics.MONITOR_LOAD.name not in [topic for topic, _ in node.sent]
    assert node.status()["load level"] == "never shed"


def test_the_last_minutes_are_told_when_asked(start):
    node = start("thresholds:='system.cpu=1e9 system.memory=1e9 system.disk=1e9'")
    for event in traced("c1", 10.0):
        node.on_trace(event)
    node.core.store.record_metric("voice", "latency", 70.0, "ms")
    node.second()
    answer = node.on_report(None, Trigger.Response())
    assert answer.success
    assert "no alerts" in answer.message
    assert "voice latency [ms]: average 70, min 70, max 70, count 1" in answer.message  # the other is old
    assert "s ago: system cpu" in answer.message


def test_the_gate_is_written_down_when_it_changes(start, tmp_path):
    node = start(f"monitor_folder:={tmp_path}")
    for level in ("ok", "ok", "stopped", "stopped", "ok"):
        state = SafetyState(level=level, reasons=[])
        node.on_safety(String(data=encode(state)))
    node.on_safety(String(data="rubbish"))
    node.close()
    found = [e.record.level for e in journal.read(tmp_path / FILE) if e.topic == topics.SAFETY_STATE.name]
    assert found == ["ok", "stopped", "ok"]
    assert node.rejected == {topics.SAFETY_STATE.name: 1}


def test_what_only_watches_does_not_end_when_it_cannot_write(start, tmp_path):
    (tmp_path / "file").write_text("")
    node = start(f"monitor_folder:={tmp_path / 'file' / 'below'}")
    assert node.journal is None
    node.second()
    assert node.last is not None
