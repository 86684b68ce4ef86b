"""Measures what each level of load shedding saves: the whole stack runs at the pace of the clock, this side
says in the monitor's place at which level, and reads the processor time of each node's process."""

import itertools
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from vla_sim.bringup.node_table import StackOptions
from vla_sim.bringup.supervisor import Stack
from vla_sim.common import clock
from vla_sim.common.errors import StackError
from vla_sim.common.params import StageParams
from vla_sim.contract import topics
from vla_sim.contract.limits import LOAD_LEVELS
from vla_sim.contract.records import FINAL_STATES, Command, Load, Status
from vla_sim.ros import spin
from vla_sim.ros.messages import to_seconds
from vla_sim.ros.stage_node import StageNode

OBEY = 6  # nodes that follow the load
READY_TIMEOUT = 240.0  # [s] until all of them say at which level they are
SETTLE = 1.5  # [s] at a level before it is measured
SPAN = 5.0  # [s] that are measured at a time; the levels take turns, so that a busy moment hits all of them
LEAST_WALKED = 0.5
"""Share of that in which it must have walked to count as walking: it plans and turns between two walks."""
WALKS = ("Go to the kitchen", "Go to the bedroom")


class Dictator(StageNode[StageParams]):
    """Says the load level, twice a second, and has the robot walk to and fro where it `walks`."""

    def __init__(self, walks: bool) -> None:
        super().__init__("dictator", StageParams)
        self.level, self.stamp = 0, 0.0
        self.levels: dict[str, int] = {}
        self._walks = itertools.cycle(WALKS) if walks else None
        self._command = ""
        self.motions: list[bool] = []
        """Of each velocity that safety let pass: whether it is one."""
        for topic in (topics.MONITOR_LOAD, topics.COMMAND):
            self.publish(topic)
        self.listen(topics.CLOCK, self.on_clock)
        self.listen(topics.DIAGNOSTICS, self.on_diagnostics)
        self.listen(topics.STATUS, self.on_status)
        self.listen(topics.CMD_VEL, self.on_velocity)
        self.repeat(0.5, self.say, steady=True)

    def on_clock(self, message: Any) -> None:
        self.stamp = to_seconds(message.clock)

    def on_diagnostics(self, message: Any) -> None:
        for status in message.status:
            values = {v.key: v.value for v in status.values}
            if "load level" in values and status.name != "monitor":
                self.levels[status.name] = int(values["load level"])

    def on_status(self, status: Status) -> None:
        if status.command_id == self._command and status.state in FINAL_STATES:
            self._command = ""

    def on_velocity(self, message: Any) -> None:
        v = message.twist
        self.motions.append(any((v.linear.x, v.linear.y, v.angular.z)))

    @property
    def ready(self) -> bool:
        return len(self.levels) >= OBEY

    def say(self) -> None:
        load = Load(
            level=self.level, name=LOAD_LEVELS[self.level].name, since=0.0, cpu=0.0, memory=0.0, missed=0.0,
            stamp=self.stamp, mono=time.monotonic(),
        )  # fmt: skip
        self.send(topics.MONITOR_LOAD, load)
        if self._walks is not None and not self._command and self.ready:
            text, self._command = next(self._walks), f"walk-{clock.mono():.1f}"
            self.send(topics.COMMAND, Command(command_id=self._command, text=text, sent_mono=clock.mono()))


def usage(rounds: int, folder: Path, walks: bool) -> list[list[float]]:
    """Of each round, by level: the cores that all nodes take [seconds of CPU a simulated second], while the
    robot `walks` or stands. Raises `StackError` if the stack does not start or dies, or the robot does not
    walk."""
    found = []
    with (
        Stack(StackOptions(shedding=False), folder) as stack,
        spin.beside(partial(Dictator, walks)) as ((node,), run),
    ):

        def until(true: Callable[[], bool], seconds: float) -> bool:
            def checked() -> bool:
                stack.check()
                return true()

            return run(checked, seconds)

        def wait(seconds: float) -> None:
            until(lambda: False, seconds)

        if not until(lambda: node.ready, READY_TIMEOUT):
            raise StackError(f"the stack was not ready after {READY_TIMEOUT:.0f} s")
        wait(2.0 * SPAN)
        for _ in range(rounds):
            cores = []
            for level in range(len(LOAD_LEVELS)):
                node.level = level
                if not until(lambda level=level: {*node.levels.values()} == {level}, SPAN):  # type: ignore[misc]
                    raise StackError(f"the nodes are at load levels {node.levels}, not {level}")
                wait(SETTLE)
                spent, began = _spent(stack), node.stamp
                node.motions.clear()
                wait(SPAN)
                walked = sum(node.motions) / max(1, len(node.motions))
                if walks and walked < LEAST_WALKED:
                    raise StackError(f"the robot walked {100 * walked:.0f} % of the time at level {level}")
                cores.append((_spent(stack) - spent) / max(1e-3, node.stamp - began))
            found.append(cores)
    return found


def _spent(stack: Stack) -> float:
    """CPU of all nodes so far [s]."""
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in stack.pids())
