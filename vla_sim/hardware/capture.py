"""A microphone's sound, however often it is pulled out and put back."""

import json
import os
import select
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vla_sim.common.errors import InputError, MissingError, VlaSimError
from vla_sim.stages.voice.audio import CHUNK, SAMPLE_RATE, Samples

PIECE = struct.Struct("<d?")
"""Before the samples of a piece: when its last one was captured [s, steady clock], and whether sound was lost
before it."""
PIECE_BYTES = PIECE.size + 2 * CHUNK
STARTS = 20.0
"""[s] that a process may take until the first sound, on a busy machine."""
SILENT = 3.0
"""[s] without sound, after which the microphone counts as gone. A virtual one may take two to begin."""
FIRST_DELAY, LONGEST_DELAY = 0.5, 8.0
"""[s] Before it is looked for again, and before any look: each time it is doubled."""


@dataclass(frozen=True)
class Opened:
    """What a device was opened as. rate [Hz]; latency [s] of its buffer."""

    device: str
    rate: int
    channels: int
    latency: float

    def verdict(self) -> str:
        """What is wrong with it in words; "" if nothing is. Of five commands at 8 kHz none was understood,
        and one was taken for another."""
        low = self.rate < SAMPLE_RATE
        return (
            f"{self.rate} Hz is too low: words are misheard; {SAMPLE_RATE} or more are needed" if low else ""
        )


def command(device: str = "", rate: int = 0, channel: int = 0) -> list[str]:
    """The process that reads this microphone. device: number, name or a part of it; "": the default one.
    rate [Hz]: 0 for its own. channel: from 1 on; 0: the mean of all."""
    return [sys.executable, "-m", "vla_sim.hardware.capture_process", device, str(rate), str(channel)]


class Capture:
    """take: called in a thread with each piece (CHUNK,) and when its last sample was captured [s, steady
    clock]. changed: called there with what is wrong, "" when sound comes again.

    opened: as what; problem: "" while sound comes; lost: how often it was gone; overruns: how often sound was
    lost since this machine was too slow.
    """

    def __init__(
        self, command: Sequence[str], take: Callable[[Samples, float], None],
        changed: Callable[[str], None] = lambda problem: None,
    ) -> None:  # fmt: skip
        self._command, self._take, self._changed = command, take, changed
        self.opened: Opened | None = None
        self.problem = ""
        self.lost = self.overruns = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._data = b""
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="capture", daemon=True)

    def start(self) -> None:
        """Return when sound comes. Raises `InputError`, `MissingError`."""
        try:
            self._open()
        except VlaSimError:
            self._end()
            raise
        self._thread.start()

    def close(self) -> None:
        """Idempotent."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        self._end()

    def _work(self) -> None:
        delay = FIRST_DELAY
        while True:
            try:
                if self._process is None:
                    self._open()
                if self.problem:
                    self.problem, delay = "", FIRST_DELAY
                    self._changed("")
                while not self._closing.is_set():
                    self._piece()
            except VlaSimError as error:
                if self._closing.is_set():
                    return
                self.lost += not self.problem
                self.problem = f"{error}; it is looked for again in {delay:g} s"
                self._changed(self.problem)
            self._end()
            if self._closing.wait(delay):
                return
            delay = min(LONGEST_DELAY, 2.0 * delay)

    def _open(self) -> None:
        """Start the process, and wait for the first sound."""
        self._data = b""
        try:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is this process's
            )  # fmt: skip
        except OSError as error:  # no memory, or too many files or processes, for now
            raise MissingError(f"the microphone's process cannot be started: {error.strerror}") from None
        deadline = time.monotonic() + STARTS
        while b"\n" not in self._data:
            self._read(deadline)
        line, _, self._data = self._data.partition(b"\n")
        self.opened = Opened(**json.loads(line))
        while len(self._data) < PIECE_BYTES:
            self._read(deadline)

    def _piece(self) -> None:
        deadline = time.monotonic() + SILENT
        while len(self._data) < PIECE_BYTES:
            self._read(deadline)
        captured, overrun = PIECE.unpack_from(self._data)
        samples = np.frombuffer(self._data, np.int16, CHUNK, PIECE.size)
        self._data = self._data[PIECE_BYTES:]
        self.overruns += overrun
        self._take(samples, captured)

    def _read(self, deadline: float) -> None:
        """What the process writes next. Raises `VlaSimError` when it has ended, or nothing came in time."""
        assert self._process is not None
        assert self._process.stdout is not None
        out = self._process.stdout.fileno()
        while not select.select([out], [], [], 0.1)[0]:
            if self._closing.is_set():
                raise MissingError("the microphone is closed")
            if time.monotonic() > deadline:
                raise MissingError(f"no sound comes from {self._name()}")
        data = os.read(out, 65536)
        if not data:
            raise self._why()
        self._data += data

    def _name(self) -> str:
        return f"microphone {self.opened.device!r}" if self.opened is not None else "the microphone"

    def _why(self) -> VlaSimError:
        """Of a process that has ended."""
        assert self._process is not None
        _, said = self._process.communicate()
        lines = said.decode(errors="replace").strip().splitlines() or [f"{self._name()} has stopped"]
        kind = InputError if self._process.returncode == InputError.exit_code else MissingError
        return kind(lines[-1].removeprefix("error: "))

    def _end(self) -> None:
        """Whatever state the process is in."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
