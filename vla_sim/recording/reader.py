"""A recorded run, read from its file."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from vla_sim.common.errors import InputError, package
from vla_sim.common.files import user_path
from vla_sim.common.mcap_file import MISSING
from vla_sim.contract.codec import PayloadError, decode
from vla_sim.contract.topics import RECORDS, TOPICS
from vla_sim.recording import rosbag2
from vla_sim.recording.about import FILE, METADATA, About

BEFORE = "run.before.mcap"
"""The file before it, of a run that is larger than a file may be."""
BEFORE_DEATH = "{}.{}.mcap"
"""By stem and number: a file whose recorder died in the run, and was started again."""
_RECORD_HEADER = 1 + 8
_TYPES = {topic.name: topic.ros_type for topic in TOPICS}


class Recorded(NamedTuple):
    """A message as it was on the wire. stamp: of the ROS clock when it came: simulated time [s], or the
    machine's on a robot. data: CDR. turn: in lock-step, messages that were sent at once have one number;
    else 0."""

    topic: str
    stamp: float
    data: bytes
    turn: int = 0


class _Chunk(NamedTuple):
    """start, end: times of its first and last message [ns]. offset: of its record [bytes]. channels: that
    are in it."""

    start: int
    end: int
    offset: int
    channels: frozenset[int]


class Recording:
    """start, end: of the first and the last message [s]. types: ROS type by topic; images are compressed, on
    their topic with `images.SUFFIX`. records: name of the record (`contract.records`) that travels as JSON
    on a topic, by topic. about: what the run was. whole: whether the file has its end; one
    whose recorder was killed has none, and is read as far as it goes."""

    def __init__(self, path: str | Path) -> None:
        """path: of a run's folder or of the file. Raises `InputError`, `MissingError`."""
        package("mcap", MISSING)
        self.path = find(path)
        self.types: dict[str, str] = {}
        self.records: dict[str, str] = {}
        self.about = About()
        self._attachments: dict[str, bytes] = {}
        self._topics: dict[int, str] = {}
        self._schemas: dict[int, str] = {}
        self._chunks: list[_Chunk] = []
        try:
            with self.path.open("rb") as file:
                self.whole = self._index(file)
                if not self.whole:
                    file.seek(0)
                    self._scan(file)
        except OSError as error:
            raise InputError(f"{self.path} cannot be read: {error.strerror or error}") from None
        self._chunks.sort()
        self.start = min((one.start for one in self._chunks), default=0) / 1e9
        self.end = max((one.end for one in self._chunks), default=0) / 1e9

    def read(
        self, topics: Iterable[str] | None = None, start: float | None = None, end: float | None = None,
        left_out: Callable[[InputError], object] | None = None,
    ) -> Iterator[Recorded]:  # fmt: skip
        """Messages in order of time, those of one time in the order in which they came. topics: None: all.
        start, end: [s], both included. left_out: is told of each part that cannot be read, and the rest
        is; None: that is raised."""
        asked = None if topics is None else set(topics)
        wanted = {number: topic for number, topic in self._topics.items() if asked is None or topic in asked}
        least = round(1e9 * start) if start is not None else -1
        most = round(1e9 * end) if end is not None else 1 << 63
        with self.path.open("rb") as file:
            for chunk in self._chunks:
                if chunk.end < least or chunk.start > most or not (chunk.channels & wanted.keys()):
                    continue
                try:
                    inside = self._broken_up(file, chunk)
                except InputError as error:
                    if left_out is None:
                        raise
                    left_out(error)
                    continue
                messages = [
                    one for one in inside
                    if one.channel_id in wanted and least <= one.log_time <= most
                ]  # fmt: skip
                messages.sort(key=lambda one: one.log_time)
                for one in messages:
                    stamp = one.log_time / 1e9
                    yield Recorded(wanted[one.channel_id], stamp, one.data, one.sequence)

    def message(self, one: Recorded) -> Any:
        """The ROS message. Raises `InputError` if it is none, or of another type than its topic has here."""
        kind = self.types[one.topic]
        if kind != (ours := _TYPES.get(one.topic, kind)):
            raise InputError(f"{self.path}: {one.topic} is of type {kind}; here it has {ours}")
        return message(kind, one.data)

    def content(self, one: Recorded) -> Any:
        """The record that travels on its topic, else the ROS message. Raises `InputError`."""
        found, kind = self.message(one), RECORDS.get(one.topic)
        try:
            return found if kind is None else decode(kind, found.data)
        except PayloadError as error:
            raise InputError(f"{self.path}: {one.topic} at {one.stamp:.2f} s: {error}") from None

    def attachment(self, name: str) -> bytes | None:
        """What was attached under this name (`about.KNOWN` and others); None if nothing."""
        return self._attachments.get(name)

    def _index(self, file: io.BufferedReader) -> bool:
        """What stands at the end of a whole file; False if there is none."""
        from mcap.reader import SeekingReader

        try:
            reader = SeekingReader(file)
            summary = reader.get_summary()
            metadata, attachments = list(reader.iter_metadata()), list(reader.iter_attachments())
        except Exception:  # of a file that is cut off the library raises whatever it stumbles over
            return False
        if summary is None:
            return False
        for schema in summary.schemas.values():
            self._schemas[schema.id] = schema.name
        for channel in summary.channels.values():
            self._add(channel)
        for one in summary.chunk_indexes:
            held = frozenset(one.message_index_offsets)
            self._chunks.append(
                _Chunk(one.message_start_time, one.message_end_time, one.chunk_start_offset, held)
            )
        for told in metadata:
            self._tell(told)
        self._attachments = {one.name: one.data for one in attachments}
        return True

    def _scan(self, file: io.BufferedReader) -> None:
        """Everything of a file without an end, from its beginning on. Raises `InputError` if it has no
        beginning either."""
        from mcap import records
        from mcap.stream_reader import StreamReader, breakup_chunk

        try:
            found = StreamReader(file, emit_chunks=True).records
            next(found)
        except Exception:
            raise InputError(f"{self.path} is no MCAP file, or has lost its beginning") from None
        offset = file.tell()
        with contextlib.suppress(Exception):  # as above
            for one in found:
                if isinstance(one, records.Metadata):
                    self._tell(one)
                elif isinstance(one, records.Attachment):
                    self._attachments[one.name] = one.data
                elif isinstance(one, records.Chunk):
                    inside = breakup_chunk(one, validate_crc=True)
                    for part in inside:
                        if isinstance(part, records.Schema):
                            self._schemas[part.id] = part.name
                        elif isinstance(part, records.Channel):
                            self._add(part)
                    held = frozenset(m.channel_id for m in inside if isinstance(m, records.Message))
                    self._chunks.append(_Chunk(one.message_start_time, one.message_end_time, offset, held))
                offset = file.tell()

    def _broken_up(self, file: io.BufferedReader, chunk: _Chunk) -> list[Any]:
        from mcap import records
        from mcap.data_stream import ReadDataStream
        from mcap.stream_reader import breakup_chunk

        try:
            file.seek(chunk.offset + _RECORD_HEADER)
            inside = breakup_chunk(records.Chunk.read(ReadDataStream(file)), validate_crc=True)
        except Exception as error:
            raise InputError(
                f"{self.path} is broken at byte {chunk.offset}, from {chunk.start / 1e9:.2f} s to "
                f"{chunk.end / 1e9:.2f} s: {error}"
            ) from None
        return [one for one in inside if isinstance(one, records.Message)]

    def _add(self, channel: Any) -> None:
        self._topics[channel.id] = channel.topic
        self.types[channel.topic] = self._schemas.get(channel.schema_id, "")
        if "record" in channel.metadata:
            self.records[channel.topic] = channel.metadata["record"]

    def _tell(self, metadata: Any) -> None:
        if metadata.name == METADATA:
            self.about = About.of_strings(metadata.metadata)


def find(path: str | Path) -> Path:
    """The recording in a run's folder, or the file itself. Raises `InputError`."""
    given = user_path(path)
    for candidate in (given, given / FILE):
        if candidate.is_file():
            return candidate
    if not given.exists():
        raise InputError(f"{given} does not exist; give a run's folder or its {FILE}")
    raise InputError(f"no {FILE} in {given}: a run has one that was made with --record")


def remove(folder: Path) -> None:
    """The recording of a run that is not worth it."""
    died = folder.glob(BEFORE_DEATH.format(Path(FILE).stem, "[0-9]*"))
    for path in (*died, *(folder / name for name in (FILE, BEFORE, rosbag2.METADATA))):
        path.unlink(missing_ok=True)


def message(kind: str, data: bytes) -> Any:
    """The ROS message of these bytes. kind: as "nav_msgs/msg/Odometry". Raises `InputError` if it is none."""
    from vla_sim.ros.messages import decoded  # a recording is read without ROS, too

    return decoded(kind, data)
