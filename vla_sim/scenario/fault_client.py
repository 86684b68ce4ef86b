"""The other end of /sim/fault and /sim/faults: asks, from another process, whoever started a stack."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from std_msgs.msg import String

from vla_sim.bringup.node_table import middleware
from vla_sim.contract import topics
from vla_sim.contract.codec import PayloadError, decode, encode
from vla_sim.contract.records import FaultRequest, FaultState
from vla_sim.ros import spin
from vla_sim.ros.execution import NO_PUBLISHER_EVENTS, NO_SUBSCRIPTION_EVENTS, QOS
from vla_sim.ros.executor import SerialExecutor

POLL = 0.02


class FaultClient:
    """In a ROS domain, with a thread of its own; a context manager."""

    def __init__(self, domain: int, *, own_middleware: bool = True) -> None:
        """own_middleware: as `vla-sim` sets it for its nodes; else as the environment has it."""
        if own_middleware:
            os.environ.update(middleware(domain))
        os.environ["ROS_DOMAIN_ID"] = str(domain)
        self._state: FaultState | None = None
        spin.start([])
        self._node = Node(f"fault_{os.getpid()}", enable_rosout=False, start_parameter_services=False)
        self._publisher = self._node.create_publisher(
            String, topics.FAULT_REQUEST.name, QOS["reliable"], event_callbacks=NO_PUBLISHER_EVENTS
        )
        self._node.create_subscription(
            String, topics.FAULTS.name, self._on_state, QOS["latched"], event_callbacks=NO_SUBSCRIPTION_EVENTS
        )
        self._executor = SerialExecutor()
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin, name="faults", daemon=True)
        self._thread.start()

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

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return

    def __enter__(self) -> FaultClient:
        return self

    def __exit__(self, *_: Any) -> None:
        rclpy.try_shutdown()
        self._thread.join(2.0)
        self._executor.shutdown()
        self._node.destroy_node()
