"""Who holds a reservation: a process, known by its number and when it began, so that a number that is used
again is nobody's."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Usage:
    """Of a process with its children. age: how long it lives [s]; cpu: cores on average since it began;
    memory: resident now [MB]; peak: the most that each had resident, summed [MB]."""

    age: float
    cpu: float
    memory: float
    peak: float


def began(pid: int) -> int | None:
    """When a process began [clock ticks since the machine did]; None if it has ended (proc(5), stat)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    words = text.rpartition(")")[2].split()
    return None if words[0] in "ZX" else int(words[19])


def lives(pid: int, start: int) -> bool:
    return began(pid) == start


def usage(pid: int) -> Usage | None:
    """What a process uses of the machine; None if it has ended."""
    try:
        root = psutil.Process(pid)
        age = max(1e-3, time.time() - root.create_time())
        family = [root, *root.children(recursive=True)]
    except psutil.Error:
        return None
    seconds = memory = peak = 0.0
    for one in family:
        with contextlib.suppress(psutil.Error, OSError):
            times = one.cpu_times()
            seconds += times.user + times.system + times.children_user + times.children_system
            memory += one.memory_info().rss / 1e6
            peak += _peak(one.pid)
    return Usage(age, seconds / age, memory, peak)


def _peak(pid: int) -> float:
    """[MB] that a process had resident at most. Raises `OSError`."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def runtime_folder() -> Path:
    """A folder of this user alone that does not outlive the machine. Raises `OSError`."""
    own = Path(f"/run/user/{os.getuid()}")
    base = own if os.access(own, os.W_OK) else Path("/tmp")
    folder = base / ("vla_sim" if base == own else f"vla_sim-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else")
    return folder
