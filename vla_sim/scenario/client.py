"""The client of a run: speaks or types commands to the robot, and records what happens, once every node has
discovered the others: a message that is published before does not arrive everywhere."""

import contextlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.executors import ExternalShutdownException
from rclpy.node import NodeNameNonExistentError

from vla_sim.bringup.node_table import middleware
from vla_sim.common import clock, process_priority
from vla_sim.common.params import StageParams
from vla_sim.contract import records, topics
from vla_sim.contract.records import Command, Priority, Status
from vla_sim.ros import spin
from vla_sim.ros.executor import SerialExecutor
from vla_sim.ros.messages import to_seconds
from vla_sim.ros.stage_node import StageNode
from vla_sim.scenario.recording import Picture, Recording
from vla_sim.stages.voice.audio import CHUNK_SECONDS, chunks


class Client(StageNode[StageParams]):
    """A node in the caller's process, spun by its own thread. `recording` grows while it runs.

    Subscribes to the truth topics: it judges the stack and is no part of it. What it raises ends the run: a
    record with a gap would be judged wrongly.
    """

    forgiving = False

    def __init__(self) -> None:
        super().__init__("scenario", StageParams)
        self.recording = Recording()
        self.discovery = Discovery()
        self.wanted_pictures: list[str] = []
        self.closed = False  # what comes after the run's end is not recorded
        self.on_tick: Callable[[], None] = lambda: None
        self.on_fault_request: Callable[[records.FaultRequest], None] = lambda request: None
        self.failure: BaseException | None = None
        self._speech: list[np.ndarray] = []
        self._spoken = 0
        self._speech_begin = 0.0
        self.audio = self.publish(topics.AUDIO)
        self.publish(topics.COMMAND)
        self.publish(topics.DISTURB)
        self.publish(topics.FAULTS)
        r = self.recording
        self.listen(topics.DIAGNOSTICS, self.on_diagnostics)
        self.listen(topics.MONITOR_ALERTS, self.on_alert)
        self.listen(topics.MONITOR_LOAD, self.on_load)
        self.listen(topics.FAULT_REQUEST, lambda request: self.on_fault_request(request))
        self.listen(topics.GROUND_TRUTH, r.truths.append)
        self.listen(topics.CONTACTS, r.on_contacts)
        self.listen(topics.STATUS, self.on_status)
        self.listen(topics.TRACE, r.traces.append)
        self.listen(topics.TRANSCRIPT, r.on_transcript)
        self.listen(topics.PLAN, r.plans.append)
        self.listen(topics.SAY, lambda say: r.said.append((r.stamp, say.text)))
        self.listen(topics.SAFETY_STATE, self.on_safety)
        self.listen(topics.OBJECTS, lambda o: r.sightings.append((o.stamp, o.objects)))
        self.listen(topics.COLOR, self.on_image)
        self.listen(topics.GLOBAL_PATH, r.on_path)
        self.listen(topics.CMD_VEL, lambda m: r.velocities.append(to_seconds(m.header.stamp)))
        self.repeat(CHUNK_SECONDS, self.tick, steady=True)

    def listen(self, topic: topics.Topic, callback: Callable[[Any], None], **how: Any) -> None:
        def record(message: Any) -> None:
            if not self.closed:
                callback(message)

        super().listen(topic, record, **how)

    def tick(self) -> None:
        """Every 20 ms: the next chunk of speech, then the run's own tick."""
        while self._speech and clock.mono() >= self._speech_begin + self._spoken * CHUNK_SECONDS - 1e-6:
            message = self.audio.msg_type()
            message.data = self._speech.pop(0).tolist()
            self._spoken += 1
            self.audio.publish(message)
        try:
            self.on_tick()
        except Exception as error:
            self.failure = error
            self.on_tick = lambda: None

    def on_diagnostics(self, message: Any) -> None:
        for status in message.status:
            self.discovery.report(status.name, {v.key: v.value for v in status.values})
            self.recording.reporting.add(status.name)
            # A stale one has ended on purpose.
            if status.level in (DiagnosticStatus.WARN, DiagnosticStatus.ERROR):
                known = {(node, text) for _, node, text in self.recording.alerts}
                if (status.name, status.message) not in known:
                    self.recording.alerts.append((self.recording.stamp, status.name, status.message))

    def look_up(self, name: str) -> None:
        """Learn what a node of the user's own subscribes to, which may tell nothing in diagnostics."""
        with contextlib.suppress(NodeNameNonExistentError):
            found = self.get_subscriber_names_and_types_by_node(name, self.get_namespace())
            if found:
                self.discovery.report(name, {"listens": " ".join(topic for topic, _ in found)})

    def on_alert(self, alert: records.Alert) -> None:
        if alert.active:
            self.recording.alerts.append((self.recording.stamp, alert.component, str(alert)))

    def on_load(self, load: records.Load) -> None:
        if load.fresh:
            self.recording.loads.append((self.recording.stamp, load))

    def now(self) -> float:
        """Simulated time, as the nodes have it, though this one takes no part in /clock."""
        return super().now() if self.execution.deterministic else self.recording.stamp

    def on_status(self, status: Status) -> None:
        self.recording.on_status(status)
        if status.state == "running":
            self.want_picture(status.skill)
        elif status.state == "succeeded":
            self.want_picture("done")

    def on_safety(self, state: records.SafetyState) -> None:
        entry = (self.recording.stamp, state.level, "; ".join(state.reasons))
        known = self.recording.safety
        if not known or known[-1][1] != entry[1]:
            known.append(entry)

    def want_picture(self, title: str) -> None:
        """Keep the next camera image under this title."""
        self.wanted_pictures.append(title)

    def on_image(self, message: Any) -> None:
        if not self.wanted_pictures or message.encoding != "rgb8":
            return
        title = " / ".join(dict.fromkeys(self.wanted_pictures))
        self.wanted_pictures.clear()
        stamp = to_seconds(message.header.stamp)
        color = np.frombuffer(message.data, dtype=np.uint8).reshape(message.height, message.width, 3)
        self.recording.pictures.append(Picture(stamp, title, color.copy()))

    def type(self, command_id: str, text: str, priority: Priority = "normal") -> None:
        """Send a typed command."""
        now = clock.mono()
        self.send(topics.COMMAND, Command(command_id=command_id, text=text, sent_mono=now, priority=priority))

    def speak(self, samples: np.ndarray) -> None:
        """Stream (n,) int16 samples at 16 kHz in 20 ms chunks at the pace of a microphone."""
        self._speech, self._spoken = list(chunks(samples)), 0
        self._speech_begin = clock.mono() + CHUNK_SECONDS


