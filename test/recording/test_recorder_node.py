"""The recorder as a node: what it writes, and what ends it."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time

import msgspec
import pytest

rclpy = pytest.importorskip("rclpy")
from mcap.reader import make_reader  # noqa: E402
from recorded_run import command, text  # noqa: E402
from rosbags.highlevel import AnyReader  # noqa: E402
from rosgraph_msgs.msg import Clock  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402
from std_msgs.msg import Empty, String  # noqa: E402

from vla_sim.bringup.node_table import StackOptions  # noqa: E402
from vla_sim.contract import topics  # noqa: E402
from vla_sim.recording import node as recorder  # noqa: E402
from vla_sim.recording.about import about  # noqa: E402
from vla_sim.recording.node import RecorderNode  # noqa: E402
from vla_sim.recording.reader import FILE, Recording, message, remove  # noqa: E402
from vla_sim.ros import kept_state  # noqa: E402
from vla_sim.ros.execution import QOS  # noqa: E402
from vla_sim.ros.executor import SerialExecutor  # noqa: E402
from vla_sim.ros.messages import to_stamp  # noqa: E402

pytestmark = pytest.mark.ros
PATIENCE = 60.0


@pytest.fixture
def start(ros_domain, tmp_path):
    """Makes the node with more `-p name:=value` arguments; it is not spun."""
    nodes = []

    def make(*values):
        values = (f"recording:={tmp_path / FILE}", *values)
        arguments = ["--ros-args", *(word for value in values for word in ("-p", value))]
        rclpy.init(args=arguments, domain_id=ros_domain)
        made = RecorderNode()
        nodes.append(made)
        return made

    yield make
    for made in nodes:
        made.close()
        made.destroy_node()
    rclpy.try_shutdown()


class Talker:
    """Another node of this process."""

    def __init__(self, *others):
        self.node = rclpy.create_node("talker")
        self.executor = SerialExecutor()
        for one in (self.node, *others):
            self.executor.add_node(one)

    def publisher(self, kind, topic):
        made = self.node.create_publisher(kind, topic.name, QOS[topic.qos])
        self.until(made.get_subscription_count)
        return made

    def until(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline
            self.executor.spin_once(timeout_sec=0.05)


def test_what_is_said_is_written_as_it_was_and_images_compressed(start, tmp_path):
    node = start("world:=tabletop")
    talker = Talker(node)
    say, show, stop = (
        talker.publisher(kind, topic)
        for kind, topic in ((String, topics.COMMAND), (Image, topics.COLOR), (Empty, topics.STOP))
    )
    say.publish(text(command(7)))
    stop.publish(Empty())
    image = Image(height=8, width=8, encoding="rgb8", step=24, data=bytes(192))
    image.header.frame_id = "eye"
    show.publish(image)
    show.publish(Image(height=8, width=8, encoding="mono8", step=8, data=bytes(64)))
    seen = {topics.COMMAND.name, topics.STOP.name, topics.COLOR.name, topics.COLOR.name + "/compressed"}
    talker.until(lambda: node.written >= 4 and seen <= node.channels)
    node.close()
    talker.node.destroy_node()
    recording = Recording(tmp_path)
    assert recording.whole
    assert recording.about.world == "tabletop"
    assert b"<sdf" in recording.attachment("known_world.sdf")
    got = {one.topic: one for one in recording.read()}
    assert got[topics.COMMAND.name].data.rstrip(b"\0") == text(command(7)).rstrip(b"\0")
    small = message("sensor_msgs/msg/CompressedImage", got[topics.COLOR.name + "/compressed"].data)
    assert (small.format, small.header.frame_id) == ("jpeg", "eye")
    assert message("sensor_msgs/msg/Image", got[topics.COLOR.name].data).encoding == "mono8"
    assert recording.records[topics.COMMAND.name] == "Command"
    with AnyReader([tmp_path]) as reader:  # the folder, by its metadata
        assert {one.topic: one.msgcount for one in reader.connections}[topics.STOP.name] == 1


def test_a_channel_has_the_json_schema_of_its_record(start, tmp_path):
    jsonschema = pytest.importorskip("jsonschema")
    node = start()
    talker = Talker(node)
    say = talker.publisher(String, topics.COMMAND)
    say.publish(text(command(7)))
    talker.until(lambda: topics.COMMAND.name in node.channels)
    node.close()
    talker.node.destroy_node()
    with (tmp_path / FILE).open("rb") as file:
        channels = make_reader(file).get_summary().channels.values()
    (about,) = (one.metadata for one in channels if one.topic == topics.COMMAND.name)
    (one,) = Recording(tmp_path).read([topics.COMMAND.name])
    said = json.loads(message("std_msgs/msg/String", one.data).data)
    schema = json.loads(about["json_schema"])
    jsonschema.validate(said, schema)
    with pytest.raises(jsonschema.ValidationError, match="is not of type 'string'"):
        jsonschema.validate(said | {"text": 3}, schema)


@pytest.mark.parametrize("record", topics.RECORDS.values(), ids=lambda one: one.__name__)
def test_every_record_has_a_json_schema(record):
    about = recorder._described(record)
    assert about["record"] == record.__name__
    assert json.loads(about["json_schema"])["$ref"] == f"#/$defs/{record.__name__}"


def test_a_disk_that_is_almost_full_ends_the_recording_in_one_line_and_not_the_node(start, tmp_path):
    node = start("least_free:=1.0e9")  # [MB]
    node.flush()
    node.flush()
    assert "only" in node.ended
    level, said = node.health()
    assert level != b"\x00"
    assert said.startswith("recording ended: only")
    assert Recording(tmp_path).whole


def test_a_file_that_the_system_refuses_to_let_grow_ends_the_recording_too(start, monkeypatch):
    node = start()
    said = []
    monkeypatch.setattr(node, "_end", lambda why, end=node._end: (said.append(str(why)), end(why)))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    write = node._writer(topics.COMMAND, "std_msgs/msg/String")
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
        for _ in range(200):
            write(os.urandom(1000))
            node.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(said) == 1
    assert "File too large" in said[0]


def test_a_recorder_that_cannot_begin_says_so_and_stays(start, tmp_path):
    (tmp_path / "file").write_text("")
    node = start(f"recording:={tmp_path / 'file' / FILE}")
    assert "Not a directory" in node.ended or "File exists" in node.ended


@pytest.mark.integration
def test_one_that_is_killed_loses_a_second_at_the_most(ros_domain, tmp_path):
    values = ["-p", f"recording:={tmp_path / FILE}", "-p", "least_free:=0.0"]
    process = subprocess.Popen([sys.executable, "-m", recorder.__name__, "--ros-args", *values])
    rclpy.init(domain_id=ros_domain)
    try:
        talker = Talker()
        say = talker.publisher(String, topics.COMMAND)
        sent = []
        begin = time.monotonic()
        while time.monotonic() - begin < 3.0:
            say.publish(text(command(len(sent))))
            sent.append(time.monotonic())
            time.sleep(0.02)
        killed = time.monotonic()
        process.send_signal(signal.SIGKILL)
        process.wait()
    finally:
        process.kill()
        rclpy.try_shutdown()
    recording = Recording(tmp_path)
    assert not recording.whole
    # On the wire bytes are padded to fours.
    got = [one.data.rstrip(b"\0") for one in recording.read([topics.COMMAND.name])]
    assert got == [text(command(k)).rstrip(b"\0") for k in range(len(got))]
    assert killed - sent[len(got) - 1] < 1.0


def test_one_that_is_started_again_keeps_what_the_one_that_died_wrote(start, tmp_path, monkeypatch):
    monkeypatch.setenv(kept_state.FOLDER, str(tmp_path))
    for _ in range(3):
        node = start()
        node._writer(topics.COMMAND, "std_msgs/msg/String")(text(command(7)))
        node.flush()
        node._file.abandon()  # as it is left by a kill
        node._file = None
        node.destroy_node()
        rclpy.shutdown()
    for name in ("run.1.mcap", "run.2.mcap", FILE):
        assert len(list(Recording(tmp_path / name).read())) == 1, name
    remove(tmp_path)
    assert not list(tmp_path.glob("*.mcap"))


def test_what_is_heard_before_the_clock_is_written_when_the_time_is_known(start, tmp_path):
    node = start("use_sim_time:=true")
    talker = Talker(node)
    say, clock = talker.publisher(String, topics.COMMAND), talker.publisher(Clock, topics.CLOCK)
    say.publish(text(command(7)))
    talker.until(lambda: node._early)
    assert node.written == 0

    def tick():
        clock.publish(Clock(clock=to_stamp(300.0)))
        return topics.COMMAND.name in node.channels

    talker.until(tick)
    node.close()
    talker.node.destroy_node()
    recording = Recording(tmp_path)
    assert recording.start == 300.0
    assert len(list(recording.read([topics.COMMAND.name]))) == 1


def test_a_file_of_another_run_is_written_anew(start, tmp_path):
    (tmp_path / FILE).write_bytes(b"of another run")
    start()
    assert [one.name for one in tmp_path.iterdir()] == [FILE]


def test_what_a_run_was_is_in_its_recording(start, tmp_path):
    run = about(StackOptions(world="tabletop", seed=5), command="vla-sim run", scenario="fetch_cup")
    node = start("world:=tabletop", f"about:={json.dumps(msgspec.json.encode(run).decode())}")
    node.close()
    found = Recording(tmp_path).about
    assert found == run
    assert found.options().seed == 5
