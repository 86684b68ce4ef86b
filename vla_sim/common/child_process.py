"""Processes that this one has started."""

import ctypes
import signal
import subprocess
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