N = TypeVar("N", bound=StageNode[Any])


class NodeThread(Generic[N]):
    """A node of this process with its own rclpy context, spun in the background. Use as a context manager."""

    def __init__(self, domain: int, make: Callable[[], N]) -> None:
        os.environ.update(middleware(domain))
        spin.start([])
        self.node = make()
        self.executor = SerialExecutor()
        self.executor.add_node(self.node)
        self.thread = threading.Thread(target=self._spin, name="scenario-client", daemon=True)
        self.thread.start()

    def _spin(self) -> None:
        process_priority.thread(5)  # observing must not delay what is observed
        try:
            with contextlib.suppress(ExternalShutdownException):
                self.node.run(self.executor)
        except Exception as error:
            self.failed(error)

    def failed(self, error: Exception) -> None:
        """The node has raised this, and does not work any more."""
        self.node.get_logger().error(str(error))

    def __enter__(self) -> N:
        return self.node

    def __exit__(self, *_: Any) -> None:
        if rclpy.ok():
            self.node.leave()
        rclpy.try_shutdown()  # ends the spinning
        self.thread.join(2.0)
        self.executor.shutdown()
        self.node.destroy_node()  # else its latched topics are heard until it is collected as garbage
        clock.use(None)


class ClientThread(NodeThread[Client]):
    """A `Client`, spun in the background. Use as a context manager."""

    def __init__(self, domain: int) -> None:
        super().__init__(domain, Client)

    def failed(self, error: Exception) -> None:
        self.node.failure = error


@dataclass
class Discovery:
    """Built from every node's diagnostics: to which topics it subscribes, and how many subscribers it sees on
    each topic that it publishes. A node that has not reported yet has discovered nothing."""

    topics: dict[str, set[str]] = field(default_factory=dict)
    subscribers: dict[str, dict[str, int]] = field(default_factory=dict)

    def report(self, node: str, values: dict[str, str]) -> None:
        """Take one node's diagnostics."""
        if "listens" not in values:
            return
        self.topics[node] = set(values["listens"].split())
        self.subscribers[node] = {
            key.removeprefix("listeners "): int(value)
            for key, value in values.items()
            if key.startswith("listeners ")
        }

    def missing(self, nodes: set[str]) -> list[str]:
        """What is still missing among these nodes, in words; empty when each sees every other."""
        if absent := sorted(nodes - set(self.topics)):
            return absent
        out = []
        for node in sorted(nodes):
            for topic, count in self.subscribers[node].items():
                expected = sum(topic in self.topics[other] for other in nodes)
                if count < expected:
                    out.append(f"{expected - count} subscribers of {node} {topic}")
        return out
