"""What counts as a decision, and when two are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("rclpy")
from recorded_run import text

from vla_sim.common.mcap_file import Channel, McapFile
from vla_sim.contract import topics
from vla_sim.contract.records import (
    FINAL_STATES,
    NavigationRequest,
    ObjectQuery,
    Plan,
    SafetyState,
    Status,
    Step,
)
from vla_sim.recording.decisions import DECISIONS, TOLERANCE, Compared, Decision, compare, decisions
from vla_sim.recording.definitions import definition
from vla_sim.recording.reader import Recording

KIND = "std_msgs/msg/String"


def recorded(path, *said):
    """A recording of (stamp, topic, record)."""
    out, numbers = McapFile(path, largest=1 << 30, chunk=1 << 20), {}
    for stamp, topic, record in said:
        if topic not in numbers:
            numbers[topic] = out.add(Channel(topic.name, "cdr", KIND, "ros2msg", definition(KIND)))
        data = record if isinstance(record, bytes) else text(record)
        out.write(numbers[topic], round(1e9 * stamp), data)
    out.close()
    return Recording(path)


def go(x, **more):
    return NavigationRequest(goal_id="g", mode="go", x=x, y=1.0, yaw=0.5, **more)


def test_a_decision_is_what_a_record_says_without_its_ids_and_times(tmp_path):
    cup = ObjectQuery(kind="cup", colour="red")
    steps = [Step(skill="navigate", place="kitchen"), Step(skill="pick", object=cup)]
    steps.append(Step(skill="turn", angle=1.5708))
    plan = Plan(command_id="c", text="t", steps=steps, planner="rules")
    status = Status(command_id="c", state="running", skill="navigate", step=0, steps=3, mono=4.0)
    found = decisions(recorded(
        tmp_path / "a.mcap", (1.0, topics.PLAN, plan), (2.0, topics.STATUS, status),
        (3.0, topics.NAVIGATION_REQUEST, go(2.5)),
    ))  # fmt: skip
    assert found[topics.PLAN.name] == [
        Decision(1.0, "navigate kitchen, pick red cup, turn 1.571; normal")
    ]  # fmt: skip
    assert found[topics.STATUS.name] == [Decision(2.0, "running navigate; step 1 of 3")]
    assert found[topics.NAVIGATION_REQUEST.name] == [Decision(3.0, "go 2.500 1.000 0.500 rad")]


def test_a_heading_is_the_same_on_both_sides_of_pi_and_a_turn_is_not():
    def told(mode, **more):
        request = NavigationRequest(goal_id="g", mode=mode, **more)
        return Decision(1.0, DECISIONS[topics.NAVIGATION_REQUEST](request))

    west = {"x": 3.14, "y": 1.0}
    assert told("go", yaw=3.14, **west).same(told("go", yaw=-3.14, **west))
    assert not told("go", yaw=3.0, **west).same(told("go", yaw=-3.0, **west))
    assert not told("turn", angle=3.14).same(told("turn", angle=-3.14))


def test_what_is_said_again_and_a_lease_that_is_renewed_are_no_decisions(tmp_path):
    ok, stopped = SafetyState(level="ok", reasons=[]), SafetyState(level="stopped", reasons=["no scan"])
    renew = NavigationRequest(goal_id="g", mode="renew")
    said = [(0.1 * k, topics.SAFETY_STATE, ok if k < 5 else stopped) for k in range(10)]
    said += [(2.0, topics.NAVIGATION_REQUEST, go(1.0))]
    said += [(3.0 + k, topics.NAVIGATION_REQUEST, renew) for k in range(3)]
    found = decisions(recorded(tmp_path / "a.mcap", *said))
    assert [one.text for one in found[topics.SAFETY_STATE.name]] == ["ok", "stopped; no scan"]
    assert len(found[topics.NAVIGATION_REQUEST.name]) == 1


def test_a_payload_of_another_version_is_a_decision_that_says_so(tmp_path):
    from rclpy.serialization import serialize_message
    from std_msgs.msg import String

    strange = serialize_message(String(data='{"level":"dancing"}'))
    found = decisions(recorded(tmp_path / "a.mcap", (0.0, topics.SAFETY_STATE, strange)))
    assert found[topics.SAFETY_STATE.name][0].text.startswith("no SafetyState: {")


def test_numbers_may_differ_by_a_little_and_words_may_not():
    said = Decision(1.0, "go 2.500 -1.000 0.500")
    assert said.same(Decision(7.0, f"go {2.5 + 0.9 * TOLERANCE:.3f} -1.000 0.500"))
    assert not said.same(Decision(1.0, f"go {2.5 + 1.1 * TOLERANCE:.3f} -1.000 0.500"))
    assert not said.same(Decision(1.0, "go 2.500 1.000 0.500 rad"))
    assert not said.same(Decision(1.0, "dock 2.500 -1.000 0.500"))
    assert not Decision(1.0, "running; step 1 of 3").same(Decision(1.0, "running; step 2 of 3"))


def test_what_one_run_lacks_stands_beside_nothing_and_the_rest_beside_its_like():
    ours = {"/t": [Decision(float(k), word) for k, word in enumerate(["a", "b", "c", "d"])]}
    theirs = {"/t": [Decision(float(k), word) for k, word in enumerate(["a", "c", "e"])]}
    pairs = [
        (one.recorded and one.recorded.text, one.replayed and one.replayed.text)
        for one in compare(ours, theirs, ["/t"])
    ]
    assert sorted(pairs, key=str) == sorted([("a", "a"), ("b", None), ("c", "c"), ("d", "e")], key=str)
    assert compare(ours, theirs, []) == []


words = st.lists(st.sampled_from(["a", "b", "go 1.000", "go 2.000"]), max_size=8)


@given(words, words)
def test_every_decision_of_both_runs_is_shown_once_in_order_of_time(one, other):
    ours = {"/t": [Decision(float(k), word) for k, word in enumerate(one)]}
    theirs = {"/t": [Decision(float(k), word) for k, word in enumerate(other)]}
    found = compare(ours, theirs, ["/t"])
    assert sorted(c.recorded for c in found if c.recorded) == sorted(ours["/t"])
    assert sorted(c.replayed for c in found if c.replayed) == sorted(theirs["/t"])
    assert all(c.same for c in compare(ours, ours, ["/t"]))
    assert [c.stamp for c in found] == sorted(c.stamp for c in found)


def test_every_topic_of_the_table_carries_a_record_that_its_words_can_read():
    for topic in DECISIONS:
        assert not isinstance(topic.type, str), topic.name
        assert not topic.truth
    assert Compared("/t", None, Decision(1.0, "a")).same is False
    assert "cancelled" in FINAL_STATES
