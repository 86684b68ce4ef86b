"""The recorder as a ROS node: writes what all others say into one MCAP file."""

import contextlib
import importlib.util
import itertools
import shutil
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Image

from vla_sim.common.errors import VlaSimError
from vla_sim.common.files import user_path
from vla_sim.common.mcap_file import Channel, McapFile
from vla_sim.contract import topics
from vla_sim.contract.records import Record
from vla_sim.contract.topics import Topic
from vla_sim.recording import about, frames, images, rosbag2
from vla_sim.recording.about import About
from vla_sim.recording.definitions import definition
from vla_sim.recording.frames import Frames
from vla_sim.recording.params import RecorderParams
from vla_sim.recording.reader import BEFORE_DEATH
from vla_sim.ros.execution import NO_SUBSCRIPTION_EVENTS
from vla_sim.ros.kept_state import KeptState
from vla_sim.ros.messages import decoded, message_class
from vla_sim.ros.spin import spin
from vla_sim.ros.stage_node import StageNode

FLUSH_PERIOD = 0.5
"""[s] for which a recorder that is killed loses messages at the most."""
CHUNK = 1 << 22
"""Bytes that are compressed together, at the most: more than come within a `FLUSH_PERIOD`."""
DEPTH, IMAGES = 500, 10
"""Messages and images that may wait until the recorder has time: what a stage may miss is kept here."""
EARLY = 5000
"""Messages that may wait until the simulation's clock is heard."""
MB = 1e6
LATCHED = """- history: keep_last
  depth: 1
  reliability: reliable
  durability: transient_local
  deadline: {sec: 9223372036, nsec: 854775807}
  lifespan: {sec: 9223372036, nsec: 854775807}
  liveliness: automatic
  liveliness_lease_duration: {sec: 9223372036, nsec: 854775807}
  avoid_ros_namespace_conventions: false
"""
"""A publisher's quality of service as rosbag2 writes it, for those that play the file."""

_about = msgspec.json.Decoder(About)


class Begun(msgspec.Struct):
    """What a recorder that is started again must know: the file that the one before it wrote."""

    path: str


_begun = msgspec.json.Decoder(Begun)


