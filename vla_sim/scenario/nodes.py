"""The running nodes as a run sees them: ready, alive, making progress."""

import time
from typing import Protocol

from vla_sim.common.errors import StackError
from vla_sim.scenario.client import Client
from vla_sim.scenario.terminal import Display

READY_TIMEOUT = 240.0  # [s] wall: the first start on a machine compiles all kernels
STANDSTILL_TIMEOUT = 120.0  # [s] wall without progress of simulated time
POLL = 0.05  # [s]


class Nodes(Protocol):
    """The nodes of a run, of `Stack` or of a launch description. names: of all. lockstep: whether the client
    takes turns with them."""

    lockstep: bool

    @property
    def names(self) -> tuple[str, ...]: ...

    def pids(self) -> list[int]: ...

    def check(self) -> None:
        """Raises `StackError` if one has ended by itself."""

    def kill(self, name: str) -> None: ...

    def freeze(self, name: str, stopped: bool) -> None: ...


def wait_until_ready(nodes: Nodes, client: Client, display: Display) -> None:
    """Until every node runs and has discovered the others. Raises `StackError`."""
    names = {*nodes.names, client.get_name()}
    deadline = time.monotonic() + READY_TIMEOUT
    while True:
        # In lock-step the first truth comes when discovery is complete.
        missing = [] if nodes.lockstep else client.discovery.missing(names)
        if not missing and client.recording.truths:
            return
        waiting = ", ".join(missing[:8]) or "the simulator's first state"
        if time.monotonic() > deadline:
            raise StackError(f"not ready after {READY_TIMEOUT:.0f} s; waiting for {waiting}")
        display.progress(f"starting: waiting for {waiting}")
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
            raise StackError(f"simulated time has stood at {stamp:.2f} s for {STANDSTILL_TIMEOUT:.0f} s")
