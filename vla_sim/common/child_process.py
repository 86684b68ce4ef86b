"""Processes that this one has started."""

import ctypes
import signal
import subprocess
import threading
from collections.abc import Sequence
from typing import Any

_LIBC = ctypes.CDLL(None)  # loaded before any fork
_PR_SET_PDEATHSIG = 1


def terminate_with_parent() -> None:
    """In a child: get SIGTERM when the thread that started it has ended, for instance since its process was
    killed (prctl(2)). May be called between fork and exec."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def ended(process: "subprocess.Popen[Any]", seconds: float) -> int:
    """The exit code of a process that was told to end; one that takes longer than `seconds` is killed."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


class ChildServer:
    """A server in a child process. It ends when its standard input does: with this process at the latest."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def start(self, command: Sequence[str], word: str, timeout: float) -> str:
        """Blocks until it prints a line that begins with `word`: what follows there; "" if it ends or takes
        more than `timeout` [s], and then it is ended."""
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        killer = threading.Timer(timeout, self._process.kill)
        killer.daemon = True
        killer.start()
        assert self._process.stdout is not None
        lines = (line.split() for line in self._process.stdout)
        found = next((words[1] for words in lines if words[:1] == [word] and len(words) > 1), "")
        killer.cancel()
        if not found:
            self.close()
        return found

    def close(self) -> None:
        """End the server. Idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        ended(process, 2.0)
