"""The monitor as a ROS node: listens to all stages, measures the machine, reports once a second."""

import os
import time
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from std_srvs.srv import Trigger

from vla_sim.common.errors import VlaSimError
from vla_sim.common.files import user_path
from vla_sim.common.printable import one_line
from vla_sim.contract import records, topics
from vla_sim.contract.codec import PayloadError, decode
from vla_sim.contract.records import Alert, MonitorState, Record, SafetyState
from vla_sim.contract.topics import Topic
from vla_sim.monitor.alert_rule import thresholds
from vla_sim.monitor.core import Level, RealTimePerformanceMonitor
from vla_sim.monitor.journal import FILE, Journal
from vla_sim.monitor.params import MonitorParams
from vla_sim.monitor.prometheus import Endpoint
from vla_sim.monitor.system import System
from vla_sim.ros.messages import to_seconds
from vla_sim.ros.spin import spin
from vla_sim.ros.stage_node import StageNode

LEVELS: dict[bytes, Level] = {DiagnosticStatus.OK: "ok", DiagnosticStatus.WARN: "warning"}


class MonitorNode(StageNode[MonitorParams]):
    """Parameters: `MonitorParams`.

    Subscribes /diagnostics, /vla/trace, /vla/status, /vla/command, /voice/transcript, /safety/state.
    Publishes /monitor/state, /monitor/load (1 Hz), /monitor/alerts. Service /monitor/report
    (std_srvs/Trigger): the last minutes as text.

    Rates come from the nodes' own counts and the ROS time from their reports, so that it receives a few
    messages a second at any rate; it runs on the machine's clock."""

    def __init__(self) -> None:
        super().__init__("monitor", MonitorParams)
        p = self.params
        self.core = RealTimePerformanceMonitor(
            thresholds(p.thresholds), time.monotonic(), shedding=p.shedding, speed=p.speed
        )
        folder = user_path(p.monitor_folder) if p.monitor_folder else None
        self.journal: Journal | None = None
        self.prometheus: Endpoint | None = None
        self.last: MonitorState | None = None
        self._safety = ""
        try:
            if folder is not None:
                domain = int(os.environ.get("ROS_DOMAIN_ID") or 0)
                self.journal = Journal(folder / FILE, self.get_logger().warning, domain)
            if p.prometheus_port:
                self.prometheus = Endpoint(p.prometheus_port, lambda: self.last)
        except VlaSimError as error:  # an observer does not end a run
            self.get_logger().error(str(error))
        self.system = System(folder if folder is not None and folder.is_dir() else Path.cwd())
        for topic in (topics.MONITOR_STATE, topics.MONITOR_ALERTS, topics.MONITOR_LOAD):
            self.publish(topic)
        self.listen(topics.DIAGNOSTICS, self.on_diagnostics)
        self.listen(topics.TRACE, self.on_trace)
        self.listen(topics.STATUS, self.on_status)
        self.listen(topics.TRANSCRIPT, self.on_transcript)
        self.listen(topics.COMMAND, self.on_command)
        # Compared undecoded: ten a second arrive, and only a change matters.
        self.listen(topics.SAFETY_STATE, self.on_safety, raw=True)
        self.create_service(Trigger, topics.MONITOR_SERVICE, self.on_report)
        self.repeat(1.0, self.second, steady=True)

    def on_diagnostics(self, message: Any) -> None:
        stamp, mono = to_seconds(message.header.stamp), time.monotonic()
        for status in message.status:
            if status.level == DiagnosticStatus.STALE:
                self.core.left(status.name)
                continue
            level = LEVELS.get(status.level, "error")
            values = {v.key: v.value for v in status.values}
            self.core.on_diagnostics(status.name, level, status.message, values, stamp, mono)

    def on_transcript(self, transcript: records.Transcript) -> None:
        self.write(topics.TRANSCRIPT, transcript)
        if transcript.complete:  # nobody answers noise
            self.core.on_command(transcript.command_id, time.monotonic())

    def on_command(self, command: records.Command) -> None:
        self.write(topics.COMMAND, command)
        self.core.on_command(command.command_id, time.monotonic())

    def on_trace(self, event: records.TraceEvent) -> None:
        self.write(topics.TRACE, event)
        self.core.on_trace(event, time.monotonic())
        self.flush()

    def on_status(self, status: records.Status) -> None:
        self.write(topics.STATUS, status)
        self.core.on_status(status, time.monotonic())
        self.flush()

    def on_safety(self, message: Any) -> None:
        if message.data == self._safety:
            return
        self._safety = message.data
        try:
            self.write(topics.SAFETY_STATE, decode(SafetyState, message.data))
        except PayloadError as error:
            self.reject(topics.SAFETY_STATE, error)

    def second(self) -> None:
        """Once a second."""
        mono = time.monotonic()
        self.last = self.core.second(self.system.sample(mono), mono)
        self.send(topics.MONITOR_STATE, self.last)
        self.write(topics.MONITOR_STATE, self.last)
        self.flush()
        load = self.core.load
        if load is not None:  # every second, since a stage that receives nothing works in full again
            self.send(topics.MONITOR_LOAD, load)
        if load is not None and load.fresh:
            self.write(topics.MONITOR_LOAD, load)
            self.log(str(load), warn=load.level > load.before)

    def on_report(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = True, self.core.generate_performance_report(time.monotonic())
        return response

    def flush(self) -> None:
        """Send the alerts that have arisen."""
        alerts, self.core.outbox = self.core.outbox, list[Alert]()
        for alert in alerts:
            self.send(topics.MONITOR_ALERTS, alert)
            self.write(topics.MONITOR_ALERTS, alert)
            self.log(str(alert), warn=alert.active)

    def log(self, text: str, *, warn: bool) -> None:
        text = one_line(text)  # it may hold a name that another program gave itself
        if warn:
            self.get_logger().warning(text)
        else:  # on a line of its own: rclpy's logger tells its callers apart by their line
            self.get_logger().info(text)

    def on_params(self, params: MonitorParams) -> None:
        self.core.follow_speed(params.speed)

    def write(self, topic: Topic, record: Record) -> None:
        if self.journal is not None:
            self.journal.record(topic, record, time.monotonic())

    def now(self) -> float:
        return self.core.stamp

    def health(self) -> tuple[bytes, str]:
        level, message = super().health()
        if not hasattr(self, "core"):  # the base class reports while it is being made
            return level, message
        alerts, load = self.core.active(), self.core.load
        words = [f"{a.component} {a.metric}" for a in alerts]
        words += [f"load level {load.level} ({load.name})"] if load is not None and load.level else []
        if not words:
            return level, message
        critical = any(a.severity == "critical" for a in alerts)
        return DiagnosticStatus.ERROR if critical else DiagnosticStatus.WARN, ", ".join(words)

    def status(self) -> dict[str, str]:
        return {
            "alerts": str(len(self.core.active())),
            "load level": str(self.core.load.level) if self.core.load else "never shed",
            "load steps": str(self.core.shedding.steps if self.core.shedding else 0),
            "metrics": str(self.core.store.count),
            "thresholds of nothing measured": " ".join(self.core.unmeasured),
            "journal lines lost": str(self.journal.lost if self.journal else 0),
        }

    def close(self) -> None:
        if self.prometheus is not None:
            self.prometheus.close()
        if self.journal is not None:
            self.journal.close()


def main() -> int:
    return spin(MonitorNode)


if __name__ == "__main__":
    raise SystemExit(main())
