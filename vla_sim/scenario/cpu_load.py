"""Busy processes that compete with the stack for the cores: the load that a scenario puts on the machine."""

import os
import subprocess
import sys

from vla_sim.bringup.fork_server import in_child
from vla_sim.common import process_priority

BURN = "import sys,time\nend=time.monotonic()+float(sys.argv[1])\nwhile time.monotonic()<end: pass"


class CpuLoadProcesses:
    """They run until their time is over, `close`, or this process ends."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, processes: int, nice: int, seconds: float) -> None:
        """processes: 0 for one per core. nice: their niceness. seconds: of the machine's clock. Each gets a
        session of its own, as a program in another terminal has."""
        for _ in range(processes or os.cpu_count() or 1):
            process = subprocess.Popen(
                [sys.executable, "-c", BURN, str(seconds)], stdin=subprocess.DEVNULL,
                start_new_session=True, preexec_fn=lambda: in_child(nice),
            )  # fmt: skip
            self._running.append(process)
            process_priority.session(process.pid, nice)

    @property
    def running(self) -> list[int]:
        """Process ids of those that have not ended."""
        return [one.pid for one in self._running if one.poll() is None]

    def close(self) -> None:
        """End them all. Idempotent."""
        for one in self._running:
            one.kill()
            one.wait()
        self._running.clear()