class RecorderNode(StageNode[RecorderParams]):
    """Parameters: `RecorderParams`. written: messages; channels: topics that they are of.

    Subscribes to every topic of the contract, truth included, and publishes nothing but its diagnostics: it
    is no part of the stack. What comes is written as it is on the wire, images compressed; the time of a
    message is the ROS clock's when it came. In lock-step the recorder takes its turns, so that no message is
    missed; `sequence` is then the number of its turn: what was sent at once has one number.
    """

    def __init__(self) -> None:
        super().__init__("recorder", RecorderParams)
        self.written = 0
        self.channels: set[str] = set()
        self.frames = Frames()
        self.ended = ""
        """Why the recording has ended, in words."""
        self._early: list[tuple[Callable[[bytes], None], bytes]] = []
        self._file: McapFile | None = None
        self._path = user_path(self.params.recording or "run.mcap")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._keep_what_died()
            self._file = McapFile(
                self._path, largest=round(MB * self.params.largest), chunk=CHUNK, begin=self._begin
            )
        except (OSError, VlaSimError) as error:
            self._end(error)
        p = self.params
        self._drivers = {topics.COLOR: p.color, topics.DEPTH: p.depth, topics.CAMERA_INFO: p.camera_info}
        self._own_frames = self.execution.deterministic or not _installed(frames.KIND)
        for topic in topics.TOPICS:
            self._record(topic)
        self.repeat(FLUSH_PERIOD, self.flush, steady=True)

    def _keep_what_died(self) -> None:
        """Set aside what a recorder of this run wrote that has died. Raises `OSError`."""
        kept, own = KeptState("recorder", _begun, self.get_logger().warning), Begun(str(self._path))
        if kept.load() == own and self._path.is_file():
            aside, numbers = self._path, itertools.count(1)
            while aside.exists():
                aside = self._path.with_name(BEFORE_DEATH.format(self._path.stem, next(numbers)))
            self._path.rename(aside)
            self.get_logger().warning(f"what was recorded before the recorder died is in {aside}")
        kept.save(own)

    def flush(self) -> None:
        """Have the file whole up to now. Where the disk is full, the recording ends."""
        if self._file is None:
            return
        try:
            self._file.flush()
            free = shutil.disk_usage(self._path.parent).free
            if free < MB * self.params.least_free:
                self._finish(self._file)
                self._end(f"only {free / MB:.0f} MB are free")
        except OSError as error:
            self._end(error)

    def status(self) -> dict[str, str]:
        return {"messages": str(getattr(self, "written", 0))}

    def health(self) -> tuple[bytes, str]:
        ended = getattr(self, "ended", "")  # the base class reports while it is being made
        return (DiagnosticStatus.WARN, f"recording ended: {ended}") if ended else super().health()

    def close(self) -> None:
        """End the file with its index."""
        self._release()
        file, self._file = self._file, None
        if file is not None:
            try:
                self._finish(file)
            except OSError as error:
                self._end(error)

    def _finish(self, file: McapFile) -> None:
        """Raises `OSError`."""
        file.close()
        rosbag2.describe(file.files)

    def _begin(self, writer: Any) -> None:
        """What each file begins with."""
        p = self.params
        run = About(world=p.world)
        with contextlib.suppress(msgspec.MsgspecError):
            run = _about.decode(p.about)
        writer.add_metadata(about.METADATA, run.strings())
        for name, data in about.attachments(p.world, p.real_world, p.base_url):
            kind = "application/json" if name.endswith(".json") else "application/xml"
            writer.add_attachment(create_time=0, log_time=0, name=name, media_type=kind, data=data)

    def _record(self, topic: Topic) -> None:
        kind = topic.ros_type
        if not _installed(kind):
            return  # of tf2_msgs
        image = message_class(kind) is Image
        take = self._image(topic) if image else self._writer(topic, kind)
        if topic in (topics.ODOM, topics.MAP_TO_ODOM) and self._own_frames:
            take = self._placing(topic, take)
        if not self.execution.deterministic:
            take = self._timed(take)
        called = self.guard(topic.name, take)
        qos = self.execution.qos(topic)
        if not self.execution.deterministic:
            qos = _patient(topic, IMAGES if image else DEPTH)
        heard = self._drivers.get(topic, topic.name)
        made = self.create_subscription(
            message_class(kind), heard, called, qos, event_callbacks=NO_SUBSCRIPTION_EVENTS, raw=True
        )
        self.subscribed.append(heard)
        self.execution.subscribed(made, heard, called)

    def _writer(self, topic: Topic, kind: str, suffix: str = "", schema: str = "") -> Callable[[bytes], None]:
        """What writes the messages of a topic; its channel is made with the first. schema: of a type that is
        not installed."""
        latched = topic.qos == "latched"
        qos = {rosbag2.QOS: LATCHED} if latched else {}
        record = _described(topics.RECORDS[topic.name]) if topic.name in topics.RECORDS else {}
        channel = partial(
            Channel, topic.name + suffix, "cdr", kind, "ros2msg", about={**qos, **record}, kept=latched
        )
        number: int | None = None

        def write(data: bytes) -> None:
            nonlocal number
            if self._file is None:
                return
            try:
                if number is None:
                    number = self._file.add(channel(schema=schema or definition(kind)))
                    self.channels.add(topic.name + suffix)
                self._file.write(number, round(1e9 * self.now()), bytes(data), self.execution.turns)
                self.written += 1
            except OSError as error:
                self._end(error)

        return write

    def _timed(self, take: Callable[[bytes], None]) -> Callable[[bytes], None]:
        """`take`, but what comes before the time is known comes when it is: not at 0 s, when nothing was."""

        def timed(data: bytes) -> None:
            if self.now() <= 0.0 and len(self._early) < EARLY:
                self._early.append((take, data))
                return
            self._release()
            take(data)

        return timed

    def _release(self) -> None:
        early, self._early = self._early, []
        for take, data in early:
            take(data)

    def _image(self, topic: Topic) -> Callable[[bytes], None]:
        whole = self._writer(topic, "sensor_msgs/msg/Image")
        small = self._writer(topic, "sensor_msgs/msg/CompressedImage", images.SUFFIX)

        def write(data: bytes) -> None:
            made = images.compressed(deserialize_message(data, Image))
            if made is None:
                whole(data)
            else:
                small(serialize_message(made))

        return write

    def _placing(self, topic: Topic, take: Callable[[bytes], None]) -> Callable[[bytes], None]:
        """`take`, and /tf beside it."""
        tf = self._writer(topics.TF, frames.KIND, schema=frames.schema())

        def place(data: bytes) -> None:
            take(data)
            message = decoded(str(topic.type), data)
            if topic is topics.MAP_TO_ODOM:
                self.frames.locate(message)
            elif (due := self.frames.move(message, self.now())) is not None:
                tf(due)

        return place

    def _end(self, why: object) -> None:
        """Say once that the recording is over. The run goes on."""
        if self._file is not None:
            self._file.abandon()
        self._file = None
        self.ended = str(getattr(why, "strerror", None) or why)
        self.get_logger().error(f"{self._path}: the recording ends here: {self.ended}; the run goes on")


def _installed(kind: str) -> bool:
    """Whether there is a class of this ROS type."""
    return importlib.util.find_spec(kind.split("/")[0]) is not None


def _described(record: type[Record]) -> dict[str, str]:
    """What a channel says of the JSON in its Strings. A channel of JSON beside it would be in the way:
    rosbag2 plays no file whose messages are serialised in two ways."""
    schema = msgspec.json.encode(msgspec.json.schema(record)).decode()
    return {"record": record.__name__, "json_schema": schema}


def _patient(topic: Topic, depth: int) -> QoSProfile:
    """A topic's quality of service, with room for what comes while the recorder is at something else."""
    if topic.qos == "sensor":
        return QoSProfile(depth=depth, reliability=ReliabilityPolicy.BEST_EFFORT)
    durability = DurabilityPolicy.TRANSIENT_LOCAL if topic.qos == "latched" else DurabilityPolicy.VOLATILE
    return QoSProfile(depth=depth, reliability=ReliabilityPolicy.RELIABLE, durability=durability)


def main() -> int:
    return spin(RecorderNode)


if __name__ == "__main__":
    raise SystemExit(main())
