"""The priority of processes and threads when the cores are busy, and cores that stay awake when they are not.

Niceness alone is not enough. Where Linux groups processes by session (autogroup, sched(7)), it counts within
a session only, and every node has one of its own: there a session has a niceness too, in
/proc/PID/autogroup. To go before others (a negative niceness) takes the right to do so: root, CAP_SYS_NICE,
or a line such as `user - nice -10` in /etc/security/limits.conf. Without it all priorities stay as they are.
"""

import contextlib
import errno
import os
import resource
import struct
import time
from pathlib import Path
from typing import IO

SYS_NICE = 23
"""The number of CAP_SYS_NICE (capabilities(7))."""
AUTOGROUP_TIMEOUT = 3.0
"""[s] Linux takes one group's niceness a tenth of a second from a user without rights; nodes start faster."""

AWAKE = Path("/dev/cpu_dma_latency")
"""Held open, it says how late a core may wake [us, int32] (Linux's power/pm_qos_interface.rst)."""


def allowed(nice: int) -> bool:
    """Whether this process may set this niceness."""
    status = Path("/proc/self/status").read_text()
    rights = int(status.partition("CapEff:")[2].split()[0], 16)
    most = resource.getrlimit(resource.RLIMIT_NICE)[0]
    return nice >= 0 or bool(rights >> SYS_NICE & 1) or most < 0 or 20 - most <= nice


def own(nice: int) -> None:
    """Of this process. May be called between fork and exec."""
    with contextlib.suppress(PermissionError):
        os.nice(nice)


def session(pid: int, nice: int) -> bool:
    """Of the session of a process, where it matters; whether that was done. May wait up to
    `AUTOGROUP_TIMEOUT`."""
    deadline = time.monotonic() + AUTOGROUP_TIMEOUT
    while nice:
        try:
            Path(f"/proc/{pid}/autogroup").write_text(str(nice))
            return True
        except OSError as error:
            if error.errno != errno.EAGAIN or time.monotonic() > deadline:
                break  # no right, no such grouping, or the process has ended
        time.sleep(0.05)
    return False


def thread(nice: int) -> None:
    """Of this thread, beside the others of its process."""
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, nice + os.getpriority(os.PRIO_PROCESS, 0))


def keep_cores_awake() -> IO[bytes] | None:
    """Until the file is closed, or this process has ended, no core sleeps, so that none wakes late. That
    costs power. None where this user may not do it."""
    try:
        file = os.fdopen(os.open(AWAKE, os.O_WRONLY), "wb", buffering=0)
        file.write(struct.pack("=i", 0))
    except OSError:
        return None
    return file
