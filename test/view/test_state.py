"""What a viewer knows, from the messages of a run."""

import math
from types import SimpleNamespace as Message

import msgspec
import numpy as np
import pytest
from page_states import walking

from vla_sim.contract import records, topics
from vla_sim.contract.records import Plan, SafetyState, Status, Step, TraceEvent, Transcript, Verdict
from vla_sim.view import snapshot
from vla_sim.view.state import LOG, MOST_COMMANDS, MOST_LINES, Memory, ViewState
from vla_sim.world.semantic_map import World


def xyz(x=0.0, y=0.0, z=0.0):
    return Message(x=x, y=y, z=z)


def turned(yaw):
    return Message(w=math.cos(yaw / 2), x=0.0, y=0.0, z=math.sin(yaw / 2))


def odometry(x, y, yaw):
    return Message(pose=Message(pose=Message(position=xyz(x, y, 0.77), orientation=turned(yaw))))


class Watched(ViewState):
    def __init__(self):
        self.clock = Message(now=100.0)
        super().__init__(lambda: self.clock.now)


@pytest.fixture
def state():
    return Watched()


def test_the_robot_stands_where_odometry_and_localisation_say_together(state):
    assert ViewState().base is None
    frame = Message(transform=Message(translation=xyz(1.0, 2.0), rotation=turned(math.pi / 2)))
    state.take(topics.MAP_TO_ODOM.name, frame, 1.0)
    state.take(topics.ODOM.name, odometry(3.0, 0.0, 0.5), 1.1)
    assert state.base.position == pytest.approx((1.0, 5.0, 0.77))
    assert state.base.yaw == pytest.approx(math.pi / 2 + 0.5)
    state.take(topics.ODOM.name, odometry(math.nan, 0.0, 0.0), 1.2)
    frame = Message(transform=Message(translation=xyz(math.inf), rotation=turned(0.0)))
    state.take(topics.MAP_TO_ODOM.name, frame, 1.2)
    assert state.base.position == pytest.approx((1.0, 5.0, 0.77)), "what is no pose is let pass"
    twist = Message(linear=xyz(0.3), angular=xyz(z=math.nan))
    state.take(topics.CMD_VEL.name, Message(twist=twist), 1.3)
    way = [Message(pose=Message(position=xyz(x))) for x in (0.0, math.nan, 1.0)]
    state.take(topics.GLOBAL_PATH.name, Message(poses=way), 1.3)
    assert snapshot.Sections().of(state)["path"] == {"cm": [0, 0, 100, 0]}
    assert b"null" not in snapshot.encode(snapshot.Sections().of(state)["robot"]["velocity"])


def test_a_scan_lies_in_the_map_without_what_it_did_not_measure(state):
    scan = Message(ranges=[1.0, math.inf, 2.0, math.nan], angle_min=0.0, angle_increment=math.pi / 2)
    state.take(topics.SCAN.name, scan, 1.0)
    assert state.scan.shape == (0, 2), "nobody knows from where yet"
    state.take(topics.ODOM.name, odometry(1.0, 0.0, math.pi / 2), 1.0)
    state.take(topics.SCAN.name, scan, 1.1)
    np.testing.assert_allclose(state.scan, [[1.0, 1.0], [1.0, -2.0]], atol=1e-9)


def test_a_spoken_command_is_followed_from_its_last_word_to_the_first_motion(state):
    plan = Plan(command_id="c", text="go", steps=[Step(skill="navigate", place="kitchen")], planner="rules")
    heard = Transcript(command_id="c", text="go", confidence=0.9, complete=True, speech_end_mono=50.0)
    state.take(topics.TRANSCRIPT.name, heard, 5.0)
    for stage, begin, end in (("safety", 50.3, 50.31), ("voice", 50.0, 50.2), ("safety", 60.0, 61.0)):
        event = TraceEvent(command_id="c", stage=stage, begin_mono=begin, end_mono=end)
        state.take(topics.TRACE.name, event, 5.1)
    state.take(topics.PLAN.name, plan, 5.2)
    verdict = Verdict(command_id="c", allowed=True, reasons=[], plan=plan, mono=50.3)
    state.take(topics.VERDICT.name, verdict, 5.2)
    state.take(topics.STATUS.name, Status(command_id="c", state="running", steps=1, mono=50.4), 5.3)
    one = state.command
    assert (one.text, one.spoken, one.over) == ("go", True, False)
    bars = [(bar.stage, round(bar.begin), round(bar.end)) for bar in one.waterfall()]
    assert bars == [("voice", 0, 200), ("safety", 300, 310)], "of each stage the first"
    state.take(topics.STATUS.name, Status(command_id="c", state="failed", mono=51.0), 6.0)
    assert state.command.over


