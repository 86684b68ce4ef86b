"""A recorded run on the page: time that goes, stands, and is chosen."""

import json
import time
from types import SimpleNamespace

import pytest
from waiting import wait_for

pytest.importorskip("rclpy", reason="rclpy is not installed")

from geometry_msgs.msg import TwistStamped
from nav_msgs.msg import Odometry
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image
from std_msgs.msg import String

from vla_sim.common.errors import InputError, StackError
from vla_sim.common.mcap_file import Channel, McapFile
from vla_sim.contract import records, topics
from vla_sim.contract.codec import encode
from vla_sim.recording.about import METADATA, About
from vla_sim.recording.definitions import definition
from vla_sim.recording.reader import Recording
from vla_sim.ros.messages import to_stamp
from vla_sim.view import actions
from vla_sim.view.player import Player
from vla_sim.world.semantic_map import World

BEGIN, SECONDS = 5.0, 20.0


def write(path):
    """The robot slides along x at 0.1 m/s; a command is typed at 2 s, and a stop comes at 12 s."""
    about = About(world="tabletop", robot="g1", speed=0.0)
    out = McapFile(
        path, largest=1 << 30, chunk=1 << 16, begin=lambda w: w.add_metadata(METADATA, about.strings())
    )

    def channel(topic, kind, **more):
        return out.add(Channel(topic.name, "cdr", kind, "ros2msg", definition(kind), more))

    def record(one):
        return serialize_message(String(data=encode(one)))

    odom = channel(topics.ODOM, "nav_msgs/msg/Odometry")
    velocity = channel(topics.CMD_VEL, "geometry_msgs/msg/TwistStamped")
    safety = channel(topics.SAFETY_STATE, "std_msgs/msg/String", record="SafetyState")
    command = channel(topics.COMMAND, "std_msgs/msg/String", record="Command")
    for k in range(int(50 * SECONDS)):
        seconds = k / 50.0
        at = round(1e9 * (BEGIN + seconds))
        message, twist = Odometry(), TwistStamped()
        message.header.stamp = twist.header.stamp = to_stamp(BEGIN + seconds)
        message.pose.pose.position.x = 0.1 * seconds
        twist.twist.linear.x = 0.1
        out.write(odom, at, serialize_message(message), 0)
        out.write(velocity, at, serialize_message(twist), 0)
        if k % 5 == 0:
            stopped = seconds >= 12.0
            told = records.SafetyState(
                level="stopped" if stopped else "ok", reasons=["stop was said"] if stopped else [],
                stop_epoch=int(stopped),
            )  # fmt: skip
            out.write(safety, at, record(told), 0)
        if k == 100:
            typed = records.Command(command_id="c", text="go", sent_mono=1.0)
            out.write(command, at, record(typed), 0)
    out.write(safety, round(1e9 * (BEGIN + SECONDS)), b"no message at all", 0)
    out.close()


class Watched(Player):
    """shown: what the page was to show."""

    def __init__(self, recording, world):
        self.shown = []
        super().__init__(recording, world, self.shown.append, lambda *_: None)


@pytest.fixture
def player(tmp_path):
    write(tmp_path / "run.mcap")
    made = Watched(Recording(tmp_path), World.load("tabletop"))
    made.start()
    yield made
    made.close()


def ask(player, action):
    return player.act(action).result(30.0)


def last(player, section):
    return json.loads(player.shown[-1][section]) if player.shown else {}


def test_nothing_is_shown_and_no_time_goes_while_nobody_looks(player):
    time.sleep(0.5)
    assert player.shown == []
    assert player.at == BEGIN


def test_it_plays_from_the_beginning_as_fast_as_is_asked_and_holds_at_the_end(player):
    ask(player, actions.Pace(factor=100.0))
    player.looked_at(1, 0)
    wait_for(lambda: last(player, "replay").get("at_s") == SECONDS, 60.0)
    assert last(player, "replay") == {
        "at_s": SECONDS, "length_s": SECONDS, "plays": False, "broken": player.broken,
    }  # fmt: skip
    assert player.broken.startswith("no std_msgs/msg/String in")
    assert last(player, "clock") == {"stamp_s": SECONDS, "real_time_factor": None}, "it is held"
    assert last(player, "safety")["title"] == "Stopped"
    assert last(player, "latency")["source"] == "modelled"
    assert not last(player, "can")["command"]


def test_any_moment_is_shown_with_what_was_known_then(player):
    ask(player, actions.Play(on=False))
    player.looked_at(1, 0)
    for to in (15.0, 6.0, 1.0, 6.0):
        ask(player, actions.Seek(to=to))
        wait_for(lambda to=to: last(player, "replay").get("at_s") == to, 60.0)
        assert last(player, "robot")["base"][0] == pytest.approx(0.1 * to, abs=0.011)
        assert last(player, "safety")["level"] == ("stopped" if to >= 12.0 else "ok")
        assert last(player, "command").get("text", "") == ("go" if to >= 2.0 else "")
    ask(player, actions.Seek(to=1e9))
    assert player.at == pytest.approx(BEGIN + SECONDS)


def test_played_from_a_moment_it_comes_to_the_same_as_gone_to(player):
    ask(player, actions.Seek(to=5.0))
    ask(player, actions.Pace(factor=100.0))
    player.looked_at(1, 0)
    wait_for(lambda: last(player, "replay").get("at_s") == SECONDS, 60.0)
    played = {name: player.shown[-1][name] for name in ("robot", "safety", "command", "events")}
    ask(player, actions.Seek(to=SECONDS))
    wait_for(lambda: len(player.shown) > 1 and player.shown[-1]["replay"] != b"", 60.0)
    assert {name: player.shown[-1][name] for name in played} == played


