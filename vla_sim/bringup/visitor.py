"""A node that looks into a running stack from another process, as those of `vla-sim top`, `fault` and `param`
do."""

import contextlib
import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node

from vla_sim.bringup.node_table import middleware
from vla_sim.contract.topics import Topic
from vla_sim.ros import spin
from vla_sim.ros.execution import NO_SUBSCRIPTION_EVENTS, QOS
from vla_sim.ros.executor import SerialExecutor

V = TypeVar("V", bound="Visitor")


class Visitor:
    """In a ROS domain; a context manager."""

    def __init__(self, name: str, domain: int, own_middleware: bool) -> None:
        """own_middleware: as `vla-sim` sets it for its nodes; else as the environment has it."""
        if own_middleware:
            os.environ.update(middleware(domain))
        os.environ["ROS_DOMAIN_ID"] = str(domain)
        spin.start([])
        self._node = Node(f"{name}_{os.getpid()}", enable_rosout=False, start_parameter_services=False)
        self._executor: SerialExecutor | None = None

    def _listen(self, kind: Any, topic: Topic, call: Callable[[Any], None]) -> None:
        """kind: of the ROS message."""
        self._node.create_subscription(
            kind, topic.name, call, QOS[topic.qos], event_callbacks=NO_SUBSCRIPTION_EVENTS
        )

    def _start(self) -> None:
        """Call back from now on, in a thread."""
        self._executor = SerialExecutor()
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin, args=(self._executor,), daemon=True)
        self._thread.start()

    def _spin(self, executor: SerialExecutor) -> None:
        with contextlib.suppress(ExternalShutdownException):
            executor.spin()

    def __enter__(self: V) -> V:
        return self

    def __exit__(self, *_: Any) -> None:
        rclpy.try_shutdown()
        if self._executor is not None:
            self._thread.join(2.0)
            self._executor.shutdown()
        self._node.destroy_node()
