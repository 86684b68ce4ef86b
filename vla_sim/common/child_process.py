"""Processes that this one has started."""

import subprocess
from typing import Any


def ended(process: "subprocess.Popen[Any]", seconds: float) -> int:
    """The exit code of a process that was told to end; one that takes longer than `seconds` is killed."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
