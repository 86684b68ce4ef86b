"""The machine that something is measured on: what it is, and how busy other programs keep it."""

from __future__ import annotations

import contextlib
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from vla_sim.bench.result import Machine
from vla_sim.scenario.result import versions


@dataclass(frozen=True)
class Usage:
    """Readings at one moment: the monotonic clock [s], CPU time of all cores [s], CPU time of this process
    and its descendants [s], load average over the last minute."""

    mono: float
    busy: float
    own: float
    load: float

    @staticmethod
    def now() -> Usage:
        cpu = psutil.cpu_times()
        busy = sum(cpu) - cpu.idle - getattr(cpu, "iowait", 0.0) - getattr(cpu, "guest", 0.0)
        return Usage(time.monotonic(), busy, _own(), os.getloadavg()[0])

    def others(self, later: Usage) -> float:
        """Share of all cores, 0..1, that other programs used from this reading to a later one."""
        spent = max(1e-3, later.mono - self.mono) * (os.cpu_count() or 1)
        return min(1.0, max(0.0, (later.busy - self.busy) - (later.own - self.own)) / spent)


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


def facts(before: Usage, after: Usage) -> Machine:
    """The machine, and its load between two readings."""
    return Machine(
        cpu=_cpu(), cores=os.cpu_count() or 1, memory=psutil.virtual_memory().total / 1e9,
        system=platform.platform(), load_before=before.load, load_after=after.load,
        others=before.others(after), versions=versions(),
    )  # fmt: skip


def _cpu() -> str:
    """The processor's name as Linux reports it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