def test_a_scene_that_is_loaded_while_the_run_stands_still_is_shown_it(player):
    shown = []
    player.scene = SimpleNamespace(viewers=0, show=lambda state: shown.append(player.scene.viewers))
    ask(player, actions.Play(on=False))
    player.looked_at(1, 0)
    wait_for(lambda: shown, 60.0)
    player.scene.viewers = 1
    wait_for(lambda: 1 in shown, 60.0)


def test_nothing_can_be_sent_to_a_run_that_is_over(player):
    with pytest.raises(StackError, match="is over"):
        player.stop()
    for action in (actions.Say(text="go"), actions.EmergencyStop(on=True), actions.Reset()):
        with pytest.raises(InputError, match="is over"):
            ask(player, action)


def test_a_broken_part_of_the_file_is_left_out_and_told(tmp_path):
    path = tmp_path / "run.mcap"
    write(path)
    broken = Recording(path)._chunks[3]
    with path.open("r+b") as file:
        file.seek(broken.offset + 200)
        file.write(b"\0" * 50)
    player = Watched(Recording(path), World.load("tabletop"))
    player.start()
    try:
        ask(player, actions.Play(on=False))
        player.looked_at(1, 0)
        ask(player, actions.Seek(to=15.0))
        wait_for(lambda: last(player, "replay").get("at_s") == 15.0, 60.0)
        assert last(player, "safety")["title"] == "Stopped"
        assert f"is broken at byte {broken.offset}, from " in last(player, "replay")["broken"]
    finally:
        player.close()


@pytest.fixture
def held(tmp_path):
    """Makes a player that stands still and is looked at, of what `write` puts into a file."""
    made = []

    def make(write, **about):
        said = About(world="tabletop", robot="g1", **about)
        out = McapFile(
            tmp_path / "run.mcap", largest=1 << 30, chunk=1 << 16,
            begin=lambda w: w.add_metadata(METADATA, said.strings()),
        )  # fmt: skip

        def say(topic, seconds, data, kind="std_msgs/msg/String"):
            number = out.add(Channel(topic.name, "cdr", kind, "ros2msg", definition(kind)))
            out.write(number, round(1e9 * (BEGIN + seconds)), data)

        write(say)
        out.close()
        player = Watched(Recording(tmp_path), World.load("tabletop"))
        made.append(player)
        player.start()
        ask(player, actions.Play(on=False))
        player.looked_at(1, 0)
        return player

    yield make
    for one in made:
        one.close()


def spoken(record):
    return serialize_message(String(data=encode(record)))


def test_a_safety_that_had_fallen_silent_is_silent_at_a_moment_that_is_gone_to(held):
    def write(say):
        say(topics.SAFETY_STATE, 0.0, spoken(records.SafetyState(level="ok", reasons=[], stop_epoch=0)))
        say(topics.SAY, 9.0, spoken(records.Say(text="I go.")))

    player = held(write)
    ask(player, actions.Seek(to=8.0))
    wait_for(lambda: last(player, "replay").get("at_s") == 8.0, 60.0)
    assert last(player, "safety")["level"] == "silent"
    assert last(player, "safety")["reasons"] == ["nothing has come from it for 8 s"]


def test_a_topic_of_another_type_than_ours_is_left_out_and_told(held):
    def write(say):
        say(topics.SCAN, 1.0, serialize_message(Odometry()), "nav_msgs/msg/Odometry")
        say(topics.SAFETY_STATE, 1.0, serialize_message(Odometry()), "nav_msgs/msg/Odometry")
        say(topics.SAY, 9.0, spoken(records.Say(text="I go.")))

    player = held(write)
    ask(player, actions.Seek(to=9.0))
    wait_for(lambda: last(player, "replay").get("at_s") == 8.0, 60.0)
    assert last(player, "events")["lines"][-1][3] == "I go."


def test_of_pictures_that_could_not_be_compressed_the_newest_is_enough(held, monkeypatch):
    def write(say):
        for k in range(50):
            picture = Image(height=1, width=1, encoding="mono8", step=1, data=bytes([k]))
            say(topics.COLOR, 0.1 * k, serialize_message(picture), "sensor_msgs/msg/Image")

    player, read = held(write), []
    content = player.recording.content
    monkeypatch.setattr(player.recording, "content", lambda one: (read.append(one), content(one))[1])
    ask(player, actions.Seek(to=4.0))
    assert len(read) == 1
    assert player.state.picture.message.data[0] == 40


def test_the_time_that_a_seek_takes_is_not_played(player, monkeypatch):
    read = player.recording.read

    def slowly(*arguments):
        time.sleep(1.0)
        return read(*arguments)

    monkeypatch.setattr(player.recording, "read", slowly)
    player.looked_at(1, 0)
    ask(player, actions.Seek(to=5.0))
    shown = len(player.shown)
    wait_for(lambda: len(player.shown) > shown, 60.0)
    assert json.loads(player.shown[shown]["replay"])["at_s"] < 6.0


def test_a_page_that_is_opened_later_shows_the_speed_that_was_chosen(player):
    ask(player, actions.Pace(factor=4.0))
    assert player.about()["speed"] == 4.0
