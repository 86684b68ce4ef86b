"""The ROS side of every stage in one place.

A stage's `node.py` subclasses `StageNode`, whose constructor declares the parameters of the stage's
dataclass. It publishes and subscribes by the contract's `Topic`, so that no name, type or quality of
service is written twice.
"""

import math
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Generic, TypeVar

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_msgs.msg import String

from vla_sim.common import clock
from vla_sim.common.caches import MemoryOptimizer
from vla_sim.common.errors import InputError, nearest
from vla_sim.common.geometry import Array
from vla_sim.common.params import StageParams, allowed, check, named
from vla_sim.contract import limits, metrics, records, topics
from vla_sim.contract.codec import PayloadError, decode, encode
from vla_sim.contract.records import Fault, FaultState, Record, TraceEvent
from vla_sim.contract.topics import Topic
from vla_sim.ros.conversions import cloud_points
from vla_sim.ros.execution import NO_PUBLISHER_EVENTS, NO_SUBSCRIPTION_EVENTS, CountedPublisher, Execution
from vla_sim.ros.executor import SerialExecutor
from vla_sim.ros.failures import Failures
from vla_sim.ros.fault_doors import Doors
from vla_sim.ros.lockstep import run_environment
from vla_sim.ros.lockstep.conductor import Conductor
from vla_sim.ros.lockstep.follower import Follower
from vla_sim.ros.messages import message_class, to_seconds, to_stamp
from vla_sim.ros.one_writer import Endpoint, OneWriter
from vla_sim.ros.stamp_age import StampAge

P = TypeVar("P", bound=StageParams)
OWN = {"use_sim_time", "start_type_description_service"}
"""Parameters that rclpy gives every node."""

PERIOD = 0.25
"""[s] between checks of whether a report on /diagnostics is due."""
EVERY = 4
"""Checks between reports: 1 Hz."""
STARTING = 60
"""First checks, each of which reports, so that whoever starts the nodes sees soon that all have met."""
MOST_VALUES = 1000
"""That a node records between two reports; of more, the newest."""


class LoadFollower:
    """What a stage may do at the present load: what the monitor says, and everything when that is silent.
    log: takes a line at every change of level."""

    def __init__(self, log: Callable[[str], object]) -> None:
        self._log = log
        self._level = self._logged = 0
        self._received = 0.0

    def on_load(self, load: records.Load) -> None:
        """Take the monitor's word."""
        self._level, self._received = load.level, time.monotonic()
        self.check()

    def check(self) -> None:
        """Log a change; to be called now and then, since the monitor's silence makes no message."""
        if self.index != self._logged:
            self._logged = self.index
            self._log(f"load level {self.index} ({self.level.name})")

    @property
    def index(self) -> int:
        """The row of `LOAD_LEVELS` that holds now; 0 when nothing was received for `LOAD_SILENCE`."""
        return self._level if time.monotonic() - self._received < limits.LOAD_SILENCE else 0

    @property
    def level(self) -> limits.LoadLevel:
        """What holds now."""
        return limits.LOAD_LEVELS[self.index]


