"""Who had the processors: this process with all that it started, or other programs."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass

import psutil

BUSY = 0.20
"""Share of all cores used by other programs above which a machine is not fit to judge speed."""


@dataclass(frozen=True)
class CpuTimes:
    """Readings at one moment: the monotonic clock [s], CPU time of all cores [s], CPU time of this process
    and its descendants [s]."""

    mono: float
    busy: float
    own: float

    @staticmethod
    def now() -> CpuTimes:
        cpu = psutil.cpu_times()
        busy = sum(cpu) - cpu.idle - getattr(cpu, "iowait", 0.0) - getattr(cpu, "guest", 0.0)
        return CpuTimes(time.monotonic(), busy, _own())

    def others(self, later: CpuTimes) -> float:
        """Share of all cores, 0..1, that other programs used from this reading to a later one."""
        spent = max(1e-3, later.mono - self.mono) * (os.cpu_count() or 1)
        return min(1.0, max(0.0, (later.busy - self.busy) - (later.own - self.own)) / spent)


def busy_words(others: float) -> str:
    """ "the machine was busy: 97 % of its cores by others"."""
    return f"the machine was busy: {100 * others:.0f} % of its cores by others"


def _own() -> float:
    """CPU time [s] of this process and its descendants, ended ones included once they were waited for. Nodes
    are children of the fork server, which waits for them and lives on."""
    me = psutil.Process()
    spent = 0.0
    for process in (me, *me.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            spent += times.user + times.system + times.children_user + times.children_system
    return spent
