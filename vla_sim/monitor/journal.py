"""What the monitor received and measured, line by line in a file that outlives the process.

A line is `{"mono": ..., "topic": "/vla/trace", "record": {...}}`: a contract record and when it arrived,
after a first line with the topic "" that describes the run. Lines are appended and never changed, each as
soon as it is recorded, so that a killed process leaves all of them. Recording only puts the line into a
bounded queue: a slow disk costs lines, which are counted in the file, but never time."""

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import msgspec

import vla_sim
from vla_sim.common.errors import InputError
from vla_sim.common.files import user_path, writing
from vla_sim.contract import codec, topics
from vla_sim.contract.codec import PayloadError
from vla_sim.contract.records import Record
from vla_sim.contract.topics import Topic

FILE = "journal.jsonl"
QUEUE = 2000  # lines that may wait for the disk
LARGEST = 64 << 20  # [bytes] after which a new file begins; the one before is kept as `journal.1.jsonl`
RETRY_PERIOD = 5.0  # [s] between attempts after the disk refused


class Start(Record, frozen=True, kw_only=True, tag="start"):
    """The first line of a file: when that was by both clocks, and who wrote it."""

    began: str  # UTC, ISO 8601
    mono: float
    version: str
    pid: int
    domain: int


class Lost(Record, frozen=True, kw_only=True, tag="lost"):
    """How many lines could not be written before this one."""

    lines: int


class _Line(msgspec.Struct, frozen=True):
    mono: float
    topic: str
    record: msgspec.Raw


_lines = msgspec.json.Decoder(_Line)
_headers = msgspec.json.Decoder(Start | Lost)


class Journal:
    """Appends to a file from a thread of its own. warn: called once when the disk refuses, and once when it
    takes lines again."""

    def __init__(self, path: Path, warn: Callable[[str], None], domain: int = 0, queue: int = QUEUE) -> None:
        """Raises `InputError` if the folder cannot be made; what happens to the file later is warned of."""
        self.path = path
        self._warn, self._domain, self._most = warn, domain, queue
        self._encode = msgspec.json.Encoder().encode
        self._waiting: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._ending = False
        self._file: int | None = None
        self._size = 0
        self._lost = self._failing = 0
        self.lost = 0  # lines that never came into the file, in all
        with writing(f"the monitor's journal to {path.parent}"):
            path.parent.mkdir(parents=True, exist_ok=True)
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
        self._thread.start()

    def record(self, topic: Topic, record: Record, mono: float) -> None:
        """Append a record. Never waits, never raises."""
        line = b'{"mono":%.6f,"topic":"%s","record":%s}\n' % (mono, topic.name.encode(), self._encode(record))
        with self._changed:
            if len(self._waiting) >= self._most:
                self._lost += 1
                self.lost += 1
                return
            self._waiting.append(line)
            self._changed.notify()

    def close(self, timeout: float = 2.0) -> None:
        """Write what waits, for `timeout` seconds at most."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join(timeout)

    # ------------------------------------------------------------------ in the thread

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._ending)
                lines, lost = list(self._waiting), self._lost
                self._waiting.clear()
                ending = self._ending
            head = [self._own(Lost(lines=lost))] if lost else []
            left = head + lines
            done = self._write(left)
            reported = len(left) < len(head) + len(lines)
            with self._changed:
                if reported:
                    self._lost -= lost
                self._keep(left if reported else lines)
                if not done and not self._ending:
                    self._changed.wait_for(lambda: self._ending, RETRY_PERIOD)
            if ending:
                break
        self._shut()

    def _keep(self, lines: list[bytes]) -> None:
        """Back into the queue, in front; of what has no room there the oldest is lost."""
        lost = max(0, len(lines) + len(self._waiting) - self._most)
        self._lost += lost
        self.lost += lost
        self._waiting.extendleft(reversed(lines[lost:]))

    def _write(self, lines: list[bytes]) -> bool:
        """Whether all are in the file; those that are leave the list."""
        try:
            file = self._opened()
            while lines:
                written = os.write(file, b"".join(lines))
                self._size += written
                while lines and written >= len(lines[0]):
                    written -= len(lines.pop(0))
                if written:  # part of a line: it comes again, whole, after an end for the part
                    lines[0] = b"\n" + lines[0]
        except OSError as error:
            self._shut()  # so that the next attempt begins with a line that says when
            self._failing += 1
            if self._failing == 1:
                self._report(f"{self.path} cannot be written: {error.strerror}; the robot goes on without it")
            return False
        if self._failing:
            self._failing = 0
            self._report(f"{self.path} is written again")
        return True

    def _opened(self) -> int:
        """The file, a new one where it has become too large. Raises `OSError`."""
        if self._file is not None and self._size <= LARGEST:
            return self._file
        if self._file is not None:
            self._shut()
            self.path.replace(earlier(self.path))
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(self.path, flags, 0o644)
        self._size = os.fstat(self._file).st_size
        mono = time.monotonic()
        start = Start(
            began=datetime.now(timezone.utc).isoformat(), mono=mono, version=vla_sim.__version__,
            pid=os.getpid(), domain=self._domain,
        )  # fmt: skip
        head = b"\n" if self._size else b""  # the line before may have been torn
        self._size += os.write(self._file, head + self._own(start))
        return self._file

    def _shut(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _own(self, record: Record) -> bytes:
        return b'{"mono":%.6f,"topic":"","record":%s}\n' % (time.monotonic(), self._encode(record))

    def _report(self, words: str) -> None:
        with contextlib.suppress(Exception):  # the node may be gone already
            self._warn(words)


@dataclass(frozen=True)
class Entry:
    """One line of a journal. mono: when the record arrived [s]."""

    mono: float
    topic: str
    record: Any


def earlier(path: Path) -> Path:
    return path.with_suffix(".1" + path.suffix)


def find(target: str | Path) -> Path:
    """The journal in a run's folder, or the file itself. Raises `InputError`."""
    path = user_path(target)
    for candidate in (path, path / FILE, path / "monitor" / FILE):
        if candidate.is_file():
            return candidate
    if not path.exists():
        raise InputError(f"{path} does not exist; give a run's folder or its {FILE}")
    raise InputError(
        f"no monitor/{FILE} in {path}: the monitor writes one in runs in real time, not in lock-step "
        "and not with --no-monitor"
    )


def read(path: Path) -> list[Entry]:
    """All entries, also of the file before where there was one. Lines that are torn, or that are none of
    this version's records, are left out. Raises `InputError` if there is nothing to read."""
    out: list[Entry] = []
    for file in (earlier(path), path):
        if file == path or file.is_file():
            out += _entries(file, topics.RECORDS)
    if not out:
        raise InputError(
            f"{path} is no journal of the monitor: none of its lines is a record; "
            f"give a run's folder or its {FILE}"
        )
    return out


def _entries(path: Path, kinds: dict[str, Any]) -> Iterator[Entry]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    for text in data.split(b"\n"):
        try:
            line = _lines.decode(text)
            raw = bytes(line.record)
            if line.topic:
                yield Entry(line.mono, line.topic, codec.decode(kinds[line.topic], raw))
            else:
                yield Entry(line.mono, "", _headers.decode(raw))
        except (msgspec.MsgspecError, PayloadError, KeyError, UnicodeDecodeError):
            continue
