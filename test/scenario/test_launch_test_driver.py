"""The robot of a launch test: what it is told is done while the test waits, and judged. Here it is a fake
that simulated time is written for; the real one is in `test/launch`."""

import threading
from types import SimpleNamespace

import msgspec
import pytest
from test_checks import WORLD, truth

from vla_sim.bringup.node_table import StackOptions
from vla_sim.common.errors import InputError, StackError
from vla_sim.contract.records import Status
from vla_sim.scenario import launch_test_driver as module
from vla_sim.scenario.checks.commands import Outcome
from vla_sim.scenario.checks.motion import NoFall, Stands
from vla_sim.scenario.format import When
from vla_sim.scenario.launch_test_driver import Robot
from vla_sim.scenario.load import File, loads
from vla_sim.scenario.recording import Recording
from vla_sim.world.semantic_map import World

TICK = 0.02


class FakeClient:
    """Obeys a typed command after half a second, and notes what it does."""

    def __init__(self):
        self.recording, self.closed, self.failure = Recording(), False, None
        self.discovery = SimpleNamespace(missing=lambda names: [])
        self.on_tick = lambda: None
        self.typed, self.ends = [], []
        self.state, self.fallen, self.stands = "succeeded", False, False
        self.stamp = 0.0

    def get_name(self):
        return "scenario"

    def want_picture(self, title):
        pass

    def send(self, topic, record):
        pass

    def type(self, command_id, text, priority="normal"):
        self.typed.append((round(self.stamp, 2), text))
        self.ends.append((self.stamp + 0.5, command_id))

    def tick(self):
        if self.stands:
            return
        self.stamp += TICK
        if not self.closed:
            self.recording.truths.append(truth(self.stamp, fallen=self.fallen))
            for at, command_id in [e for e in self.ends if e[0] <= self.stamp]:
                self.ends.remove((at, command_id))
                ended = Status(command_id=command_id, state=self.state, skill="turn", mono=0.0)
                self.recording.on_status(ended)
        try:
            self.on_tick()
        except Exception as error:
            self.failure, self.on_tick = error, lambda: None


class FakeThread:
    """Ticks as fast as it can, as a client in lock-step does."""

    client: FakeClient

    def __init__(self, domain):
        self.node, self.ending = FakeThread.client, threading.Event()
        self.thread = threading.Thread(target=self.spin, daemon=True)
        self.thread.start()

    def spin(self):
        while not self.ending.wait(1e-4):
            self.node.tick()

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join(5.0)


@pytest.fixture
def client(monkeypatch):
    FakeThread.client = FakeClient()
    monkeypatch.setattr(module, "ClientThread", FakeThread)
    monkeypatch.setattr(World, "load", lambda name: WORLD)
    return FakeThread.client


@pytest.fixture
def robot(client, tmp_path, monkeypatch):
    monkeypatch.setattr(module.os, "environ", dict(module.os.environ))
    made = Robot()
    made.prepare(StackOptions(speed=0.0), tmp_path)
    yield made
    made.close()


def test_what_is_said_is_done_while_the_test_waits(robot, client):
    robot.type("turn left")
    assert client.typed == []
    robot.wait_until_done()
    assert [text for _, text in client.typed] == ["turn left"]
    robot.assert_holds(NoFall(), Outcome(), Stands())


def test_in_lock_step_time_stands_still_while_the_test_thinks(robot, client):
    robot.type("turn left")
    robot.wait_until(at=1.0)
    begin = robot.session.director.begin
    assert client.stamp - begin == pytest.approx(1.0, abs=1e-6)
    robot.type("turn right")
    robot.wait(seconds=0.5)
    assert client.stamp - begin == pytest.approx(1.5, abs=TICK)
    assert client.typed[1] == (round(begin + 1.0 + TICK, 2), "turn right")


def test_after_the_end_more_can_be_said_and_is_judged(robot, client):
    robot.type("turn left")
    robot.wait_until_done()
    robot.type("turn right")
    client.state = "failed"
    robot.wait_until_done()
    robot.assert_holds(Outcome(command=1))
    with pytest.raises(AssertionError, match='"turn right" is succeeded: failed'):
        robot.assert_holds(Outcome(command=2))