def test_a_stop_ends_what_was_under_way(state):
    state.take(topics.SAFETY_STATE.name, SafetyState(level="ok", reasons=[], stop_epoch=3), 1.0)
    go = records.NavigationRequest(goal_id="g", mode="go", x=1.0, y=2.0, yaw=0.0)
    state.take(topics.NAVIGATION_REQUEST.name, go, 1.0)
    assert state.goal == (1.0, 2.0, 0.0)
    stopped = SafetyState(level="stopped", reasons=["stop was said"], stop_epoch=4)
    state.take(topics.SAFETY_STATE.name, stopped, 1.1)
    assert state.goal is None
    assert [line.text for line in state.events] == ["stopped: stop was said"]
    state.clock.now += 2.0
    assert state.age(topics.SAFETY_STATE) == 2.0
    assert state.age(topics.SCAN) == math.inf


def test_what_is_kept_is_bounded(state):
    for k in range(3 * MOST_LINES):
        state.take(LOG, Message(level=30, name="voice", msg=str(k)), float(k))
        state.take(topics.SAY.name, records.Say(text=str(k)), float(k))
        state.take(topics.COMMAND.name, records.Command(command_id=str(k), text="go", sent_mono=1.0), 0.0)
    assert len(state.log) == MOST_LINES
    assert len(state.events) == MOST_LINES
    assert len(state.commands) == MOST_COMMANDS
    state.take(LOG, Message(level=10, name="voice", msg="a detail"), 0.0)
    state.take("/elsewhere", None, 0.0)


def test_a_machines_clock_counts_from_its_first_stamp_and_a_jump_back_is_followed(state):
    state.take(topics.SAY.name, records.Say(text="a"), 1.8e9)
    state.take(topics.SAY.name, records.Say(text="b"), 1.8e9 + 2.0)
    state.take(topics.SAY.name, records.Say(text="c"), 1.8e9 + 1.9)
    assert (state.zero, state.stamp) == (1.8e9, 1.8e9 + 2.0)
    simulated = Watched()
    simulated.take(topics.SAY.name, records.Say(text="a"), 3600.0)
    simulated.take(topics.SAY.name, records.Say(text="b"), 12.0)
    assert (simulated.zero, simulated.stamp) == (0.0, 12.0)


def test_a_viewer_that_is_started_again_knows_what_nobody_says_again():
    before, after = walking(World.load("apartment")), Watched()
    memory = msgspec.json.decode(msgspec.json.encode(before.memory()), type=Memory)
    after.restore(memory)
    assert snapshot.command(after.command) == snapshot.command(before.command)
    assert snapshot.latency(after.command, False) == snapshot.latency(before.command, False)
    for lines in ("events", "alerts", "log"):
        assert list(getattr(after, lines)) == list(getattr(before, lines)) != []
    after.take(topics.STATUS.name, Status(command_id="c", state="succeeded", steps=4, mono=60.0), 40.0)
    assert after.command.over
    assert not before.command.over


def test_a_viewer_that_is_started_again_counts_on_where_the_clock_is_a_machines():
    before, after = Watched(), Watched()
    before.take(topics.SAY.name, records.Say(text="I go."), 1.7e9)
    after.restore(before.memory())
    after.take(topics.SAY.name, records.Say(text="I am there."), 1.7e9 + 200.0)
    sections = snapshot.Sections().of(after)
    assert [line[0] for line in sections["events"]["lines"]] == [0.0, 200.0]
    assert sections["clock"]["stamp_s"] == 200.0


def test_a_costmap_without_cells_is_none():
    state = Watched()
    info = Message(height=0, width=0, origin=Message(position=xyz()), resolution=0.05)
    state.take(topics.COSTMAP.name, Message(info=info, data=[]), 1.0)
    assert snapshot.Sections().of(state)["costmap"] == {}
