"""Processes that take of the machine what the stack needs: cores, memory, disk, shared memory."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil

from vla_sim.bringup.fork_server import in_child
from vla_sim.common import process_priority
from vla_sim.common.errors import InputError

SHARED_MEMORY = Path("/dev/shm")
LEFT = {"memory": 500.0, "disk": 1000.0, "shared_memory": 8.0}
"""[MB] that are left free in any case: the fault presses, it does not break the machine."""
HOLD = "\nimport signal\nprint(flush=True)\nsignal.pause()"
FILE = (
    "import os,sys,tempfile\nheld=tempfile.TemporaryFile(dir=sys.argv[2])\n"
    "os.posix_fallocate(held.fileno(),0,int(1e6*float(sys.argv[1])))" + HOLD
)
"""A file without a name, which is gone with its process."""
PROGRAMS = {
    "cpu": "print(flush=True)\nwhile True: pass",
    "memory": "import sys\nheld=bytearray(b'1')*int(1e6*float(sys.argv[1]))" + HOLD,
    "disk": FILE,
    "shared_memory": FILE,
}


class MachineLoad:
    """What one fault takes; it is given back when it is closed or this process ends.

    kind: "cpu", "memory", "disk" or "shared_memory". amount: processes, 0 for one a core; of the others [MB].
    Each process has a session of its own, as a program in another terminal. Raises `InputError` for more than
    there is.
    """

    def __init__(self, kind: str, amount: float) -> None:
        many = (round(amount) or os.cpu_count() or 1) if kind == "cpu" else 1
        folder = SHARED_MEMORY if kind == "shared_memory" else Path(tempfile.gettempdir())
        if kind in LEFT:
            free = psutil.virtual_memory().available if kind == "memory" else shutil.disk_usage(folder).free
            most = 1e-6 * free - LEFT[kind]
            if amount > most:
                raise InputError(f"{kind}: {amount:g} MB; no more than {max(0.0, most):.0f} MB can be taken")
        self._running = [
            subprocess.Popen(
                [sys.executable, "-c", PROGRAMS[kind], str(amount), str(folder)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                start_new_session=True, preexec_fn=in_child,
            )
            for _ in range(many)
        ]  # fmt: skip
        for one in self._running:
            process_priority.session(one.pid, 0)

    def wait(self) -> None:
        """Until all of it is taken."""
        for one in self._running:
            assert one.stdout is not None
            one.stdout.readline()

    @property
    def running(self) -> list[int]:
        """Process ids of those that have not ended."""
        return [one.pid for one in self._running if one.poll() is None]

    def close(self) -> None:
        """Give it back. Idempotent."""
        for one in self._running:
            one.kill()
            one.wait()
            assert one.stdout is not None
            one.stdout.close()
        self._running.clear()