def test_an_action_waits_for_its_event(robot, client):
    robot.type("turn left")
    robot.type("stop", when=When(at=0.3))
    robot.wait_until_done()
    (first, _), (second, _) = client.typed
    assert second - first == pytest.approx(0.3, abs=TICK)


def test_what_cannot_be_waited_for_is_said(robot, client):
    with pytest.raises(AssertionError, match="say something first"):
        robot.wait_until_done()
    with pytest.raises(AssertionError, match="wait for something first"):
        robot.assert_holds(NoFall())
    robot.type("turn left")
    with pytest.raises(AssertionError, match=r"skill='pick' did not happen .* \(last: turn succeeded\)"):
        robot.wait_until(skill="pick")
    client.ends = []
    client.type = lambda command_id, text, priority: None
    robot.type("turn right")
    with pytest.raises(AssertionError, match="not within 3 simulated s: every command has ended"):
        robot.wait_until_done(timeout=3.0)


def test_a_fall_is_not_done(robot, client):
    client.type = lambda command_id, text, priority: setattr(client, "fallen", True)
    robot.type("turn left")
    with pytest.raises(AssertionError, match=r"not done: turn left \(the robot fell\)"):
        robot.wait_until_done()
    with pytest.raises(AssertionError, match="stays on its feet: it fell at"):
        robot.assert_holds(NoFall())


def test_a_node_that_ends_by_itself_ends_the_wait(robot, client):
    robot.type("turn left")
    robot.wait_until(at=0.1)
    robot.nodes.said("voice", "error: no microphone")
    robot.nodes.ended("voice", 3)
    with pytest.raises(StackError, match="voice ended with exit code 3: no microphone"):
        robot.wait_until_done()


def test_a_shutdown_ends_the_wait(robot, client):
    robot.type("turn left")
    robot.wait_until(at=0.1)
    client.stands = True
    threading.Timer(0.1, robot.close).start()
    with pytest.raises(StackError, match="the nodes were shut down before every command has ended"):
        robot.wait_until_done()


def test_the_record_is_left_when_it_is_wanted(client, tmp_path, monkeypatch):
    monkeypatch.setattr(module.os, "environ", dict(module.os.environ))
    robot = Robot()
    robot.prepare(StackOptions(speed=0.0), tmp_path, keep=True)
    robot.type("turn left")
    robot.wait_until_done()
    robot.assert_holds(NoFall())
    robot.close()
    record = msgspec.json.decode((tmp_path / "record.json").read_bytes())
    assert [c["name"] for c in record["checks"]] == ["stays on its feet"]
    assert record["passed"]
    assert record["command"] == "turn left"


def test_a_scenario_is_played_and_judged_by_its_file(client, tmp_path, monkeypatch):
    monkeypatch.setattr(module.os, "environ", dict(module.os.environ))
    text = """
version: 1
proves: that it turns
script: [{do: type, words: turn left}]
faults: [{fault: kill, of: voice, when: {skill: pick}}]
expect: [{check: no_fall}, {check: outcome, state: failed}]
"""
    robot = Robot()
    robot.prepare(StackOptions(speed=0.0), tmp_path, File("mine", tmp_path / "mine.yaml", loads(text)))
    client.type = lambda command_id, text, priority: setattr(client, "fallen", True)
    robot.play()
    with pytest.raises(AssertionError) as error:
        robot.assert_passes()
    assert "stays on its feet" in str(error.value)
    assert "kill is done: the run was over before it was due" in str(error.value)
    robot.close()


def test_a_robot_that_nobody_prepared_says_so():
    with pytest.raises(InputError, match=r"take it from launch_tests.describe_test"):
        Robot().wait_until_done()


def test_exits_are_clean_when_every_node_but_the_killed_ended_with_0(robot):
    for name in robot.nodes.names:
        robot.nodes.ended(name, 0)
    robot.nodes.killed.add("voice")
    robot.nodes.ended("voice", -9)
    robot.assert_clean_exits()
    robot.nodes.ended("engine", -11)
    with pytest.raises(AssertionError, match=r"exit code other than 0: engine \(-11\)"):
        robot.assert_clean_exits()
