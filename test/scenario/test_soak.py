"""A soak says what went wrong when it happens, in the order in which it came."""

import types

import pytest

from vla_sim.contract.records import GroundTruth
from vla_sim.robot import facts
from vla_sim.scenario import soak
from vla_sim.scenario.recording import Recording


class Client:
    """A client of no stack: simulated time and what was recorded are set by the test."""

    def __init__(self):
        self.recording, self.typed, self.notes, self.time = Recording(), [], [], 0.0

    def now(self):
        return self.time

    def send(self, topic, record):
        self.typed.append((topic.name, record.name))

    def type(self, command_id, text):
        self.typed.append((command_id, text))

    def speak(self, samples):
        self.typed.append(("", "spoken"))


@pytest.fixture
def rounds(monkeypatch):
    voice = types.SimpleNamespace(speak=lambda text: [])
    monkeypatch.setattr(soak, "Hibari", lambda seed: voice)
    monkeypatch.setattr(soak, "in_room", lambda samples, seed: samples)
    client = Client()
    return soak.Rounds(
        client, ["go to the bed", "turn left"], 0, broken=lambda: "; broken: the lidar",
        note=client.notes.append,
    )  # fmt: skip


def test_failures_are_kept_as_they_come(rounds):
    client = rounds._client
    client.time = soak.REST
    rounds.tick()  # the first command is given
    robot = (2.0, 1.0, 0.8, 0.0, 0.0, 0.0, 1.0)
    joints = [0.0] * len(facts.JOINTS)
    joints[facts.ARM_INDEX["right"][3]] = 1.234
    there = GroundTruth(stamp=1.4, robot=robot, objects={}, fallen=False, clearance=0.0, joints=joints)
    client.recording.truths.append(there)
    client.recording.touches["g1::left_foot::sole", "red_cup::link::body"] = [(1.5, 40.0), (1.6, 431.0)]
    client.time += 1.0
    rounds.tick()
    rounds.tick()  # the same contact once
    assert rounds.failures == rounds.collisions
    (first,) = rounds.failures
    assert first.startswith(
        "g1::left_foot::sole touched red_cup::link::body at 1.5 s with 431 N: go to the bed"
    )
    assert first.endswith("; broken: the lidar")
    client.time += soak.TRANSCRIPT_TIMEOUT
    rounds.tick()  # nobody heard it
    client.time += soak.REST
    rounds.tick()  # the second one is typed
    client.time += soak.COMMAND_TIMEOUT + 1.0
    rounds.tick()
    assert client.typed[-1] == ("soak-stop-2", "stop")
    assert rounds.failures == [first, *rounds.unanswered]
    assert rounds.unanswered[0].startswith("turn left, given at ")
    assert rounds.ended == {"unheard": 1, "late": 1}
    way = client.notes[2]
    assert way.startswith("way to it (s: m, m, degrees): 1.4: 2.00 1.00 180; left arm [0.0,")
    assert way.endswith("right arm [0.0, 0.0, 0.0, 1.23, 0.0, 0.0, 0.0]")
    assert client.notes == [
        "spoken: go to the bed", f"failure: {first}", way, "no id: unheard", "typed: turn left",
        f"failure: {rounds.unanswered[0]}", "soak-2: late",
    ]  # fmt: skip


def test_what_fell_down_is_put_back_before_the_next_command(rounds):
    client = rounds._client
    cup, ball = (1.0, 0.0, 0.8, 1.0, 0.0, 0.0, 0.0), (2.0, 0.0, 0.8, 1.0, 0.0, 0.0, 0.0)

    def there_is(**objects):
        truth = types.SimpleNamespace(stamp=client.time, fallen=False, objects=objects)
        client.recording.truths.append(truth)
        rounds._put_back()

    there_is(cup=cup, ball=ball)
    on_the_floor = (0.5, 0.5, 0.05, *cup[3:])
    there_is(cup=on_the_floor, ball=(1.1, 0.0, *ball[2:]))  # something else stands there now
    assert client.typed == []
    there_is(cup=on_the_floor, ball=ball)
    assert client.typed == [("/sim/disturb", "cup")]
    assert client.notes == ["put back: cup"]


def test_the_truths_of_a_long_command_are_not_what_grows(rounds):
    client = rounds._client
    for k in range(100):
        client.time = 0.02 * k
        client.recording.truths.append(types.SimpleNamespace(stamp=client.time, fallen=k == 50, objects={}))
        rounds.tick()
    assert [truth.stamp for truth in client.recording.truths] == [client.time]
    assert rounds.fallen