class StageNode(Node, Generic[P]):
    """A node with typed parameters, record topics, a trace and 1 Hz diagnostics.

    params: the frozen dataclass with the values that hold now. execution: how its work is run; the
    node that `conducts` gives the turns in lock-step. published: the publishers by topic. subscribed: topics
    in the order of subscription. rejected: payloads of a topic that could not be encoded or decoded.
    failures: what its callbacks raised; where `forgiving`, that costs the message and not the node.
    """

    conducts = False
    forgiving = True

    def __init__(self, name: str, params: type[P]) -> None:
        self.failures = Failures(lambda text: self.get_logger().error(text), lambda: self.context.ok())
        super().__init__(name, automatically_declare_parameters_from_overrides=True)
        self.execution: Execution = Execution(self)
        if run_environment.wanted():
            self.execution = Conductor() if self.conducts else Follower(name)
        self.execution.guard = self.guard
        self.params: P = self._declare(params)
        self.add_on_set_parameters_callback(self._on_set)
        self.published: dict[str, CountedPublisher] = {}
        self.subscribed: list[str] = []
        self.rejected: dict[str, int] = {}
        self.doors = Doors(self)
        self.writers: dict[str, OneWriter] = {}
        self.ages: dict[str, StampAge] = {}
        """Of stamped messages, by topic, where this node lives on the machine's clock."""
        self._alarms: dict[str, str] = {}
        self._left = False
        self.load_follower: LoadFollower | None = None
        memory = limits.THRESHOLDS["system.memory"]
        self.caches = MemoryOptimizer(memory.value, memory.clear, self.params.memory_limit)
        self.freed = ""
        """What was freed when memory was short last."""
        self.publish(topics.TRACE)
        self.publish(topics.DIAGNOSTICS)
        self._metrics: deque[tuple[str, float]] = deque(maxlen=MOST_VALUES)
        self._checks = 0
        if self.params.faults:
            self.listen(topics.FAULTS, self._on_faults)
        self.repeat(PERIOD, self._check, steady=True)

    def publish(self, topic: Topic) -> CountedPublisher:
        """The publisher of a topic, made at the first call, which belongs in the constructor: a writer
        that is made at its first sample needs some 100 ms to be discovered (measured)."""
        if topic.name not in self.published:
            kind = message_class(topic.ros_type)
            made = self.create_publisher(
                kind, topic.name, self.execution.qos(topic), event_callbacks=NO_PUBLISHER_EVENTS
            )
            self.published[topic.name] = self.execution.publisher(made, topic.name)
        return self.published[topic.name]

    def send(self, topic: Topic, record: Record) -> None:
        """Publish a record; one that cannot be encoded is logged and dropped.

        Raises `RuntimeError` if the constructor did not `publish` the topic.
        """
        if topic.name not in self.published:
            raise RuntimeError(f"{self.get_name()} must publish({topic.name}) in its constructor")
        try:
            self.published[topic.name].publish(String(data=encode(record)))
        except PayloadError as error:
            self.reject(topic, error)

    def listen(
        self, topic: Topic, callback: Callable[[Any], None], *, raw: bool = False, serialised: bool = False,
        malformed: Callable[[str], None] | None = None, renewed: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        """Call back with each message, or with each valid record of a record topic; raw: with its
        undecoded message; serialised: with a message's bytes. malformed: called with a payload that is no
        such record. What another writes than the topic's `writer` is not obeyed (in lock-step, where all
        writers are counted, this is not looked at); renewed: called when that is a new one, for instance
        after its restart."""
        kind = topic.type

        def receive(message: String) -> None:
            assert not isinstance(kind, str)
            try:
                record = decode(kind, message.data)
            except PayloadError as error:
                self.reject(topic, error)
                if malformed is not None:
                    malformed(message.data)
                return
            callback(record)

        is_message = isinstance(kind, str)
        taken = self._aged(topic, callback) if is_message else callback if raw else receive
        door = self.doors.open(topic.name, taken)
        called = self.guard(topic.name, door)
        heard: Callable[..., None] = called
        if topic.writer and not self.execution.deterministic:
            one = self.writers[topic.name] = OneWriter(
                topic.writer, lambda: int(made.get_publisher_count()), lambda: self._endpoints(topic), renewed
            )

            def heard(message: Any, info: dict[str, int]) -> None:
                if one.obeys(info["publication_sequence_number"]):
                    called(message)

        made = self.create_subscription(
            message_class(topic.ros_type), topic.name, heard, self.execution.qos(topic),
            event_callbacks=NO_SUBSCRIPTION_EVENTS, raw=serialised,
        )  # fmt: skip
        self.subscribed.append(topic.name)
        self.execution.subscribed(made, topic.name, called)

    def _aged(self, topic: Topic, callback: Callable[[Any], None]) -> Callable[[Any], None]:
        """`callback`, and a look at how old each message is."""
        stamped = "header" in message_class(str(topic.type)).get_fields_and_field_types()
        if not stamped or self.execution.deterministic or self.get_parameter("use_sim_time").value:
            return callback
        age = self.ages[topic.name] = StampAge()

        def look(message: Any) -> None:
            age.hear(to_seconds(message.header.stamp), self.now())
            callback(message)

        return look

    def _endpoints(self, topic: Topic) -> list[Endpoint]:
        """Who publishes a topic now."""
        found = self.get_publishers_info_by_topic(topic.name)
        return [Endpoint(one.node_name, bytes(one.endpoint_gid)) for one in found]

    def cloud(self, what: str, message: Any) -> Array | None:
        """(n, 3) points [m] of a PointCloud2; None, and a warning, for one that cannot be read."""
        try:
            return cloud_points(message)
        except InputError as error:
            self.get_logger().warning(f"{what}: {error}", throttle_duration_sec=1.0)
            return None

    def reject(self, topic: Topic, error: PayloadError) -> None:
        """Count and log a payload that is dropped."""
        self.rejected[topic.name] = self.rejected.get(topic.name, 0) + 1
        self.get_logger().warning(f"{topic.name}: {error}", throttle_duration_sec=1.0)

    def repeat(self, period: float, callback: Callable[[], None], *, steady: bool = False) -> None:
        """Call back every `period` seconds of the ROS clock, or of the machine's (in lock-step there is
        one clock alone)."""
        self.execution.timer(period, self.guard("timer", callback), steady=steady)

    def create_service(self, srv_type: Any, srv_name: str, callback: Callable[..., Any], **how: Any) -> Any:
        """As rclpy's; a callback that raises gives an answer that says so, not none."""
        called = self.guard(srv_name, callback)

        def serve(request: Any, response: Any) -> Any:
            answer = called(request, response)
            if answer is None and hasattr(response, "message"):
                response.success, response.message = False, "it failed; see the node's log"
            return response if answer is None else answer

        return super().create_service(srv_type, srv_name, serve, **how)

    def guard(self, what: str, callback: Callable[..., Any]) -> Callable[..., Any]:
        """`callback`, of which an exception costs one call: every callback goes through here."""
        return self.failures.guard(what, callback, self.on_failure) if self.forgiving else callback

    def on_failure(self, what: str) -> None:
        """A callback raised while it was at `what` (a topic, a service, "timer", a worker's name). Stages
        override it where that is dangerous. Any thread may call it."""

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

    def record_metric(self, type: str, value: float, unit: str = "") -> None:
        """Measure something, for the monitor: it keeps the values as "node.type", shows them (`vla-sim top`,
        reports, Prometheus) and raises an alert where they pass a threshold of that name. Any thread may
        call it. The values leave with the next report on /diagnostics, so that they cost no message; in
        lock-step, where no monitor runs, nothing is kept. Raises `ValueError` for a type or unit that cannot
        be one (`contract.metrics`)."""
        if not self.execution.deterministic:
            self._metrics.append((metrics.key(type, unit), float(value)))

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

    def listeners(self) -> dict[str, int]:
        """How many listen to each topic that this node publishes."""
        return {name: one.get_subscription_count() for name, one in self.published.items()}

    def _check(self) -> None:
        """Log what has changed by itself, and send a report when one is due."""
        self._checks += 1
        if self.load_follower is not None:
            self.load_follower.check()
        for name, one in self.writers.items():
            if one.check() != self._alarms.get(name, ""):
                self._alarms[name] = one.alarm
                text = (
                    f"{name}: {one.alarm}: that is not obeyed" if one.alarm else f"{name}: one writer again"
                )
                self.get_logger().warning(text)
        look = self._checks % EVERY == 0 and not self.execution.deterministic  # memory is the machine's
        if look and (freed := self.caches.optimize_memory_usage(time.monotonic())):
            self.freed = freed
            self.get_logger().warning(freed)
        if not self._left and (self._checks <= STARTING or self._checks % EVERY == 0):
            self.published[topics.DIAGNOSTICS.name].publish(self.diagnostics())

    def diagnostics(self) -> DiagnosticArray:
        """The message that is due on /diagnostics now: what the node publishes and subscribes to, its load,
        its own `status` and `health`. In lock-step it holds nothing that depends on the machine."""
        values = {f"rejected {name}": str(count) for name, count in self.rejected.items()}
        values["listens"] = " ".join(self.subscribed)
        values |= {f"listeners {name}": str(count) for name, count in self.listeners().items()}
        if not self.execution.deterministic:
            values["pid"] = str(os.getpid())
            values |= {f"published {name}": str(p.count) for name, p in self.published.items()}
        if self.load_follower is not None:
            values["load level"] = str(self.load_follower.index)
        if self.freed:
            values["memory freed"] = self.freed
        for name, one in self.writers.items():
            if one.alarm or one.refused:
                values[f"writer of {name}"] = f"{one.alarm or 'one again'}; {one.refused} messages not obeyed"
        values |= self._recorded()
        values |= self.guard("status", self.status)() or {}
        level, text = self.guard("health", self.health)() or (DiagnosticStatus.ERROR, "")
        for name, age in self.ages.items():
            if math.isfinite(age.least):
                values[f"least age ms {name}"] = f"{1e3 * age.least:.1f}"
            if level == DiagnosticStatus.OK and (wrong := age.alarm()):
                level, text = DiagnosticStatus.WARN, f"{name}: {wrong}"
        alarms = [f"{name}: {one.alarm}" for name, one in self.writers.items() if one.alarm]
        if alarms:
            level, text = DiagnosticStatus.ERROR, "; ".join(alarms)
        values |= self.failures.values()
        if broken := self.failures.health():
            level, text = DiagnosticStatus.ERROR, broken
        entry = DiagnosticStatus(
            level=level, name=self.get_name(), message=text,
            values=[KeyValue(key=k, value=v) for k, v in values.items()],
        )  # fmt: skip
        message = DiagnosticArray(status=[entry])
        message.header.stamp = to_stamp(self.now())
        return message

    def _recorded(self) -> dict[str, str]:
        """What was recorded since the last report."""
        found: dict[str, list[float]] = {}
        for _ in range(len(self._metrics)):  # a thread may add more meanwhile
            key, value = self._metrics.popleft()
            found.setdefault(key, []).append(value)
        return {key: metrics.text(values) for key, values in found.items()}

    def status(self) -> dict[str, str]:
        """Key figures for /diagnostics; stages override it."""
        return {}

    def health(self) -> tuple[bytes, str]:
        """Level and message for /diagnostics."""
        if self.rejected:
            return DiagnosticStatus.WARN, "payloads rejected"
        return DiagnosticStatus.OK, "ok"

    def run(self, executor: SerialExecutor) -> None:
        """Work until ROS shuts down."""
        self.execution.spin(executor, self.listeners)

    def close(self) -> None:
        """End what the node started; stages override it."""

    def leave(self) -> None:
        """Say on /diagnostics that the node ends on purpose: its silence from now on is no alarm."""
        self._left = True  # a report after the last one would make it a node that has fallen silent
        if not self.execution.deterministic:
            last = DiagnosticStatus(level=DiagnosticStatus.STALE, name=self.get_name(), message="ended")
            out = self.published[topics.DIAGNOSTICS.name]
            out.publish(DiagnosticArray(status=[last]))
            out.wait_for_all_acked(0.5)

    def on_faults(self, faults: list[Fault]) -> None:
        """These are in force now; stages override it for those that are theirs. Those of topics are met
        already."""

    def _on_faults(self, state: FaultState) -> None:
        self.doors.follow(state.faults)
        self.on_faults(state.faults)

    def on_params(self, params: P) -> None:
        """Some `live` parameters are about to change; stages override it where `self.params` is not read at
        each use. Raises `InputError` for values that it refuses."""

    def _declare(self, kind: type[P]) -> P:
        """Declare every field of the dataclass; the values that were set at start. Raises `InputError` naming
        a value that is not allowed, or a name that there is not."""
        known = named(kind)
        given = {name: parameter.value for name, parameter in self.get_parameters_by_prefix("").items()}
        for name in given.keys() - known.keys() - OWN:
            if not name.startswith("qos_overrides."):
                raise InputError(f"{self.get_name()} has no parameter {name}{nearest(name, known)}")
        for name, field in known.items():
            if name in given:
                self.undeclare_parameter(name)
            # Of any type, so that it is `check` that says what is wrong with a value.
            about = ParameterDescriptor(
                description=field.metadata["doc"], additional_constraints=allowed(field), dynamic_typing=True
            )
            self.declare_parameter(name, given.get(name, field.default), about, ignore_override=True)
        return check(kind(**{name: value for name, value in given.items() if name in known}))

    def _on_set(self, changes: list[Parameter]) -> SetParametersResult:
        known = named(type(self.params))
        values = {p.name: p.value for p in changes if p.name in known}
        try:
            for name, value in values.items():
                if not known[name].metadata["live"] and value != getattr(self.params, name):
                    raise InputError(f"{name} is read when the node starts; start it with -p {name}:={value}")
            params = check(replace(self.params, **values))
            self.on_params(params)
        except Exception as error:  # of a stage's `on_params`; rclpy would give no answer
            return SetParametersResult(successful=False, reason=str(error))
        self.caches.limit = params.memory_limit
        self.params = params
        return SetParametersResult(successful=True)
