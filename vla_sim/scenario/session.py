"""A run while it goes on: plays the script, watches the nodes, measures what they use."""

import contextlib
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone

import psutil

from vla_sim.common.cpu_share import BUSY, CpuTimes, busy_words
from vla_sim.common.errors import StackError
from vla_sim.contract import topics
from vla_sim.contract.records import Disturbance
from vla_sim.scenario.client import Client
from vla_sim.scenario.director import Deed, Director, Speak, TypeText
from vla_sim.scenario.fault_host import FaultHost, Nodes
from vla_sim.scenario.preparation import Prepared
from vla_sim.scenario.record import Usage
from vla_sim.scenario.terminal import Display, LiveView

PICTURE_PERIOD = 6.0  # [s] simulated, besides one at the beginning of each step
USAGE_PERIOD = 1.0  # [s] wall
LOG_LINES = 40


@dataclass
class Logbook:
    """When a run was started, and the last warnings and errors of its nodes. utc: ISO 8601; steady: on the
    machine's steady clock [s]."""

    utc: str = field(default_factory=lambda: datetime.now(timezone.utc).isoformat(timespec="seconds"))
    steady: float = field(default_factory=time.monotonic)
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LOG_LINES))

    def add(self, node: str, line: str) -> bool:
        """Keep a node's line if it is a warning or an error; whether it is an error."""
        error = "[ERROR]" in line or "[FATAL]" in line or line.startswith("error:")
        if error or "[WARN]" in line:
            self.lines.append(f"{node}: {line}")
        return error


class Session:
    """nodes: running. deeds: (stamp, in words) of what was done. ready: [s] wall from start until all nodes
    were ready; wall, simulated: [s] that were played. others: share of all cores, 0..1, that other programs
    used since all nodes were ready; None before anything was played."""

    def __init__(
        self, prepared: Prepared, nodes: Nodes, client: Client, display: Display, log: Logbook
    ) -> None:  # fmt: skip
        self.prepared, self.nodes, self.client, self.log = prepared, nodes, client, log
        self.recording = client.recording
        options = prepared.options
        if nodes.lockstep and options.stack.compute == "fixed":
            self.recording.latency_source = "modelled"
        self.director = Director(
            options.file.scenario, prepared.world, self.recording, prepared.sounds, options.stack.seed,
            options.stack.mic,
        )  # fmt: skip
        self.deeds: list[tuple[float, str]] = []
        self.faults = FaultHost(
            nodes, client, lambda: self.recording.stamp,
            lambda text: self.deeds.append((self.recording.stamp, text)),
        )  # fmt: skip
        """To be closed at the end."""
        client.on_fault_request = self.faults.on_request
        self.ready = self.wall = self.simulated = 0.0
        self.others: float | None = None
        self._before: CpuTimes | None = None
        self._display = display
        self._view = LiveView(display, self.recording, self.deeds, prepared.world)
        self._usage = UsageMeter()
        self._pictured, self._statuses = 0.0, 0
        self._go = nodes.lockstep
        client.on_tick = self.tick

    def tick(self) -> None:
        """In the client's thread, every 20 ms."""
        if self._go:
            for deed in self.director.tick():
                self._do(deed)
            self.faults.tick()
        self.client.closed = self.director.over

    def _do(self, deed: Deed) -> None:
        if deed.text:
            self.deeds.append((self.recording.stamp, deed.text))
        what = deed.what
        if isinstance(what, Speak):
            self.client.speak(what.samples)
        elif isinstance(what, TypeText):
            self.client.type(what.command_id, what.text, what.priority)
        elif isinstance(what, Disturbance):
            self.recording.puts.append((self.recording.stamp, what.name, what.pose[:3]))
            self.client.send(topics.DISTURB, what)
        else:
            self.faults.begin(what)

    def wait_until_ready(self) -> None:
        """Raises `StackError`."""
        wait_until_ready(self.nodes, self.client, self._display)
        self.ready = time.monotonic() - self.log.steady

    def play(self, until: Callable[[], bool] | None = None) -> None:
        """In the caller's thread: go on until that is so; left out, until the director says that the run is
        over. Raises `StackError` if a node has ended or simulated time stands still."""
        until = until or (lambda: self.director.over)
        self._go, self._before = True, self._before or CpuTimes.now()
        wall, stamp, standstill = time.monotonic(), self.recording.stamp, Standstill()
        try:
            while not until():
                self.nodes.check()
                raise_failure(self.client)
                self._watch()
                standstill.check(self.recording.stamp)
                time.sleep(POLL)
            self._watch()
        finally:
            self.wall += time.monotonic() - wall
            self.simulated += self.recording.stamp - stamp
            self.others = self._before.others(CpuTimes.now())

    def _watch(self) -> None:
        begin, r = self.director.begin, self.recording
        if begin is None:
            return
        used = self._usage.measure(self.nodes.pids())
        if used is not None:
            r.usage.append(Usage(stamp=max(0.0, r.stamp - begin), cpu=used[0], memory=used[1]))
        if len(r.statuses) > self._statuses:
            self._statuses, self._pictured = len(r.statuses), r.stamp  # each has a picture of its own
        elif r.stamp - self._pictured > PICTURE_PERIOD:
            self._pictured = r.stamp
            self.client.want_picture(r.statuses[-1].status.skill if r.statuses else "")
        self._view.show(begin)


