"""The machine and the nodes' processes, once a second."""

import os
from dataclasses import dataclass
from pathlib import Path

import psutil

from vla_sim.bringup.node_table import title
from vla_sim.monitor.metrics import RateMeter


@dataclass(frozen=True)
class Usage:
    """cpu [% of all cores, without programs that give way to the stack], memory and disk [% used], sent and
    received [bytes/s]."""

    cpu: float
    memory: float
    disk: float
    sent: float
    received: float


class System:
    """The machine: what it does now. folder: on the disk that is watched."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sent, self._received = RateMeter(), RateMeter()
        _cpu()  # the first call has nothing to compare with

    def sample(self, mono: float) -> Usage:
        """Since the last call. mono: now [s]."""
        if (net := psutil.net_io_counters()) is not None:
            self._sent.add(mono, net.bytes_sent)
            self._received.add(mono, net.bytes_recv)
        try:
            disk = psutil.disk_usage(str(self._folder)).percent
        except OSError:  # the folder was removed
            disk = 0.0
        return Usage(
            cpu=_cpu(), memory=psutil.virtual_memory().percent, disk=disk,
            sent=self._sent.value or 0.0, received=self._received.value or 0.0,
        )  # fmt: skip


def _cpu() -> float:
    """Since the last call [% of all cores]. Programs that were started with `nice`, or in the idle class,
    take nothing away from a stack that was not, however busy they keep the cores."""
    times = psutil.cpu_times_percent()
    giving_way = getattr(times, "nice", 0.0) if os.getpriority(os.PRIO_PROCESS, 0) <= 0 else 0.0
    return max(0.0, 100.0 - times.idle - getattr(times, "iowait", 0.0) - giving_way)


class NodeProcess:
    """One node's process on this machine."""

    def __init__(self, node: str, pid: int) -> None:
        """A node reports its process id itself, and may run on another machine: here the same number would be
        another program. A process that does not look like that node is not measured."""
        self.pid = pid
        self._process: psutil.Process | None = None
        self._spent: tuple[float, float] | None = None
        try:
            found = psutil.Process(pid)
            words = found.cmdline()
            if f"__node:={node}" in words or words[:1] == [title(node)]:
                self._process = found
        except psutil.Error:
            pass

    def sample(self, mono: float) -> tuple[float, float]:
        """CPU since the last call [% of one core] and resident memory [MB]; -1 if it is not here."""
        if self._process is None:
            return -1.0, -1.0
        try:
            with self._process.oneshot():
                times = self._process.cpu_times()
                memory = self._process.memory_info().rss / 1e6
        except psutil.Error:
            self._process = None
            return -1.0, -1.0
        spent, before = times.user + times.system, self._spent
        self._spent = (mono, spent)
        if before is None or mono <= before[0]:
            return 0.0, memory
        return max(0.0, 100.0 * (spent - before[1]) / (mono - before[0])), memory
