"""The ROS side of every stage in one place.

A stage's `node.py` subclasses `StageNode`, whose constructor declares the parameters of the stage's
dataclass. It publishes and subscribes by the contract's `Topic`, so that no name, type or quality of
service is written twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Generic

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node

from vla_sim.common import clock
from vla_sim.common.caches import Caches
from vla_sim.contract import limits, records, topics
from vla_sim.contract.codec import PayloadError
from vla_sim.contract.limits import THRESHOLDS
from vla_sim.contract.records import Record, TraceEvent
from vla_sim.contract.topics import Topic
from vla_sim.ros.diagnostics import DiagnosticsReporter
from vla_sim.ros.execution import CountedPublisher, Execution, RealTime, Timer
from vla_sim.ros.executor import SerialExecutor
from vla_sim.ros.load_follower import LoadFollower
from vla_sim.ros.lockstep import run_environment
from vla_sim.ros.lockstep.conductor import Conductor
from vla_sim.ros.lockstep.follower import Follower
from vla_sim.ros.parameters import P, declare
from vla_sim.ros.topic_endpoints import TopicEndpoints


class StageNode(Node, Generic[P]):
    """A node with typed parameters, record topics, a trace and 1 Hz diagnostics.

    params: the frozen dataclass with the values that were set at start. execution: how its work is run; the
    node that `conducts` gives the turns in lock-step.
    """

    conducts = False

    def __init__(self, name: str, params: type[P]) -> None:
        super().__init__(name)
        self.execution: Execution = RealTime(self)
        if run_environment.wanted():
            self.execution = Conductor() if self.conducts else Follower(name)
        self.params: P = declare(self, params)
        self.endpoints = TopicEndpoints(self, self.execution)
        self.load_follower: LoadFollower | None = None
        memory = THRESHOLDS["system.memory"]
        self.caches = Caches(memory.value, memory.clear, self.params.memory_limit)
        self.freed = ""
        """What was freed when memory was short last."""
        self.publish(topics.TRACE)
        self.diagnostics = DiagnosticsReporter(self)

    def publish(self, topic: Topic) -> CountedPublisher:
        """The publisher of a topic, made at the first call, which belongs in the constructor: a writer
        that is made at its first sample needs some 100 ms to be discovered (measured)."""
        return self.endpoints.publish(topic)

    def send(self, topic: Topic, record: Record) -> None:
        """Publish a record; one that cannot be encoded is logged and dropped.

        Raises `RuntimeError` if the constructor did not `publish` the topic.
        """
        self.endpoints.send(topic, record)

    def listen(self, topic: Topic, callback: Callable[[Any], None], *, raw: bool = False) -> None:
        """Call back with each message, or with each valid record of a record topic; raw: with its
        undecoded message."""
        self.endpoints.listen(topic, callback, raw=raw)

    def reject(self, topic: Topic, error: PayloadError) -> None:
        """Count and log a payload of a topic that was listened to `raw`."""
        self.endpoints.reject(topic, error)

    def repeat(self, period: float, callback: Callable[[], None], *, steady: bool = False) -> Timer:
        """Call back every `period` seconds of the ROS clock, or of the machine's (in lock-step there is
        one clock alone)."""
        return self.execution.timer(period, callback, steady=steady)

    def now(self) -> float:
        """Seconds of the ROS clock: simulated time in simulation."""
        return self.execution.now()

    def trace(self, command_id: str, stage: records.Stage, begin_mono: float, detail: str = "") -> None:
        """Publish that `stage` worked for a command from `begin_mono` until now."""
        event = TraceEvent(
            command_id=command_id, stage=stage, begin_mono=begin_mono, end_mono=clock.mono(),
            detail=detail,
        )  # fmt: skip
        self.send(topics.TRACE, event)

    def follow_load(self) -> None:
        """From now on `load` is what the monitor says. Never in lock-step, where results must not depend on
        the machine."""
        if not self.execution.deterministic:
            self.load_follower = LoadFollower(self.get_logger().info)
            self.listen(topics.MONITOR_LOAD, self.load_follower.on_load)

    @property
    def load(self) -> limits.LoadLevel:
        """What this stage may do at the present load: everything before `follow_load`, in lock-step, and
        when the monitor is silent."""
        return self.load_follower.level if self.load_follower is not None else limits.LOAD_LEVELS[0]

    def check_memory(self) -> None:
        """Empty the caches if memory is short. Never in lock-step: memory is the machine's."""
        freed = None if self.execution.deterministic else self.caches.check(time.monotonic())
        if freed is not None:
            self.freed = str(freed)
            self.get_logger().warning(self.freed)

    def listeners(self) -> dict[str, int]:
        """How many listen to each topic that this node publishes."""
        return self.endpoints.listeners()

    def status(self) -> dict[str, str]:
        """Key figures for /diagnostics; stages override it."""
        return {}

    def health(self) -> tuple[bytes, str]:
        """Level and message for /diagnostics."""
        if self.endpoints.rejected:
            return DiagnosticStatus.WARN, "payloads rejected"
        return DiagnosticStatus.OK, "ok"

    def run(self, executor: SerialExecutor) -> None:
        """Work until ROS shuts down."""
        self.execution.spin(executor, self.listeners)

    def close(self) -> None:
        """End what the node started; stages override it."""
