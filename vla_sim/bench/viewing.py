"""Measures what the live view costs: the whole stack runs at the pace of the clock with its page, the robot
walks to and fro, and somebody opens the page and shuts it again."""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from vla_sim.bench.open_page import OpenPage
from vla_sim.bench.savings import READY_TIMEOUT, SETTLE, Dictator
from vla_sim.bringup.node_table import StackOptions
from vla_sim.bringup.supervisor import Stack
from vla_sim.common.errors import StackError
from vla_sim.ros import spin
from vla_sim.view import door

SPAN = 30.0  # [s] that are measured at a time
WALKED_IN = 10.0  # [s] before the first of them


@dataclass(frozen=True)
class Usage:
    """In one span, of one core [%]: view: the viewer; stack: all other nodes. states: that came to the page,
    each second; 0 while it was shut. pace: simulated seconds a second."""

    view: float
    stack: float
    states: float
    pace: float


def usage(rounds: int, folder: Path) -> list[tuple[Usage, Usage]]:
    """Of each round: with the page shut, and open. Raises `StackError` if the stack does not start or
    dies."""
    port = door.free_port("127.0.0.1")
    options = StackOptions(shedding=False, view=True, view_port=port)
    with Stack(options, folder) as stack, spin.beside(partial(Dictator, True)) as ((node,), run):

        def wait(seconds: float, ready: bool = False) -> bool:
            def there() -> bool:
                stack.check()
                return ready and node.ready

            return run(there, seconds)

        if not wait(READY_TIMEOUT, ready=True):
            raise StackError(f"the stack was not ready after {READY_TIMEOUT:.0f} s")
        wait(WALKED_IN)

        def span(page: OpenPage | None) -> Usage:
            wait(SETTLE)
            before, began, stamp = _spent(stack), time.monotonic(), node.stamp
            states = page.states if page else 0
            wait(SPAN)
            after, seconds = _spent(stack), time.monotonic() - began
            share = {name: 100.0 * (after[name] - before[name]) / seconds for name in after}
            view = share.pop("view")
            came = (page.states - states) / seconds if page else 0.0
            return Usage(view, sum(share.values()), came, (node.stamp - stamp) / seconds)

        found = []
        for _ in range(rounds):
            shut = span(None)
            with OpenPage(port) as page:
                found.append((shut, span(page)))
        return found


def _spent(stack: Stack) -> dict[str, float]:
    """CPU of each node so far [s]."""
    times = {one.name: psutil.Process(one.fork.pid).cpu_times() for one in stack.processes}
    return {name: one.user + one.system for name, one in times.items()}
