"""The other end of the monitor's topics: what a viewer in another process receives from a running stack."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from std_msgs.msg import String

from vla_sim.bringup.node_table import middleware
from vla_sim.contract import topics
from vla_sim.contract.codec import PayloadError, decode
from vla_sim.contract.records import Load, MonitorState
from vla_sim.monitor.core import MOST_NODES
from vla_sim.monitor.top_view import Seen
from vla_sim.ros import spin
from vla_sim.ros.execution import NO_SUBSCRIPTION_EVENTS, QOS
from vla_sim.ros.executor import SerialExecutor

ENDED = 5  # alerts that are over and still shown


class Viewer:
    """Listens in a ROS domain, from a thread; a context manager. It publishes nothing itself."""

    def __init__(self, domain: int, *, own_middleware: bool = True) -> None:
        """own_middleware: as `vla-sim` sets it for its nodes; else as the environment has it."""
        if own_middleware:
            os.environ.update(middleware(domain))
        os.environ["ROS_DOMAIN_ID"] = str(domain)
        self._lock = threading.Lock()
        self._seen, self._came = Seen(domain), 0.0
        self.nodes: dict[str, float] = {}  # nodes that report in this domain, and when last [s, monotonic]
        spin.start([])
        self._node = Node(f"top_{os.getpid()}", enable_rosout=False, start_parameter_services=False)
        for topic in (topics.MONITOR_STATE, topics.MONITOR_ALERTS, topics.MONITOR_LOAD):
            self._listen(String, topic, partial(self._on_record, topic.type))
        self._listen(DiagnosticArray, topics.DIAGNOSTICS, self._on_diagnostics)
        self._executor = SerialExecutor()
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin, name="viewer", daemon=True)
        self._thread.start()

    def seen(self) -> Seen:
        """What has come so far."""
        with self._lock:
            age = time.monotonic() - self._came if self._seen.state is not None else 0.0
            return replace(self._seen, age=age)

    def _spin(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            self._executor.spin()

    def _listen(self, kind: Any, topic: topics.Topic, call: Callable[[Any], None]) -> None:
        self._node.create_subscription(
            kind, topic.name, call, QOS[topic.qos], event_callbacks=NO_SUBSCRIPTION_EVENTS
        )

    def _on_record(self, kind: Any, message: String) -> None:
        try:
            record = decode(kind, message.data)
        except PayloadError:
            return  # a monitor of another version
        with self._lock:
            if isinstance(record, MonitorState):
                self._seen, self._came = replace(self._seen, state=record), time.monotonic()
            elif isinstance(record, Load):
                self._seen = replace(self._seen, load=record)
            elif not record.active:
                self._seen = replace(self._seen, ended=[*self._seen.ended, record][-ENDED:])

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name in self.nodes or len(self.nodes) < MOST_NODES:
                self.nodes[status.name] = time.monotonic()

    def __enter__(self) -> Viewer:
        return self

    def __exit__(self, *_: Any) -> None:
        rclpy.try_shutdown()
        self._thread.join(2.0)
        self._executor.shutdown()
        self._node.destroy_node()
