"""The machine that something is measured on: what it is, and how busy others keep it."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from vla_sim.bench.result import Machine
from vla_sim.scenario.run import versions


@dataclass(frozen=True)
class Usage:
    """Seconds: of the monotonic clock; that all cores were busy; that this process and its children used;
    load over the last minute."""

    mono: float
    busy: float
    own: float
    load: float

    @staticmethod
    def now() -> Usage:
        cpu, times = psutil.cpu_times(), os.times()
        busy = sum(cpu) - cpu.idle - getattr(cpu, "iowait", 0.0) - getattr(cpu, "guest", 0.0)
        own = times.user + times.system + times.children_user + times.children_system
        return Usage(time.monotonic(), busy, own, os.getloadavg()[0])


def facts(before: Usage, after: Usage) -> Machine:
    """Of what was measured between the two."""
    cores = os.cpu_count() or 1
    spent = max(1e-3, after.mono - before.mono) * cores
    return Machine(
        cpu=_cpu(), cores=cores, memory=psutil.virtual_memory().total / 1e9, system=platform.platform(),
        load_before=before.load, load_after=after.load,
        others=min(1.0, max(0.0, (after.busy - before.busy) - (after.own - before.own)) / spent),
        versions=versions(),
    )  # fmt: skip


def _cpu() -> str:
    """The processor's name, as Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
