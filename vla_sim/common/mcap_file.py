"""MCAP files that are written while something runs: of bounded size, and whole up to the last `flush`."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from vla_sim.common.errors import package

MISSING = "a recording needs the package mcap: pip install mcap==1.6.0"


SEPARATOR = "=" * 80
"""In a definition, before each further type."""


def ros2msg(types: dict[str, str]) -> str:
    """The definition of the first of these types, with those that it is made of. types: fields by name."""
    first, *rest = types.items()
    return first[1] + "".join(f"{SEPARATOR}\nMSG: {name}\n{text}" for name, text in rest)


class Channel(msgspec.Struct):
    """schema: its text in the language `encoding`. about: for a person, or for another program. kept: a file
    that follows a full one begins with this channel's last message."""

    topic: str
    message_encoding: str
    name: str
    encoding: str
    schema: str
    about: dict[str, str] = {}
    kept: bool = False


class McapFile:
    """One file, and when that has become too large another in its place: the one before is kept beside it,
    as `<name>.before.mcap`. files: what there is, oldest first. Raises `OSError`, and `MissingError` without
    `mcap`."""

    def __init__(
        self, path: Path, *, largest: int, chunk: int, begin: Callable[[Any], None] = lambda writer: None
    ) -> None:
        """path: is written anew. largest: bytes of a file. chunk: bytes that are compressed together, which
        are lost with a process that is killed. begin: gets each file's `mcap.writer.Writer` first."""
        package("mcap", MISSING)
        self._path, self._largest, self._chunk, self._at_begin = path, largest, chunk, begin
        self.files = [path]
        self._channels: list[Channel] = []
        self._last: dict[int, tuple[int, bytes, int]] = {}
        self._begin()

    def add(self, channel: Channel) -> int:
        """The channel's number, counted from 0."""
        self._channels.append(channel)
        self._ids.append(self._register(channel))
        return len(self._channels) - 1

    def write(self, channel: int, at: int, data: bytes, sequence: int = 0) -> None:
        """Add a message. at: [ns]."""
        if self._file.tell() > self._largest:
            self.close()
            before = self._path.replace(self._path.with_suffix(f".before{self._path.suffix}"))
            self.files = [before, self._path]
            self._begin()
            for number, (_, kept, turn) in self._last.items():
                self._writer.add_message(self._ids[number], at, kept, at, turn)
        if self._channels[channel].kept:
            self._last[channel] = at, data, sequence
        self._writer.add_message(self._ids[channel], at, data, at, sequence)

    def flush(self) -> None:
        """What was written is in the file now, whatever happens to this process."""
        self._writer.flush()

    def close(self) -> None:
        """End the file with its index."""
        self._writer.finish()
        self._file.close()

    def abandon(self) -> None:
        """Leave the file as it is, without its end."""
        with contextlib.suppress(OSError):  # of what could not be written
            self._file.close()

    def _begin(self) -> None:
        from mcap.writer import Writer

        self._file = self._path.open("wb")
        self._writer: Any = Writer(self._file, chunk_size=self._chunk)
        self._writer.start(profile="ros2", library="vla_sim")
        self._at_begin(self._writer)
        self._ids = [self._register(one) for one in self._channels]

    def _register(self, one: Channel) -> int:
        schema = self._writer.register_schema(one.name, one.encoding, one.schema.encode())
        return int(self._writer.register_channel(one.topic, one.message_encoding, schema, one.about))
