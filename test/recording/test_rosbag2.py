"""A run's folder as a bag of rosbag2, read by a public reader of bags."""

from __future__ import annotations

import pytest
import yaml

pytest.importorskip("rclpy")
from rclpy.serialization import serialize_message
from rosbags.highlevel import AnyReader
from rosbags.interfaces import QosDurability
from std_msgs.msg import Empty, String

from vla_sim.common.mcap_file import Channel, McapFile
from vla_sim.recording import rosbag2
from vla_sim.recording.definitions import definition
from vla_sim.recording.node import LATCHED


def bag(folder, count, largest=1 << 30):
    """A recording of `count` texts, one each 10 ms, the first on a latched topic, and an Empty."""
    out = McapFile(folder / "run.mcap", largest=largest, chunk=1 << 12)
    text, empty = definition("std_msgs/msg/String"), definition("std_msgs/msg/Empty")
    once = Channel("/once", "cdr", "std_msgs/msg/String", "ros2msg", text, {rosbag2.QOS: LATCHED}, kept=True)
    numbers = [
        out.add(one)
        for one in (
            once,
            Channel("/said", "cdr", "std_msgs/msg/String", "ros2msg", text),
            Channel("/stop", "cdr", "std_msgs/msg/Empty", "ros2msg", empty),
        )
    ]
    out.write(numbers[0], 1_000_000_000, serialize_message(String(data="first")))
    for k in range(count):
        out.write(numbers[1], 1_000_000_000 + 10_000_000 * k, serialize_message(String(data=f"{k} " * 50)))
    out.write(numbers[2], 9_000_000_000, serialize_message(Empty()))
    out.close()
    rosbag2.describe(out.files)


def test_a_folder_is_read_as_a_bag_with_its_topics_times_and_qualities_of_service(tmp_path):
    bag(tmp_path, 100)
    with AnyReader([tmp_path]) as reader:
        counts = {one.topic: (one.msgtype, one.msgcount) for one in reader.connections}
        assert counts == {
            "/once": ("std_msgs/msg/String", 1),
            "/said": ("std_msgs/msg/String", 100),
            "/stop": ("std_msgs/msg/Empty", 1),
        }
        assert (reader.start_time, reader.duration, reader.message_count) == (10**9, 8 * 10**9 + 1, 102)
        (once,) = [one for one in reader.connections if one.topic == "/once"]
        assert [one.durability for one in once.ext.offered_qos_profiles] == [QosDurability.TRANSIENT_LOCAL]
        said = [reader.deserialize(data, one.msgtype) for one, _, data in reader.messages([once])]
        assert [getattr(one, "data", None) for one in said] == ["first"]
        assert len(list(reader.messages())) == 102


def test_a_recording_in_two_files_is_one_bag(tmp_path):
    bag(tmp_path, 2000, largest=8_000)
    said = yaml.safe_load((tmp_path / rosbag2.METADATA).read_text())["rosbag2_bagfile_information"]
    assert said["relative_file_paths"] == ["run.before.mcap", "run.mcap"]
    assert [one["path"] for one in said["files"]] == said["relative_file_paths"]
    with AnyReader([tmp_path]) as reader:
        found = list(reader.messages())
    assert len(found) == said["message_count"] == sum(one["message_count"] for one in said["files"])
    assert {one.topic for one, _, _ in found} == {"/once", "/said", "/stop"}
