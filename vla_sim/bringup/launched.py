"""Nodes that a launch description starts; `supervisor.Stack` is the same for those that we start."""

import contextlib
import os
import signal
import tempfile
import threading
from pathlib import Path

from vla_sim.bringup import node_table
from vla_sim.bringup.node_table import NodeSpec
from vla_sim.bringup.supervisor import Domain
from vla_sim.common.errors import InputError, StackError
from vla_sim.ros.lockstep import run_environment

GUEST = "scenario"  # the client's node
KILL_TIMEOUT = 10.0  # [s] until launch reports that a killed process has ended


class LaunchedNodes:
    """The launch description starts each node with `environment`, and reports when one has `started`, what it
    `said` and that it has `ended`.

    lockstep: whether the client takes turns with them; domain: their ROS domain, held until all have ended.
    """

    def __init__(self, *, lockstep: bool, specs: tuple[NodeSpec, ...] | None = None) -> None:
        self.lockstep = lockstep
        specs = node_table.nodes() if specs is None else specs
        self.names = tuple(spec.name for spec in specs if not spec.observer)
        self.replaced = tuple(spec.name for spec in specs if spec.command)
        self.domain = Domain()
        self.killed: set[str] = set()
        self.codes: dict[str, int] = {}  # exit code of each node that has ended
        self._pids: dict[str, int] = {}
        self._last: dict[str, str] = {}
        self._changed = threading.Condition()
        self._ending = False
        self._folder = tempfile.TemporaryDirectory(prefix="vla_sim-")

    def environment(self) -> dict[str, str]:
        """Environment of every node, and of the process whose node `GUEST` takes turns with them."""
        env = node_table.environment(self.domain.id)
        if self.lockstep:
            turns = (*(name for name in self.names if name != "engine"), GUEST)
            env |= run_environment.variables(Path(self._folder.name) / "turns", turns)
        return env

    def started(self, name: str, pid: int) -> None:
        self._pids[name] = pid

    def said(self, name: str, line: str) -> None:
        """Keep a node's last line of output: it says why the node ended."""
        if line:
            self._last[name] = line

    def ended(self, name: str, code: int) -> None:
        with self._changed:
            self.codes[name] = code
            self._changed.notify_all()
        self._release_after_all()

    def ending(self) -> None:
        """From now on nodes may end; `check` reports none."""
        self._ending = True
        for name in self._pids:
            self._signal(name, signal.SIGCONT)  # what is frozen cannot end
        self._release_after_all()

    def pids(self) -> list[int]:
        return [pid for name, pid in self._pids.items() if name not in self.codes]

    def check(self) -> None:
        """Raises `StackError` if a node has ended by itself."""
        for name, code in list(self.codes.items()):  # another thread adds to them
            if not self._ending and name not in self.killed and name in self.names:
                why = self._last.get(name, "").removeprefix("error: ") or "it said nothing"
                raise StackError(f"{name} ended with exit code {code}: {why}")

    def kill(self, name: str) -> None:
        """Kill a node on purpose: `check` does not report it. Returns when it is dead."""
        self._known(name)
        self.killed.add(name)
        self._signal(name, signal.SIGKILL)
        with self._changed:
            if not self._changed.wait_for(lambda: name in self.codes, KILL_TIMEOUT):
                raise StackError(f"{name} was killed and still runs after {KILL_TIMEOUT:.0f} s")

    def freeze(self, name: str, stopped: bool) -> None:
        """Stop a node's process, or let it go on."""
        self._known(name)
        self._signal(name, signal.SIGSTOP if stopped else signal.SIGCONT)

    def _known(self, name: str) -> None:
        if name not in self._pids:
            raise InputError(f"no node is called {name!r}; there are {', '.join(self._pids) or 'none'}")

    def _signal(self, name: str, number: int) -> None:
        if name not in self.codes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pids[name], number)

    def _release_after_all(self) -> None:
        """Give the domain back when the last node has ended."""
        if self._ending and not self.pids():
            self.domain.release()
            self._folder.cleanup()
