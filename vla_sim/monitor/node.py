"""The monitor as a ROS node: listens to all stages, measures the machine, tells once a second how all are."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from std_srvs.srv import Trigger

from vla_sim.common.errors import VlaSimError
from vla_sim.common.params import StageParams, param
from vla_sim.contract import records, topics
from vla_sim.contract.codec import PayloadError, decode
from vla_sim.contract.records import Alert, Load, MonitorState, Record, SafetyState
from vla_sim.contract.topics import Topic
from vla_sim.monitor.alert_rule import thresholds
from vla_sim.monitor.core import Monitor
from vla_sim.monitor.journal import FILE, Journal
from vla_sim.monitor.prometheus import Endpoint
from vla_sim.monitor.system import System
from vla_sim.ros.messages import to_seconds
from vla_sim.ros.spin import spin
from vla_sim.ros.stage_node import StageNode

LEVELS = {DiagnosticStatus.OK: "ok", DiagnosticStatus.WARN: "warning"}
JOURNALLED = (topics.TRACE, topics.STATUS, topics.TRANSCRIPT, topics.COMMAND)


@dataclass(frozen=True)
class MonitorParams(StageParams):
    monitor_folder: str = param("", f"where {FILE} is written; empty: nowhere")
    prometheus_port: int = param(0, "on 127.0.0.1; 0: none", low=0, high=65535)
    shedding: bool = param(True, "whether load is shed when the machine is under pressure")
    thresholds: str = param("", 'instead of the contract\'s: "system.cpu=90 voice.response=1.5"')


class MonitorNode(StageNode[MonitorParams]):
    """Parameters: `MonitorParams`.

    Subscribes /diagnostics, /vla/trace, /vla/status, /vla/command, /voice/transcript, /safety/state.
    Publishes /monitor/state, /monitor/load (1 Hz), /monitor/alerts. Service /monitor/report
    (std_srvs/Trigger): the last minutes as text.

    Rates are told by the nodes' own counts, and the time by their reports: it hears a few messages a second
    whatever the rates are, and lives on the machine's clock.
    """

    def __init__(self) -> None:
        super().__init__("monitor", MonitorParams)
        p = self.params
        self.core = Monitor(thresholds(p.thresholds), time.monotonic(), shedding=p.shedding)
        folder = Path(p.monitor_folder).expanduser() if p.monitor_folder else None
        self.journal: Journal | None = None
        self.endpoint: Endpoint | None = None
        self.last: MonitorState | None = None
        self._safety = ""
        try:
            if folder is not None:
                domain = int(os.environ.get("ROS_DOMAIN_ID") or 0)
                self.journal = Journal(folder / FILE, self.get_logger().warning, domain)
            if p.prometheus_port:
                self.endpoint = Endpoint(p.prometheus_port, lambda: self.last)
        except VlaSimError as error:  # what only watches does not end a run
            self.get_logger().error(str(error))
        self.system = System(folder if folder is not None and folder.is_dir() else Path.cwd())
        self.publish(topics.MONITOR_STATE)
        self.publish(topics.MONITOR_ALERTS)
        self.publish(topics.MONITOR_LOAD)
        self.listen(topics.DIAGNOSTICS, self.on_diagnostics)
        self.listen(topics.TRACE, self.on_trace)
        self.listen(topics.STATUS, self.on_status)
        self.listen(topics.TRANSCRIPT, lambda record: self.write(topics.TRANSCRIPT, record))
        self.listen(topics.COMMAND, lambda record: self.write(topics.COMMAND, record))
        # Kept undecoded: ten a second arrive, and what counts is when another one does.
        self.listen(topics.SAFETY_STATE, self.on_safety, raw=True)
        self.create_service(Trigger, topics.MONITOR_SERVICE, self.on_report)
        self.repeat(1.0, self.second, steady=True)

    def on_diagnostics(self, message: Any) -> None:
        stamp, mono = to_seconds(message.header.stamp), time.monotonic()
        for status in message.status:
            level = LEVELS.get(status.level, "error")
            values = {v.key: v.value for v in status.values}
            self.core.on_diagnostics(status.name, level, status.message, values, stamp, mono)

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
        if self.core.load is not None:
            self.tell_load(self.core.load)

    def tell_load(self, load: Load) -> None:
        """Every second, since stages that hear nothing work in full again; each step is written down."""
        self.send(topics.MONITOR_LOAD, load)
        if not load.fresh:
            return
        self.write(topics.MONITOR_LOAD, load)
        if load.level > load.before:
            self.get_logger().warning(str(load))
        else:  # on a line of its own: rclpy's logger knows its callers by their line
            self.get_logger().info(str(load))

    def on_report(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = True, self.core.report(time.monotonic())
        return response

    def flush(self) -> None:
        """Send the alerts that have arisen."""
        alerts, self.core.outbox = self.core.outbox, list[Alert]()
        for alert in alerts:
            self.send(topics.MONITOR_ALERTS, alert)
            self.write(topics.MONITOR_ALERTS, alert)
            if alert.active:
                self.get_logger().warning(str(alert))
            else:  # on a line of its own: rclpy's logger knows its callers by their line
                self.get_logger().info(str(alert))

    def write(self, topic: Topic, record: Record) -> None:
        if self.journal is not None:
            self.journal.record(topic, record, time.monotonic())

    def now(self) -> float:
        return self.core.stamp

    def health(self) -> tuple[bytes, str]:
        level, message = super().health()
        alerts = self.core.active() if hasattr(self, "core") else []
        load = self.core.load if hasattr(self, "core") else None
        told = [f"{a.component} {a.metric}" for a in alerts]
        told += [f"load level {load.level} ({load.name})"] if load is not None and load.level else []
        if not told:
            return level, message
        worst = DiagnosticStatus.ERROR if any(_bad(a) for a in alerts) else DiagnosticStatus.WARN
        return worst, ", ".join(told)

    def status(self) -> dict[str, str]:
        return {
            "alerts": str(len(self.core.active())),
            "load level": str(self.core.load.level) if self.core.load else "never shed",
            "load steps": str(self.core.shedding.steps if self.core.shedding else 0),
            "metrics": str(self.core.store.count),
            "journal lines lost": str(self.journal.lost if self.journal else 0),
        }

    def close(self) -> None:
        if self.endpoint is not None:
            self.endpoint.close()
        if self.journal is not None:
            self.journal.close()


def _bad(alert: Alert) -> bool:
    return alert.severity == "critical"


def main() -> int:
    return spin(MonitorNode)


if __name__ == "__main__":
    raise SystemExit(main())
