"""The other end of /sim/fault and /sim/faults: asks, from another process, whoever started a stack."""

import time
from typing import Any

from std_msgs.msg import String

from vla_sim.bringup.visitor import Visitor
from vla_sim.contract import topics
from vla_sim.contract.codec import PayloadError, decode, encode
from vla_sim.contract.records import FaultRequest, FaultState
from vla_sim.ros.execution import NO_PUBLISHER_EVENTS, QOS

POLL = 0.02


class FaultClient(Visitor):
    """In a ROS domain, with a thread of its own; a context manager."""

    def __init__(self, domain: int, *, own_middleware: bool = True) -> None:
        super().__init__("fault", domain, own_middleware)
        self._state: FaultState | None = None
        self._publisher = self._node.create_publisher(
            String, topics.FAULT_REQUEST.name, QOS["reliable"], event_callbacks=NO_PUBLISHER_EVENTS
        )
        self._listen(String, topics.FAULTS, self._on_state)
        self._start()

    def find(self, timeout: float) -> FaultState | None:
        """What is in force; None if nobody says within `timeout` [s]."""
        deadline = time.monotonic() + timeout
        while self._state is None or not self._publisher.get_subscription_count():
            if time.monotonic() > deadline:
                return None
            time.sleep(POLL)
        return self._state

    def ask(self, request: FaultRequest, timeout: float) -> str | None:
        """The answer: why it was refused, "" if it was done, None if none came within `timeout` [s]."""
        self._publisher.publish(String(data=encode(request)))
        deadline = time.monotonic() + timeout
        while self._state is None or request.request_id not in self._state.answers:
            if time.monotonic() > deadline:
                return None
            time.sleep(POLL)
        return self._state.answers[request.request_id]

    def in_force(self, fault_id: str) -> bool:
        state = self._state
        there = self._publisher.get_subscription_count() > 0  # else the stack has ended
        return there and state is not None and any(one.fault_id == fault_id for one in state.faults)

    def _on_state(self, message: Any) -> None:
        try:
            self._state = decode(FaultState, message.data)
        except PayloadError:
            return  # a stack of another version
