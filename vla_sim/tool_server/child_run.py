"""A run as a process of its own: `vla-sim` with a command line, ended by what ends it in a terminal. It also
ends with this process, if that is killed."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from vla_sim.bringup.fork_server import in_child
from vla_sim.tool_server.calls import MOST_LINES, Outcome, short

GRACE = 30.0
"""[s] for a run to end all its processes, before it is killed; they end with it then, too."""
REPORT_PERIOD = 1.0  # [s]
CHUNK = 4096  # [bytes] of its output, and what is kept of a line without an end
Report = Callable[[float, str], Awaitable[None]]
"""Takes the seconds since the start, and the last line."""


class ChildRun:
    """lines: the last that it said. Made in a running event loop."""

    def __init__(self, folder: Path, scenario: str, words: Sequence[str], limit: float) -> None:
        """folder: for its results. scenario: its name. words: of the command line, after `vla-sim`. limit:
        [s] of the machine's clock, at which it is ended."""
        self.folder, self.scenario = folder, scenario
        self.lines: deque[str] = deque(maxlen=MOST_LINES)
        self._words, self._limit = words, limit
        self._began = time.monotonic()
        self._why_ended = ""
        self._error = ""
        self._process: asyncio.subprocess.Process | None = None
        self._task = asyncio.create_task(self._play())

    @property
    def running(self) -> bool:
        return not self._task.done()

    async def follow(self, seconds: float, report: Report) -> None:
        """Until it has ended, or for so long."""
        end = time.monotonic() + seconds
        while self.running and (left := end - time.monotonic()) > 0.0:
            await asyncio.wait({self._task}, timeout=min(left, REPORT_PERIOD))
            await report(time.monotonic() - self._began, self.lines[-1] if self.lines else "starting")

    def tell_to_end(self, why: str) -> None:
        """As Ctrl-C does; it is killed after `GRACE`."""
        if not self.running or self._why_ended:
            return
        self._why_ended = why
        self._interrupt()

    async def ended(self) -> None:
        await asyncio.wait({self._task})

    def outcome(self) -> Outcome:
        """Of a run that has left no record, or not yet one."""
        known = Outcome(run=self.folder.name, state="running", scenario=self.scenario, lines=list(self.lines))
        if not self.running:
            known.state = "stopped" if self._why_ended else "broke off"
            known.reasons = [self._why_ended or self._error or "it ended without a word"]
        return known

    def _interrupt(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGINT)
            asyncio.get_running_loop().call_later(GRACE, self._kill)

    def _kill(self) -> None:
        if self.running and self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def _play(self) -> None:
        command = [sys.executable, "-m", "vla_sim.cli.main", *self._words]
        try:
            self._process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE, start_new_session=True, preexec_fn=in_child,
            )  # fmt: skip
        except OSError as error:
            self._error = f"the run cannot be started: {error.strerror or error}"
            return
        if self._why_ended:
            self._interrupt()
        limit = asyncio.get_running_loop().call_later(
            self._limit, self.tell_to_end, f"it took longer than its limit of {self._limit:g} s"
        )
        errors: deque[str] = deque(maxlen=1)
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        await asyncio.gather(_read(self._process.stdout, self.lines), _read(self._process.stderr, errors))
        code = await self._process.wait()
        limit.cancel()
        if code:
            self._error = errors[-1].removeprefix("error: ") if errors else f"exit code {code}"


async def _read(stream: asyncio.StreamReader, lines: deque[str]) -> None:
    """Its lines that are not empty, each shortened."""
    rest = b""
    while chunk := await stream.read(CHUNK):
        *whole, rest = (rest + chunk).split(b"\n")
        lines.extend(text for line in whole if (text := _text(line)))
        rest = rest[:CHUNK]
    if text := _text(rest):
        lines.append(text)


def _text(line: bytes) -> str:
    return short(line.decode(errors="replace").strip())
