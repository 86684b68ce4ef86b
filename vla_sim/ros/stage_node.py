"""The ROS side of every stage in one place: node base class, quality of service, records, spinning.

A stage's `node.py` subclasses `StageNode`, whose constructor declares the parameters of the stage's
dataclass. It publishes and subscribes by the contract's `Topic`, so that no name, type or quality of
service is written twice.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from typing import Any, Generic, TypeVar

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.clock import Clock, ClockType
from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import String

from vla_sim.common import clock
from vla_sim.common.caches import Caches
from vla_sim.common.errors import VlaSimError
from vla_sim.common.params import StageParams, check
from vla_sim.common.profiling import threads as profiling
from vla_sim.contract import limits, records, topics
from vla_sim.contract.codec import PayloadError, decode, encode
from vla_sim.contract.records import Record, TraceEvent
from vla_sim.contract.topics import Topic
from vla_sim.ros import lockstep
from vla_sim.ros.executor import SerialExecutor
from vla_sim.ros.load_follower import LoadFollower
from vla_sim.ros.lockstep import Conductor, Follower, RunEnds

P = TypeVar("P", bound=StageParams)

DEEP = 1000
"""Messages that a lock-step node may be behind: none may be lost there."""
QOS: dict[str, QoSProfile] = {
    "sensor": QoSProfile(depth=2, reliability=ReliabilityPolicy.BEST_EFFORT),
    "reliable": QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE),
    "latched": QoSProfile(
        depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
    ),
}


# The contract fixes the quality of service, and rclpy's watch for a mismatch costs a wait-set entry each.
NO_EVENTS = PublisherEventCallbacks(use_default_callbacks=False)
NO_EVENT = SubscriptionEventCallbacks(use_default_callbacks=False)


@cache
def message_class(name: str) -> Any:
    """The class of a ROS type name such as "sensor_msgs/msg/Image"."""
    package, _, kind = name.split("/")
    return getattr(importlib.import_module(f"{package}.msg"), kind)


class CountedPublisher:
    """An rclpy publisher that knows how much it sent: rates are counted where they arise, and cost nobody a
    message."""

    def __init__(self, publisher: Any) -> None:
        self._publisher = publisher
        self.msg_type = publisher.msg_type
        self.count = 0

    def publish(self, message: Any) -> None:
        self.count += 1
        self._publisher.publish(message)

    def get_subscription_count(self) -> int:
        return int(self._publisher.get_subscription_count())


class StageNode(Node, Generic[P]):
    """A node with typed parameters, record topics, a trace and 1 Hz diagnostics.

    params: the frozen dataclass with the values that were set at start. turns: in a lock-step run, who
    gives this node its turns (or gives them to the others, where `conducts`).
    """

    conducts = False

    def __init__(self, name: str, params: type[P]) -> None:
        super().__init__(name)
        self.turns: Follower | Conductor | None = None
        if lockstep.wanted():
            self.turns = Conductor() if self.conducts else Follower(name)
        # Of any type, so that it is `check` that says what is wrong with a value.
        free = ParameterDescriptor(dynamic_typing=True)
        values = {f.name: self.declare_parameter(f.name, f.default, free).value for f in fields(params)}
        self.params: P = check(params(**values))
        self.rejected: dict[str, int] = {}
        self._publishers_by_topic: dict[str, Any] = {}
        self._listening: list[str] = []
        self._reports = 0
        self.caches = Caches(self.params.memory_limit)
        self._freed = ""
        self._load = LoadFollower()
        self._load_told: int | None = None
        self.publish(topics.TRACE)
        self._diagnostics = self.publish(topics.DIAGNOSTICS)
        self.repeat(0.25, self._report_when_due, steady=True)

    def publish(self, topic: Topic) -> Any:
        """The publisher of a topic, made at the first call, which belongs in the constructor: a writer
        that is made at its first sample needs some 100 ms to be discovered (measured)."""
        found = self._publishers_by_topic.get(topic.name)
        if found is None:
            kind = String if not isinstance(topic.type, str) else message_class(topic.type)
            found = self.create_publisher(kind, topic.name, self._qos(topic), event_callbacks=NO_EVENTS)
            if self.turns is not None:
                found = lockstep.Publisher(self.turns.mail, found, topic.name)
            else:
                found = CountedPublisher(found)
            self._publishers_by_topic[topic.name] = found
        return found

    def _qos(self, topic: Topic) -> QoSProfile:
        if self.turns is None:
            return QOS[topic.qos]
        # What was sent before a reader was there would be counted by nobody: nothing is kept for late ones.
        return QoSProfile(depth=DEEP, reliability=ReliabilityPolicy.RELIABLE)

    def send(self, topic: Topic, record: Record) -> None:
        """Publish a record; one that cannot be encoded is logged and dropped.

        Raises `RuntimeError` if the constructor did not `publish` the topic.
        """
        publisher = self._publishers_by_topic.get(topic.name)
        if publisher is None:
            raise RuntimeError(f"{self.get_name()} must publish({topic.name}) in its constructor")
        try:
            publisher.publish(String(data=encode(record)))
        except PayloadError as error:
            self._reject(topic, error)

    def listen(self, topic: Topic, callback: Callable[[Any], None], *, raw: bool = False) -> None:
        """Call back with each message, or with each valid record of a record topic; raw: with its
        undecoded message."""
        self._listening.append(topic.name)
        if isinstance(topic.type, str) or raw:
            name = topic.type if isinstance(topic.type, str) else "std_msgs/msg/String"
            self._subscribe(message_class(name), topic, callback)
            return
        kind = topic.type

        def receive(message: String) -> None:
            try:
                record = decode(kind, message.data)
            except PayloadError as error:
                self._reject(topic, error)
                return
            callback(record)

        self._subscribe(String, topic, receive)

    def _subscribe(self, kind: Any, topic: Topic, callback: Callable[[Any], None]) -> None:
        made = self.create_subscription(
            kind, topic.name, callback, self._qos(topic), event_callbacks=NO_EVENT
        )
        if self.turns is not None:
            self.turns.mail.boxes[topic.name] = lockstep.Box(
                lambda: made.handle.take_message(made.msg_type, made.raw), callback
            )

    def repeat(self, period: float, callback: Callable[[], None], *, steady: bool = False) -> Any:
        """Call back every `period` seconds of the ROS clock, or of the machine's (in lock-step there is
        one clock alone)."""
        if isinstance(self.turns, Follower):
            return self.turns.timer(period, callback)
        if steady:
            return self.create_timer(period, callback, clock=Clock(clock_type=ClockType.STEADY_TIME))
        return self.create_timer(period, callback)

    def follow_load(self) -> None:
        """From now on `load` is what the monitor says. Never in lock-step, where results must not depend on
        the machine."""
        if self.turns is None:
            self._load_told = 0
            self.listen(topics.MONITOR_LOAD, self._on_load)

    @property
    def load(self) -> limits.LoadLevel:
        """What this stage may do at the present load: everything before `follow_load`, in lock-step, and
        when the monitor is silent."""
        return self._load.level(time.monotonic())

    def _on_load(self, load: records.Load) -> None:
        self._load.heard(load, time.monotonic())
        self._tell_load()

    def _tell_load(self) -> None:
        index = self._load.index(time.monotonic())
        if self._load_told is not None and index != self._load_told:
            self._load_told = index
            self.get_logger().info(f"load level {index} ({limits.LOAD_LEVELS[index].name})")

    def listeners(self) -> dict[str, int]:
        """How many listen to each topic that this node publishes."""
        return {name: one.get_subscription_count() for name, one in self._publishers_by_topic.items()}

    def trace(self, command_id: str, stage: records.Stage, begin_mono: float, detail: str = "") -> None:
        """Publish that `stage` worked for a command from `begin_mono` until now."""
        event = TraceEvent(
            command_id=command_id, stage=stage, begin_mono=begin_mono, end_mono=clock.mono(),
            detail=detail,
        )  # fmt: skip
        self.send(topics.TRACE, event)

    def now(self) -> float:
        """Seconds of the ROS clock: simulated time in simulation."""
        if self.turns is not None:
            return self.turns.stamp
        return float(self.get_clock().now().nanoseconds) * 1e-9

    def status(self) -> dict[str, str]:
        """Key figures for /diagnostics; stages override it."""
        return {}

    def health(self) -> tuple[bytes, str]:
        """Level and message for /diagnostics."""
        if self.rejected:
            return DiagnosticStatus.WARN, "payloads rejected"
        return DiagnosticStatus.OK, "ok"

    def _reject(self, topic: Topic, error: PayloadError) -> None:
        self.rejected[topic.name] = self.rejected.get(topic.name, 0) + 1
        self.get_logger().warning(f"{topic.name}: {error}", throttle_duration_sec=1.0)

    def _report_when_due(self) -> None:
        """1 Hz; 4 Hz at first, so that whoever starts the nodes sees soon that all have met."""
        self._reports += 1
        self._tell_load()  # the monitor's silence makes no message
        if self.turns is None and self._reports % 4 == 0:  # never in lock-step: memory is the machine's
            self._look_after_memory()
        if self._reports <= 60 or self._reports % 4 == 0:
            self._report()

    def _look_after_memory(self) -> None:
        freed = self.caches.check(time.monotonic())
        if freed is not None:
            self._freed = str(freed)
            self.get_logger().warning(self._freed)

    def _report(self) -> None:
        values = {f"rejected {name}": str(count) for name, count in self.rejected.items()}
        values["listens"] = " ".join(self._listening)
        values |= {f"listeners {name}": str(count) for name, count in self.listeners().items()}
        if self.turns is None:  # in lock-step a report has no number of the machine's in it
            values["pid"] = str(os.getpid())
            values |= {f"published {name}": str(p.count) for name, p in self._publishers_by_topic.items()}
        if self._load_told is not None:
            values["load level"] = str(self._load_told)
        if self._freed:
            values["memory freed"] = self._freed
        values |= self.status()
        level, text = self.health()
        entry = DiagnosticStatus(
            level=level,
            name=self.get_name(),
            message=text,
            values=[KeyValue(key=k, value=v) for k, v in values.items()],
        )
        message = DiagnosticArray(status=[entry])
        message.header.stamp = to_stamp(self.now())
        self._diagnostics.publish(message)


def to_seconds(stamp: Any) -> float:
    """Seconds of a builtin_interfaces/Time."""
    return float(stamp.sec) + float(stamp.nanosec) * 1e-9


def to_stamp(seconds: float) -> Any:
    """builtin_interfaces/Time of seconds, to the nearest nanosecond: a clock that is one short of a whole
    second lets a timer that is due then miss its turn."""
    sec, nanosec = divmod(round(seconds * 1e9), 1_000_000_000)
    return message_class("builtin_interfaces/msg/Time")(sec=sec, nanosec=nanosec)


def settle() -> None:
    """The end of start-up. What it made need not be looked at again by the garbage collector: with numba
    loaded, a full collection takes some 100 ms, in the middle of a command. A kernel that is compiled from
    now on is told."""
    gc.collect()
    gc.freeze()
    kernels = sys.modules.get("vla_sim.common.numba_cache")
    if kernels is not None:  # not every node has kernels, and numba takes long to import
        kernels.settled()


def init_with_signals() -> None:
    """`rclpy.init`, and from now on SIGINT and SIGTERM shut ROS down, which ends every wait.

    A thread hears of the signal at once, also while the main thread waits in C. rclpy's own handlers raise
    `KeyboardInterrupt` as well, which could come in the middle of a message or of the node's end.
    """
    hears, told = socket.socketpair()
    told.setblocking(False)
    signal.set_wakeup_fd(told.detach())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)

    def wait() -> None:
        while hears.recv(1):
            rclpy.try_shutdown()

    threading.Thread(target=wait, name="signals", daemon=True).start()


def spin(make: Callable[[], Node]) -> int:
    """Run one node until SIGINT, SIGTERM or shutdown; the exit code.

    A node with a loop of its own, `run(executor)`, is run by that. A `VlaSimError` becomes one line on
    stderr and its exit code.
    """
    node: Node | None = None
    profile: profiling.NodeProfile | None = None
    stop: Callable[[], None] | None = None
    init_with_signals()
    try:
        profile = profiling.begin()
        node = make()
        executor = SerialExecutor()
        executor.add_node(node)
        settle()
        if profile is not None:
            stop = profile.watch()
        run = getattr(node, "run", None)
        if run is not None:
            run(executor)
        elif isinstance(getattr(node, "turns", None), Follower):
            node.turns.loop(node.listeners, rclpy.ok)
        else:
            executor.spin()
    except (ExternalShutdownException, RunEnds):
        pass
    except VlaSimError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except Exception:
        # A shutdown in the middle of a turn or a callback takes rclpy's handles away from under it.
        if rclpy.ok():
            raise
    finally:
        if stop is not None:
            stop()
        if node is not None:
            close = getattr(node, "close", None)
            if close is not None:
                close()
            if profile is not None and stop is not None:
                _keep(profile, node.get_name())
            node.destroy_node()
        rclpy.try_shutdown()
    return 0


def _keep(profile: profiling.NodeProfile, name: str) -> None:
    try:
        profiling.finish(profile, name)
    except OSError as error:
        print(f"[WARN] the profile of {name} cannot be written: {error}", file=sys.stderr)