class UsageMeter:
    """CPU and memory of processes together, once in `USAGE_PERIOD`."""

    def __init__(self) -> None:
        self._measured = 0.0
        self._cpu: dict[int, float] = {}

    def measure(self, pids: list[int]) -> tuple[float, float] | None:
        """CPU since the last time [% of one core] and memory [MB resident]; None if it is not time yet."""
        now = time.monotonic()
        if now - self._measured < USAGE_PERIOD:
            return None
        cpu, memory = {}, 0.0
        for pid in pids:
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(pid)
                cpu[pid] = sum(process.cpu_times()[:2])  # user and system
                memory += process.memory_info().rss / 1e6
        spent = sum(seconds - self._cpu.get(pid, seconds) for pid, seconds in cpu.items())
        before, self._measured, self._cpu = self._measured, now, cpu
        return (100.0 * spent / (now - before), memory) if before else None


READY_TIMEOUT = 240.0  # [s] of a machine with nothing else to do: the first start on it compiles all kernels
OWN_SHARE = 0.1  # of the cores, which counts as a start-up's own however busy the machine is
LONG = 30.0  # [s] wall, after which a start-up that goes on is told
MEASURED = 2.0  # [s] wall between two looks at who has the cores
STANDSTILL_TIMEOUT = 120.0  # [s] wall without progress of simulated time
POLL = 0.05  # [s]


def wait_until_ready(nodes: Nodes, client: Client, display: Display, simulated: bool = True) -> None:
    """Until every node runs and has discovered the others, and, where it is `simulated`, the world is there.
    Time in which other programs have the cores does not count. Raises `StackError`."""
    names = {*nodes.names, client.get_name()}
    began = last = CpuTimes.now()
    left, told = READY_TIMEOUT, False
    while True:
        # In lock-step the first truth comes when discovery is complete.
        for name in nodes.replaced:
            client.look_up(name)
        missing = [] if nodes.lockstep else client.discovery.missing(names)
        if not missing and (client.recording.truths or not simulated):
            return
        waiting = ", ".join(missing[:8]) or "the simulator's first state"
        display.progress(f"starting: waiting for {waiting}")
        if time.monotonic() - last.mono >= MEASURED:
            now = CpuTimes.now()
            left -= (now.mono - last.mono) * max(OWN_SHARE, 1.0 - last.others(now))
            last, others, waited = now, began.others(now), now.mono - began.mono
            busy = f"; {busy_words(others)}" if others > BUSY else ""
            if left <= 0.0:
                raise StackError(
                    f"not ready after {waited:.0f} s; waiting for {waiting}{busy}; look into the logs"
                )
            if waited > LONG and not told:
                told = True
                display.event(None, f"not ready after {waited:.0f} s: a first start compiles kernels{busy}")
        nodes.check()
        raise_failure(client)
        time.sleep(POLL)


def raise_failure(client: Client) -> None:
    """Raise in the caller's thread what was raised in the client's."""
    if client.failure is not None:
        raise client.failure


class Standstill:
    """Watches that simulated time goes on."""

    def __init__(self) -> None:
        self._stamp, self._moved = -1.0, time.monotonic()

    def check(self, stamp: float) -> None:
        """stamp: simulated time now [s]. Raises `StackError` after `STANDSTILL_TIMEOUT` without progress."""
        if stamp != self._stamp:
            self._stamp, self._moved = stamp, time.monotonic()
        elif time.monotonic() - self._moved > STANDSTILL_TIMEOUT:
            raise StackError(
                f"simulated time has stood at {stamp:.2f} s for {STANDSTILL_TIMEOUT:.0f} s; "
                "look into logs/engine.log"
            )
