"""Begins and ends faults: what whoever started the nodes does for scenarios and for `vla-sim fault`.

Nodes break their own topics and sensors, as /sim/faults tells them; processes and the machine are broken
here.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.parameter import Parameter

from vla_sim.bringup.launched import LaunchedNodes
from vla_sim.bringup.siblings import Siblings
from vla_sim.bringup.supervisor import Stack
from vla_sim.common.errors import InputError, VlaSimError
from vla_sim.common.params import StageParams
from vla_sim.contract import faults, topics
from vla_sim.contract.records import Fault, FaultRequest, FaultState
from vla_sim.ros.spin import spin
from vla_sim.ros.stage_node import StageNode
from vla_sim.scenario.format import NODES
from vla_sim.scenario.machine_load import MachineLoad

Nodes = Stack | LaunchedNodes
"""The nodes of a run: ours, or those of a launch test."""
ALL = "all"
MOST_ANSWERS = 20


@dataclass
class Span:
    """A fault and the stamps [s] of its beginning and end; None: it was in force at last."""

    fault: Fault
    begin: float
    end: float | None = None


class FaultHost:
    """Lives in the node's thread. node: publishes the state. now: [s] of a clock that does not jump.
    note: takes a line for each beginning and end. spans: all that there were, in order."""

    def __init__(
        self, nodes: Nodes | Siblings, node: StageNode[Any], now: Callable[[], float],
        note: Callable[[str], object],
    ) -> None:  # fmt: skip
        self._nodes, self._node, self._now, self._note = nodes, node, now, note
        self.spans: list[Span] = []
        self._stopped: set[str] = set()
        self._load: dict[str, MachineLoad] = {}
        self._answers: dict[str, str] = {}
        self._said = self._closed = False

    @property
    def active(self) -> list[Span]:
        return [one for one in self.spans if one.end is None]

    def on_request(self, request: FaultRequest) -> None:
        why = ""
        try:
            if request.begin is not None:
                self.begin(request.begin)
            elif request.end:
                self.end(request.end)
        except VlaSimError as error:
            why = str(error)
        self._answers[request.request_id] = why
        self._answers = dict(list(self._answers.items())[-MOST_ANSWERS:])
        self._send()

    def begin(self, fault: Fault) -> None:
        """Raises `InputError` for what cannot be, `StackError` for a node that cannot be killed."""
        fault = faults.check(fault, NODES)
        kind = faults.KINDS[fault.kind]
        if any(one.fault.fault_id == fault.fault_id for one in self.spans):
            raise InputError(f"a fault {fault.fault_id!r} was there already")
        if self._nodes.lockstep and not kind.lockstep:
            raise InputError(f"{kind.name} cannot be in lock-step, which does not depend on the machine")
        if kind.name == "kill":
            self._kill(fault.target)
        elif kind.group == "process":
            self._nodes.freeze(fault.target, fault.target in self._stopped)  # raises if there is none
        elif kind.group == "machine":
            self._load[fault.fault_id] = MachineLoad(fault.kind, fault.amount or 0.0)
        now = self._now()
        self.spans.append(Span(fault, now, None if kind.lasts else now))
        self._note(f"fault: {faults.words(fault)}")
        self.tick()
        self._send()

    def end(self, fault_id: str) -> None:
        """One of this id, or all. Raises `InputError` if it is not in force."""
        ending = [one for one in self.active if fault_id in (ALL, one.fault.fault_id)]
        if not ending and fault_id != ALL:
            known = ", ".join(one.fault.fault_id for one in self.active) or "none"
            raise InputError(f"no fault {fault_id!r} is in force; there are {known}")
        for one in ending:
            one.end = self._now()
            self._note(f"over: {faults.words(one.fault)}")
            if one.fault.fault_id in self._load:
                self._load.pop(one.fault.fault_id).close()
        self._suspend()
        if ending:
            self._send()

    def tick(self) -> None:
        """To be called some 50 times a second."""
        if self._closed:
            return
        if not self._said:
            self._send()
        now = self._now()
        for one in self.active:
            if one.fault.seconds and now - one.begin >= one.fault.seconds - 1e-6:
                self.end(one.fault.fault_id)
        self._suspend()

    def forget(self, kept: int) -> None:
        """What was over long ago: the last so many faults are kept, and those in force."""
        self.spans[:-kept] = [one for one in self.spans[:-kept] if one.end is None]

    def close(self) -> None:
        """Give back what was taken of the machine, let processes go on. Idempotent; for any thread."""
        self._closed = True
        while self._load:  # one by one: the node's thread may be at it, too
            self._load.popitem()[1].close()
        stopped, self._stopped = self._stopped, set()
        for name in stopped:
            with contextlib.suppress(VlaSimError):
                self._nodes.freeze(name, False)

    def _kill(self, name: str) -> None:
        """As if it had died by itself: at the clock's pace it is started again, but not the engine."""
        if isinstance(self._nodes, Stack):
            self._nodes.kill(name, restart=not self._nodes.lockstep and name != "engine")
        else:
            self._nodes.kill(name)

    def _suspend(self) -> None:
        """Have those processes suspended that a fault suspends now, in lock-step the engine does it."""
        if self._nodes.lockstep:
            return
        wanted = faults.suspended([(one.begin, one.fault) for one in self.active], self._now())
        for name in wanted ^ self._stopped:
            self._nodes.freeze(name, name in wanted)
        self._stopped = wanted

    def _send(self) -> None:
        state = FaultState(faults=[one.fault for one in self.active], answers=self._answers)
        self._node.send(topics.FAULTS, state)
        self._said = True


class FaultNode(StageNode[StageParams]):
    """The node of a `FaultHost` where no scenario is played."""

    def __init__(self) -> None:
        super().__init__("faults", StageParams)
        # It reports in the time of the stack, or the monitor would take the difference for a leap of time.
        self.set_parameters([Parameter("use_sim_time", value=True)])
        self.on_tick: Callable[[], None] = lambda: None
        self.on_fault_request: Callable[[FaultRequest], None] = lambda request: None
        self.publish(topics.FAULTS)
        self.listen(topics.FAULT_REQUEST, lambda request: self.on_fault_request(request))
        self.repeat(0.02, lambda: self.on_tick(), steady=True)


class LaunchFaults(FaultNode):
    """Breaks the nodes that the launch file which started it has started, too."""

    def __init__(self) -> None:
        super().__init__()
        self.host = FaultHost(Siblings(), self, time.monotonic, self.get_logger().warning)
        self.on_fault_request, self.on_tick = self.host.on_request, self.host.tick

    def close(self) -> None:
        self.host.close()


def main() -> int:
    return spin(LaunchFaults)


if __name__ == "__main__":
    raise SystemExit(main())
