"""A log of all that a driver sends and receives, as an MCAP file, which Foxglove and `mcap`'s readers open.

    python -m vla_sim.hardware.unitree.recorder FILE

writes what comes on its standard input, until that is closed. It is a process of its own: the driver does
not wait for a disk, and a driver that is killed leaves a whole file.
"""

import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from vla_sim.common import process_priority
from vla_sim.common.child_process import ended
from vla_sim.common.errors import package
from vla_sim.common.mcap_file import Channel, McapFile
from vla_sim.common.signals import ENDING

LARGEST = 1 << 30
"""Bytes of a file: some 20 minutes. The one before it is kept beside it, as `<name>.before.mcap`."""
CHUNK = 1 << 18
"""Bytes that are compressed together."""
FLUSH_PERIOD = 0.25
"""[s] for which a writer that is killed loses messages at the most."""
MOST_PENDING = 1 << 24
"""Bytes that wait for the writer before messages are lost: 10 s."""
PIPE = 1 << 20
"""Bytes between the two processes."""
END_TIMEOUT = 10.0
"""[s] for the writer to end its file."""
NICE = 5
"""Of the writer: it is the driver that must not be late."""
DEFINITION = -1
"""The time of a record that says what a channel is; they come in the order of their numbers."""
_HEADER = struct.Struct("<Bqi")
"""Of a record: channel, time [ns since 1970], bytes that follow."""


_channel = msgspec.json.Decoder(Channel)


class Recorder:
    """The driver's side. lost: messages that were not written, since the writer was behind or had ended.

    file: is written anew. Raises `MissingError` without `mcap`.
    """

    def __init__(self, file: Path) -> None:
        package("mcap", "a log needs the package mcap: pip install mcap==1.6.0, or go without a log")
        self.lost = 0
        self._pending = bytearray()
        self._channels = 0
        command = [sys.executable, "-m", "vla_sim.hardware.unitree.recorder", str(file)]
        self._writer = subprocess.Popen(
            command, stdin=subprocess.PIPE, stderr=subprocess.STDOUT, pipesize=PIPE, start_new_session=True
        )
        assert self._writer.stdin is not None
        self._pipe = self._writer.stdin.fileno()
        os.set_blocking(self._pipe, False)

    def channel(self, channel: Channel) -> Callable[[bytes], None]:
        """What takes a channel's messages, as they come."""
        number = self._channels
        self._channels += 1
        self._add(number, DEFINITION, msgspec.json.encode(channel))
        return lambda data: self._add(number, time.time_ns(), data)

    def _add(self, channel: int, at: int, data: bytes) -> None:
        if len(self._pending) > MOST_PENDING:
            self.lost += 1
            return
        self._pending += _HEADER.pack(channel, at, len(data)) + data

    def flush(self) -> None:
        """Hand over what is pending, as far as the writer takes it now."""
        if not self._pending:
            return
        try:
            written = os.write(self._pipe, self._pending)
        except BlockingIOError:
            return
        except OSError:  # the writer has ended, and said why: from now on all is lost
            return
        del self._pending[:written]

    def close(self) -> None:
        """End the file."""
        os.set_blocking(self._pipe, True)
        while self._pending and self._writer.poll() is None:
            self.flush()
        assert self._writer.stdin is not None
        self._writer.stdin.close()
        ended(self._writer, END_TIMEOUT)


def records(take: Callable[[int], bytes]) -> Iterator[tuple[int, int, bytes]]:
    """(channel, time [ns], data) of each record of a stream. take: up to so many bytes of it, none at its
    end. What is cut off there is left out."""
    rest = b""
    while more := take(PIPE):
        data, at = rest + more, 0
        while at + _HEADER.size <= len(data):
            channel, when, size = _HEADER.unpack_from(data, at)
            if at + _HEADER.size + size > len(data):
                break
            at += _HEADER.size
            yield channel, when, data[at : at + size]
            at += size
        rest = data[at:]


def main(arguments: list[str]) -> int:
    for number in ENDING:  # it ends with its driver
        signal.signal(number, signal.SIG_IGN)
    process_priority.own(NICE)
    path = Path(arguments[0])
    try:
        out = McapFile(path, largest=LARGEST, chunk=CHUNK)
        flushed = time.monotonic()

        def take(most: int) -> bytes:
            nonlocal flushed
            if time.monotonic() - flushed > FLUSH_PERIOD:
                out.flush()
                flushed = time.monotonic()
            return os.read(0, most)

        for channel, at, data in records(take):
            if at == DEFINITION:
                out.add(_channel.decode(data))
            else:
                out.write(channel, at, data)
        out.close()
    except OSError as error:
        print(f"the driver's log ends: {path}: {error.strerror or error}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
