"""What the recorder writes, decoded by the public readers of such files: every channel, number by number."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy")
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from rclpy.serialization import serialize_message
from rosbags.highlevel import AnyReader
from sensor_msgs.msg import CompressedImage

from vla_sim.common.mcap_file import Channel, McapFile
from vla_sim.contract import topics
from vla_sim.recording import images
from vla_sim.recording.definitions import definition
from vla_sim.ros.messages import message_class

IMAGE = "sensor_msgs/msg/Image"
NOT_SENT = {"structure_needs_at_least_one_member", "_check_fields", "__msgtype__"}
"""What libraries have in a message besides its fields."""


def kinds():
    """ROS type by topic, of all that a recorder can meet where tf2_msgs is not installed."""
    found = {t.name: t.type if isinstance(t.type, str) else "std_msgs/msg/String" for t in topics.TOPICS}
    found = {name: kind for name, kind in found.items() if not kind.startswith("tf2_msgs")}
    small = {n + images.SUFFIX: "sensor_msgs/msg/CompressedImage" for n, k in found.items() if k == IMAGE}
    return {**found, **small}


def filled(kind, random, depth=0):
    """A message in which every field is something."""
    made = message_class(kind)()
    for name, hint in made.get_fields_and_field_types().items():
        setattr(made, name, value(hint, getattr(made, name), random, depth))
    return made


def value(hint, empty, random, depth):
    if hint.startswith("sequence<"):
        item = hint[len("sequence<") : -1]
        if "/" in item:
            return [filled(item.replace("/", "/msg/"), random, depth + 1) for _ in range(2)]
        return [value(item, None, random, depth) for _ in range(3)]
    if "[" in hint:
        return np.array([value(hint.partition("[")[0], None, random, depth) for _ in empty], empty.dtype)
    if "/" in hint:
        return filled(hint.replace("/", "/msg/"), random, depth + 1)
    if hint == "string":
        return f"text {random.integers(1000)}"
    if hint in ("double", "float"):
        return float(np.float32(random.normal()))
    if hint == "boolean":
        return bool(random.integers(2))
    if hint == "octet":
        return bytes([random.integers(1, 4)])
    return int(random.integers(1, 100))


def plain(message):
    """A message of any library as names and values."""
    if isinstance(message, str | bool | int | float):
        return round(message, 6) if isinstance(message, float) else message
    if isinstance(message, bytes):
        return message[0] if len(message) == 1 else list(message)
    if isinstance(message, list | tuple | np.ndarray) or hasattr(message, "typecode"):
        return [plain(one.item() if isinstance(one, np.generic) else one) for one in message]
    names = getattr(message, "__slots__", None) or vars(message)
    if hasattr(message, "get_fields_and_field_types"):
        names = message.get_fields_and_field_types()
    return {name: plain(getattr(message, name)) for name in names if name not in NOT_SENT}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A file with a message of every topic, and these."""
    path = tmp_path_factory.mktemp("all") / "run.mcap"
    out, random, sent = McapFile(path, largest=1 << 30, chunk=1 << 20), np.random.default_rng(0), {}
    for k, (topic, kind) in enumerate(kinds().items()):
        message = filled(kind, random)
        number = out.add(Channel(topic, "cdr", kind, "ros2msg", definition(kind)))
        out.write(number, k, serialize_message(message), k)
        sent[topic] = plain(message)
    out.close()
    return path, sent


def test_mcaps_reader_decodes_every_channel(written):
    path, sent = written
    with path.open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        got = {c.topic: plain(message) for _, c, _, message in reader.iter_decoded_messages()}
    assert got == sent


def test_rosbags_reader_decodes_every_channel(written):
    path, sent = written
    got = {}
    with AnyReader([path]) as reader:
        for connection, _, data in reader.messages():
            got[connection.topic] = plain(reader.deserialize(data, connection.msgtype))
    assert got == sent


def test_a_definition_names_all_types_that_it_is_made_of_once():
    text = definition("nav_msgs/msg/Odometry")
    assert text.startswith("std_msgs/Header header\nstring child_frame_id\n")
    assert text.count("MSG: geometry_msgs/Quaternion") == 1
    assert "float64[36] covariance" in text
    assert "byte level" in definition("diagnostic_msgs/msg/DiagnosticArray")
    assert CompressedImage.get_fields_and_field_types()["data"] == "sequence<uint8>"
    assert "uint8[] data" in definition("sensor_msgs/msg/CompressedImage")
