"""The node base class: parameters, declared topics, bad payloads."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from waiting import spin_until

rclpy = pytest.importorskip("rclpy")
from diagnostic_msgs.msg import DiagnosticStatus  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from std_msgs.msg import String  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402

from vla_sim.common import clock  # noqa: E402
from vla_sim.common.errors import InputError  # noqa: E402
from vla_sim.common.params import StageParams, check, param  # noqa: E402
from vla_sim.contract import records, topics  # noqa: E402
from vla_sim.ros.execution import QOS  # noqa: E402
from vla_sim.ros.executor import SerialExecutor  # noqa: E402
from vla_sim.ros.lockstep import run_environment  # noqa: E402
from vla_sim.ros.lockstep.turn_taking import Go  # noqa: E402
from vla_sim.ros.messages import to_seconds, to_stamp  # noqa: E402
from vla_sim.ros.stage_node import StageNode  # noqa: E402


@dataclass(frozen=True)
class Params(StageParams):
    rate: float = param(20.0, "[Hz]", low=1.0, high=50.0)
    count: int = param(3, "")
    loud: bool = param(False, "")


@pytest.fixture
def start(ros_node):
    """Makes a node with `name:=value` as parameters."""
    return lambda *words: ros_node(StageNode, "plain", Params, words=words)


def test_a_namespace_is_the_nodes_own_and_a_remap_moves_a_topic(ros_domain):
    words = [
        "--ros-args",
        "-r",
        "__ns:=/g1",
        "-r",
        "/scan:=/lidar/scan",
        "-r",
        "/diagnostics:=/g1/diagnostics",
    ]
    rclpy.init(args=words, domain_id=ros_domain)
    try:
        node = StageNode("plain", Params)
        node.listen(topics.SCAN, lambda _: None)
        node.publish(topics.CMD_VEL)
        assert node.get_fully_qualified_name() == "/g1/plain"
        assert [s.topic_name for s in node.subscriptions] == ["/lidar/scan"]
        published = {p.topic_name for p in node.publishers}
        assert {"/cmd_vel", "/g1/diagnostics"} <= published  # the contract's names are absolute
        node.destroy_node()
    finally:
        rclpy.try_shutdown()


def test_a_whole_number_does_for_a_float(start):
    rate = start("rate:=10").params.rate
    assert rate == 10.0
    assert isinstance(rate, float)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("rate:=fast", "rate is 'fast'; it must be a number"),
        ("rate:=100.0", "rate is 100.0; it must be a number from 1 to 50"),
        ("count:=2.5", "count is 2.5; it must be a whole number"),
        ("count:=true", "count is True; it must be a whole number"),
        ("loud:=1", "loud is 1; it must be true or false"),
        ("world:=7", "world is 7; it must be a text"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_is_allowed(start, value, message):
    with pytest.raises(InputError, match=message):
        start(value)


def test_check_names_the_field_without_ros():
    with pytest.raises(InputError, match="parameter rate"):
        check(Params(rate=0.0))


def test_a_topic_that_was_not_declared_cannot_be_sent_to(start):
    with pytest.raises(RuntimeError, match=r"plain must publish\(/vla/verdict\) in its constructor"):
        start().send(topics.VERDICT, records.Say(text="hello"))


def test_a_bad_payload_is_counted_and_the_next_good_one_is_taken(start):
    node = start()
    heard: list[records.Say] = []
    node.listen(topics.SAY, heard.append)
    mouth = node.create_publisher(String, topics.SAY.name, QOS["reliable"])
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    spin_until(executor, mouth.get_subscription_count)
    for payload in ("", "{", '{"text": 3}', '{"text": "hello"}'):
        mouth.publish(String(data=payload))
    spin_until(executor, lambda: heard)
    assert [say.text for say in heard] == ["hello"]
    assert node.rejected == {topics.SAY.name: 3}


def test_a_report_tells_whose_process_it_is_and_how_much_it_sent(start):
    node = start()
    node.publish(topics.SAY)
    for _ in range(3):
        node.send(topics.SAY, records.Say(text="hello"))
    values = {v.key: v.value for v in node.diagnostics().status[0].values}
    assert values["pid"] == str(os.getpid())
    assert values[f"published {topics.SAY.name}"] == "3"
    assert node.publish(topics.SAY).msg_type is String


def test_a_node_that_follows_the_load_obeys_until_the_monitor_is_silent(start, monkeypatch):
    from vla_sim.contract.limits import LOAD_LEVELS, LOAD_SILENCE
    from vla_sim.contract.records import Load

    node = start()
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)

    def word(level):
        return Load(
            level=level, name=LOAD_LEVELS[level].name, since=0.0, cpu=90.0, memory=1.0, missed=0.0, stamp=0.0,
            mono=now,
        )  # fmt: skip

    node.follow_load()
    assert topics.MONITOR_LOAD.name in node.subscribed
    assert node.load is LOAD_LEVELS[0]
    node.load_follower.on_load(word(3))
    assert node.load.camera_shrink == 2
    now += LOAD_SILENCE
    assert node.load is LOAD_LEVELS[0]
    node.load_follower.on_load(word(1))
    assert not node.load.background


def test_nothing_of_the_load_is_heard_in_lock_step(start):
    node = start()
    node.execution.deterministic = True
    node.follow_load()
    assert topics.MONITOR_LOAD.name not in node.subscribed


@given(st.integers(1, 100_000))
def test_a_stamp_just_short_of_a_whole_second_is_the_whole_second(second):
    """A clock of 26.999999999 s where 27 is meant kept the velocity gate from its turn, each second."""
    stamp = to_stamp(math.nextafter(float(second), 0.0))
    assert (stamp.sec, stamp.nanosec) == (second, 0)


@given(st.floats(0.0, 1e5))
def test_a_stamp_is_within_half_a_nanosecond(seconds):
    assert abs(to_seconds(to_stamp(seconds)) - seconds) < 6e-10


def test_what_is_recorded_is_in_the_next_report_and_in_no_other(start):
    node = start()
    for value in (1.0, 2.5, math.nan):
        node.record_metric("delay", value, "ms")
    node.record_metric("count", 7)
    values = {v.key: v.value for v in node.diagnostics().status[0].values}
    assert (values["metric delay [ms]"], values["metric count"]) == ("1 2.5 nan", "7")
    assert not any(v.key.startswith("metric ") for v in node.diagnostics().status[0].values)
    with pytest.raises(ValueError, match="two words"):
        node.record_metric("two words", 1.0)


def test_more_than_a_report_holds_leaves_the_newest(start):
    node = start()
    for k in range(3000):
        node.record_metric("k", k)
    (values,) = [v.value for v in node.diagnostics().status[0].values if v.key == "metric k"]
    assert values.split() == [str(k) for k in range(2000, 3000)]


def broken(*_):
    raise RuntimeError("it went wrong")


def test_a_callback_that_raises_costs_its_call_and_is_told_in_the_report(start):
    node = start()
    told: list[str] = []
    node.on_failure = told.append  # type: ignore[method-assign]
    heard: list[str] = []

    def hear(say: records.Say) -> None:
        heard.append(say.text)
        broken()

    node.listen(topics.SAY, hear)
    node.repeat(0.02, broken, steady=True)
    notify = node.execution.notifier(broken, 1.0)
    worker = node.execution.worker("hand", broken, capacity=5)
    node.execution.in_background(broken)
    service = node.create_service(Trigger, "break", broken)
    mouth = node.create_publisher(String, topics.SAY.name, QOS["reliable"])
    executor = SerialExecutor()
    executor.add_node(node)
    spin_until(executor, mouth.get_subscription_count)
    notify()
    worker.put(1)
    for text in ("one", "two"):
        mouth.publish(String(data=f'{{"text": "{text}"}}'))
    wanted = {topics.SAY.name, "timer", "notifier", "hand", "background"}
    spin_until(executor, lambda: len(heard) >= 2 and set(told) >= wanted, says=lambda: told)
    assert heard == ["one", "two"]
    answer = service.callback(Trigger.Request(), Trigger.Response())
    assert (answer.success, answer.message) == (False, "it failed; see the node's log")
    (report,) = node.diagnostics().status
    assert report.level == DiagnosticStatus.ERROR
    assert "RuntimeError: it went wrong" in report.message
    values = {v.key: v.value for v in report.values}
    assert int(values["callback failures"]) == node.failures.count >= 7
    assert "test_stage_node.py:" in values["last callback failure"]
    worker.close()


def test_a_report_that_cannot_be_made_says_so(start):
    node = start()
    node.status = broken  # type: ignore[method-assign]
    (report,) = node.diagnostics().status
    assert report.level == DiagnosticStatus.ERROR
    assert "status: RuntimeError: it went wrong" in report.message


def test_in_lock_step_a_callback_that_raises_costs_its_call_too(start, tmp_path, monkeypatch):
    monkeypatch.setenv(run_environment.SOCKET, str(tmp_path / "turns"))
    try:
        node = start()
        ticks: list[float] = []
        node.repeat(0.1, broken)
        node.repeat(0.1, lambda: ticks.append(node.now()))
        worker = node.execution.worker("hand", broken, capacity=1)
        node.execution.in_background(broken)
        worker.put(1)
        for k in range(4):
            node.execution.turn(Go(0.1 * k, {}))
        assert len(ticks) == 3
        assert node.failures.count == 5
        assert node.diagnostics().status[0].level == DiagnosticStatus.ERROR
    finally:
        clock.use(None)


def test_a_node_that_judges_lets_everything_through(start, monkeypatch):
    monkeypatch.setattr(StageNode, "forgiving", False)
    node = start()
    with pytest.raises(RuntimeError, match="it went wrong"):
        node.guard("x", broken)()


def test_a_node_that_has_left_reports_no_more(start):
    node = start()
    sent: list = []
    node.published[topics.DIAGNOSTICS.name].publish = lambda message: sent.extend(message.status)
    node._check()
    node.leave()
    for _ in range(100):
        node._check()
    assert [one.level for one in sent] == [DiagnosticStatus.OK, DiagnosticStatus.STALE]
