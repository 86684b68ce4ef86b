"""Nodes that the parent of this process has started beside it: those of a `ros2 launch`."""

import os
import signal

import psutil

from vla_sim.common.errors import InputError

KILL_TIMEOUT = 10.0
"""[s] in which a killed process is dead."""


class Siblings:
    """Kills and freezes them, as `supervisor.Stack` does those that we start. They are found anew each time:
    one that has died is started again."""

    lockstep = False

    def kill(self, name: str) -> None:
        """Returns when it is dead. Raises `InputError` if there is none."""
        process = self._find(name)
        process.kill()
        psutil.wait_procs([process], KILL_TIMEOUT)

    def freeze(self, name: str, stopped: bool) -> None:
        """Stop a node's process, or let it go on. Raises `InputError` if there is none."""
        self._find(name).send_signal(signal.SIGSTOP if stopped else signal.SIGCONT)

    def _find(self, name: str) -> psutil.Process:
        found = nodes_of(os.getppid())
        if name not in found:
            known = ", ".join(found) or "none"
            raise InputError(
                f"no node is called {name!r}; there are {known}; one that died may just start again"
            )
        return found[name]


def nodes_of(parent: int) -> dict[str, psutil.Process]:
    """Its children that are nodes, by the name that their command line gives them."""
    found = {}
    for child in psutil.Process(parent).children():
        try:
            words = child.cmdline()
        except psutil.Error:  # it has just ended
            continue
        for word in words:
            if word.startswith("__node:="):
                found[word.removeprefix("__node:=")] = child
    return found
