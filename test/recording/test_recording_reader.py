"""Recordings read again: whole ones, those without an end, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("rclpy")
from rclpy.serialization import serialize_message
from recorded_run import ABOUT, command, write
from std_msgs.msg import String

from vla_sim.common.errors import InputError
from vla_sim.contract import records, topics
from vla_sim.contract.codec import decode
from vla_sim.recording.about import About
from vla_sim.recording.reader import FILE, Recorded, Recording, message

LEAST = 8 + 9 + 4 + len("ros2") + 4 + len("vla_sim")
"""Bytes of a file's beginning: its magic number and its header."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    write(folder / FILE).close()
    return folder


def test_a_whole_file_is_read_in_order_of_time_with_what_it_is_of(whole):
    recording = Recording(whole)
    assert recording.whole
    assert (recording.start, recording.end) == pytest.approx((0.0, 9.9))
    assert recording.about == ABOUT
    assert (recording.about.world, recording.about.robot) == ("apartment", "g1")
    assert recording.types == {"/vla/command": "std_msgs/msg/String", "/safety/stop": "std_msgs/msg/Empty"}
    assert recording.records == {"/vla/command": "Command"}
    assert recording.attachment("known_world.sdf") == b"<sdf/>"
    assert recording.attachment("another") is None
    found = list(recording.read())
    assert len(found) == 110
    assert [(m.stamp, m.turn) for m in found] == sorted((m.stamp, m.turn) for m in found)
    said = message("std_msgs/msg/String", found[2].data).data
    assert decode(records.Command, said) == command(1)


def test_a_part_is_read_by_topic_and_by_time_with_both_ends(whole):
    recording = Recording(whole / FILE)
    stops = list(recording.read([topics.STOP.name]))
    assert [round(m.stamp, 3) for m in stops] == list(range(10))
    some = [m.turn for m in recording.read([topics.COMMAND.name], 1.0, 1.2)]
    assert some == [20, 22, 24]
    assert list(recording.read(["/no/such"])) == []
    assert list(recording.read(start=20.0)) == []


def test_a_file_whose_recorder_was_killed_is_read_up_to_its_last_flush(tmp_path):
    out = write(tmp_path / FILE, count=110)
    recording = Recording(tmp_path)
    assert not recording.whole
    assert recording.about == ABOUT
    assert recording.attachment("known_world.sdf") == b"<sdf/>"
    assert [m.turn for m in recording.read([topics.COMMAND.name])] == list(range(0, 200, 2))
    assert recording.end == pytest.approx(9.9)
    out.close()


def test_a_part_that_is_broken_is_told_with_its_place_and_left_out_where_that_is_wished(whole, tmp_path):
    path = tmp_path / FILE
    path.write_bytes((whole / FILE).read_bytes())
    recording = Recording(path)
    every, broken = list(recording.read()), recording._chunks[1]
    with path.open("r+b") as file:
        file.seek(broken.offset + 100)
        file.write(bytes(20))
    with pytest.raises(InputError, match=rf"broken at byte {broken.offset}, from 2\.00 s to 3\.90 s"):
        list(recording.read())
    told = []
    left = list(recording.read(left_out=told.append))
    assert len(told) == 1
    assert left == [one for one in every if not 1.95 < one.stamp < 3.95]


@given(st.data())
def test_a_file_cut_off_anywhere_is_read_as_far_as_it_goes(whole, tmp_path_factory, data):
    every = list(Recording(whole).read())
    cut = tmp_path_factory.mktemp("cut") / FILE
    size = (whole / FILE).stat().st_size
    cut.write_bytes((whole / FILE).read_bytes()[: data.draw(st.integers(0, size))])
    if cut.stat().st_size < LEAST:
        with pytest.raises(InputError, match="is no MCAP file"):
            Recording(cut)
        return
    found = list(Recording(cut).read())
    assert found == every[: len(found)]


@given(st.binary(max_size=300))
def test_what_is_no_recording_is_told_in_one_line(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("any") / "any.mcap"
    path.write_bytes(data)
    with pytest.raises(InputError, match="is no MCAP file"):
        Recording(path)


def test_where_there_is_no_recording_it_is_said_what_leaves_one(tmp_path):
    with pytest.raises(InputError, match=r"no run.mcap in .*--record"):
        Recording(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        Recording(tmp_path / "nowhere")


def test_metadata_of_another_version_is_read_as_far_as_it_is_known():
    strings = {**ABOUT.strings(), "colour_of_the_sky": "blue"}
    assert About.of_strings(strings) == ABOUT
    assert ABOUT.options().seed == 3
    with pytest.raises(InputError, match="cannot be read"):
        About.of_strings({"seed": "many"})


def test_a_strangers_file_loads_no_code_calls_no_server_and_starts_no_program():
    stack = {
        "replacements": {"voice": ["rm", "-r", "/"]}, "without": "monitor", "base_url": "scripted:/a.json",
        "policy": "lerobot:/\n/evil:8080", "whisper_model": "https://evil/v1", "speech_folder": "/etc",
        "overrides": {
            "perception": {"detector": "evil:Detector", "rate": 5.0, "detector_url": "http://evil"},
            "language": {"base_url": "http://evil/v1", "api_key_env": "SECRET"},
            "manipulation": {"policy": "openpi://evil:8000"}, "voice": {"speech_folder": "/etc"},
        },
    }  # fmt: skip
    options = About(stack=stack).options()
    assert options.replacements == {}
    assert options.overrides == {"perception": {"rate": 5.0}, "language": {}, "manipulation": {}, "voice": {}}
    assert (options.policy, options.whisper_model, options.speech_folder) == ("", "", "")
    assert (options.without, options.base_url) == ("monitor", "scripted:/a.json")
    assert About(stack={"policy": "scripted"}).options().policy == "scripted"
    for stack in ({"overrides": ["perception"]}, {"without": 3}, {"base_url": ["scripted:/a.json"]}):
        with pytest.raises(InputError, match="options of the stack cannot be read"):
            About(stack=stack).options()


def test_a_record_of_another_version_is_told_as_what_is_given(tmp_path):
    out = write(tmp_path / FILE, count=1)
    strange = serialize_message(String(data='{"words":"go"}'))
    out.write(0, 1_000_000_000, strange)
    out.close()
    recording = Recording(tmp_path)
    *_, one = recording.read([topics.COMMAND.name])
    with pytest.raises(InputError, match=r"run.mcap: /vla/command at 1.00 s: not a Command"):
        recording.content(one)


def test_bytes_that_are_no_such_message_are_told():
    with pytest.raises(InputError, match=r"no nav_msgs/msg/Odometry in 3 bytes"):
        message("nav_msgs/msg/Odometry", b"abc")
    assert Recorded("/a", 1.0, b"").turn == 0
