"""The monitor without ROS: takes what the nodes report, and once a second sums up how they are."""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

from vla_sim.contract import records, topics
from vla_sim.contract.limits import LOAD_LEVELS, Threshold
from vla_sim.contract.records import Alert, Load, MonitorState, NodeUsage, Status, TraceEvent
from vla_sim.monitor.alert_rule import AlertRule
from vla_sim.monitor.latency import TOTAL, Latencies
from vla_sim.monitor.metrics import RATE_WINDOW, MetricStore, RateMeter
from vla_sim.monitor.shedding import Pressure, Shedding, limits
from vla_sim.monitor.system import NodeProcess, Usage

WINDOW = 300.0  # [s] over which latencies and errors count
MINUTE = 60.0
FRESH = 2.5  # [s] after which a rate is not known any more: nodes report once a second
MOST_NODES = 1000
MOST_FIGURES = 200
LONGEST = 200
REPORTED = 20  # of the last metrics, in the text of the service
RATES = {"perception": topics.OBJECTS.name, "control": topics.CMD_VEL.name}
"""The topic whose rate a threshold is about: objects of perception, velocities that passed the gate."""
WATCHED = {"voice": TOTAL, "llm": "planning"}  # the latency that a threshold is about
Level = Literal["ok", "warning", "error"]
OWN = ("listens", "pid")
OWN_PREFIXES = ("listeners ", "published ")  # values in /diagnostics that are no key figures


@dataclass
class Node:
    """What is known of one node."""

    process: NodeProcess | None = None
    reported: float = 0.0
    level: Level = "ok"
    message: str = ""
    values: dict[str, str] = field(default_factory=dict)
    silence: AlertRule | None = None


class RealTimePerformanceMonitor:
    """Alerts go to `outbox` as they arise; its owner empties it.

    `stamp` is the ROS time of the newest diagnostics: a second old at most, and it costs no clock messages.
    """

    def __init__(self, thresholds: dict[str, Threshold], mono: float, *, shedding: bool = True) -> None:
        self.store = MetricStore()
        self.latencies = Latencies(self.store)
        self.outbox: list[Alert] = []
        self.stamp = 0.0
        self.commands = 0
        self.nodes: dict[str, Node] = {}
        self.shedding = Shedding(limits(thresholds)) if shedding else None
        self.load: Load | None = None  # what was decided last; None where load is never shed
        self._lowered = (0.0, 0.0)
        self._rules = {name: AlertRule(t) for name, t in thresholds.items() if t.component != "node"}
        self._silence = thresholds["node.silence"]
        self._thresholds = thresholds
        self._rates: defaultdict[str, RateMeter] = defaultdict(RateMeter)
        """How often a topic is published, by the counts of its node."""
        self._counted: dict[str, float] = {}  # when last [s, monotonic]
        self._pace = RateMeter()
        self._begin, self._last, self._late = mono, mono, 0

    def on_trace(self, event: TraceEvent, mono: float) -> None:
        for stage, seconds in self.latencies.take(event):
            for component, watched in WATCHED.items():
                if stage == watched:
                    self.check_threshold_violations(f"{component}.response", seconds, mono)

    def on_status(self, status: Status, mono: float) -> None:
        if status.state == "accepted":
            self.commands += 1
            self.store.record_metric("commands", "accepted", 1.0, "", mono)
        elif status.state in records.FINAL_STATES:
            self.store.record_metric("commands", "failed", float(status.state == "failed"), "", mono)
            self.check_threshold_violations("commands.errors", self.errors(mono), mono)

    def on_diagnostics(
        self, name: str, level: Level, message: str, values: dict[str, str], stamp: float, mono: float
    ) -> None:
        """A node's report. stamp: its ROS time [s]."""
        node = self.nodes.get(name)
        if node is None:
            if len(self.nodes) >= MOST_NODES or not 0 < len(name) <= 64:
                return
            node = self.nodes[name] = Node()
        node.reported, node.level, node.message = mono, level, message[:LONGEST]
        # Of our nodes alone: others on this topic may live by another clock.
        ours = "listens" in values and 0.0 <= stamp < float("inf")
        if ours and not self.stamp - WINDOW <= stamp <= self.stamp:  # long before: a simulation begun anew
            self.stamp = stamp
        pid = _whole(values.get("pid"))
        if pid and (node.process is None or node.process.pid != pid):
            node.process = NodeProcess(name, pid)
        for key, value in values.items():
            if key.startswith("published ") and (count := _whole(value)):  # from the first message on
                topic = key.removeprefix("published ")
                self._rates[topic].add(stamp, count)
                self._counted[topic] = mono
        node.values = {
            key: value for key, value in values.items() if key not in OWN and not key.startswith(OWN_PREFIXES)
        }

    def second(self, usage: Usage, mono: float) -> MonitorState:
        """The state of everything now, from the machine's usage and what the nodes reported."""
        if self.stamp > 0.0:
            self._pace.add(mono, self.stamp)
        rates = {
            topic: round(value, 2)
            for topic, meter in self._rates.items()
            if mono - self._counted[topic] < FRESH and (value := meter.value) is not None
        }
        lacking = 0.0
        for component, topic in RATES.items():
            value = rates.get(topic)
            if value is None:
                continue
            resolution = self._rates[topic].resolution
            asked = self._asked(component, mono)
            self.store.record_metric(component, "rate", value, "Hz", mono)
            self.check_threshold_violations(f"{component}.rate", value, mono, resolution)
            lacking += max(0.0, asked - value - resolution)
        for kind, value in (("cpu", usage.cpu), ("memory", usage.memory), ("disk", usage.disk)):
            self.store.record_metric("system", kind, value, "%", mono)
            self.check_threshold_violations(f"system.{kind}", value, mono)
        nodes = [self._node(name, node, mono) for name, node in self.nodes.items()]
        for rule in self._rules.values():
            if not rule.threshold.below and rule.threshold.component != "system":
                self._alert(rule.expire(mono, self.stamp))
        missed = lacking + (self.latencies.late - self._late) / max(0.5, mono - self._last)
        self._late, self._last = self.latencies.late, mono
        pressure = Pressure(self.stamp, mono, usage.cpu, usage.memory, missed)
        if self.shedding is not None:
            self.load = self.shedding.decide(pressure)
            self.store.record_metric("system", "load level", float(self.load.level), "", mono)
        return MonitorState(
            stamp=self.stamp, mono=mono, cpu=usage.cpu, memory=usage.memory, disk=usage.disk,
            sent=max(0.0, usage.sent), received=max(0.0, usage.received),
            real_time_factor=round(self._pace.value or 0.0, 3),
            stages=self.latencies.figures(mono - WINDOW), rates=rates, throughput=self.throughput(mono),
            errors=self.errors(mono), commands=self.commands, missed=round(missed, 3), nodes=nodes,
            alerts=self.active(), figures=self._figures(), load=self.load.level if self.load else 0,
        )  # fmt: skip

    def _asked(self, component: str, mono: float) -> float:
        """The rate expected of a component now [Hz]. What load shedding has lowered is no missed deadline,
        nor is it one in the counts of the seconds after it was restored."""
        least = self._thresholds[f"{component}.rate"].value
        if component != "perception" or self.load is None:
            return least
        allowed = LOAD_LEVELS[self.load.level].perception_rate
        if allowed < least:
            self._lowered = (allowed, mono)
        lowered, until = self._lowered[0], self._lowered[1] + 2.0 * RATE_WINDOW
        return min(least, lowered) if lowered > 0.0 and mono < until else least

    def generate_performance_report(self, mono: float) -> str:
        """The last `WINDOW` in words: what is wrong, each component's summary, the last metrics."""
        lines = [str(alert) for alert in self.active()] or ["no alerts"]
        for series in sorted(self.store.all_series(), key=lambda s: s.component):
            s = series.summary(mono - WINDOW)
            if s is not None:
                lines.append(
                    f"{series.component} {series.type} [{series.unit}]: average {s.average:.4g}, "
                    f"min {s.min:.4g}, max {s.max:.4g}, count {s.count}"
                )
        lines.append(f"{self.store.count} metrics in all, the last:")
        for m in islice(self.store.newest(), REPORTED):
            lines.append(f"{mono - m.time:.1f} s ago: {m.component} {m.type} {m.value:.4g} {m.unit}".rstrip())
        return "\n".join(lines)

    def throughput(self, mono: float) -> float:
        """Commands accepted a second, over the last minute (or since the beginning)."""
        span = min(MINUTE, max(1.0, mono - self._begin))
        return float(self.store.since("commands", "accepted", mono - MINUTE).size / span)

    def errors(self, mono: float) -> float:
        """Share of the commands ended within `WINDOW` that failed; what the robot asked back about, turned
        down or cancelled did not."""
        ended = self.store.since("commands", "failed", mono - WINDOW)
        return float(ended.mean()) if ended.size else 0.0

    def active(self) -> list[Alert]:
        """Alerts that are not over."""
        rules = [*self._rules.values(), *(n.silence for n in self.nodes.values() if n.silence)]
        return [rule.alert for rule in rules if rule.alert is not None]

    def _node(self, name: str, node: Node, mono: float) -> NodeUsage:
        silent = max(0.0, mono - node.reported)
        if node.silence is None:
            node.silence = AlertRule(self._silence, name)
        self._alert(node.silence.update(silent, mono, self.stamp))
        cpu, memory = node.process.sample(mono) if node.process is not None else (-1.0, -1.0)
        if cpu >= 0.0:
            self.store.record_metric(name, "cpu", cpu, "% of a core", mono)
            self.store.record_metric(name, "memory", memory, "MB", mono)
        return NodeUsage(
            node=name, pid=node.process.pid if node.process else 0, cpu=round(cpu, 1),
            memory=round(memory, 1), silent=round(silent, 2), level=node.level, message=node.message,
        )  # fmt: skip

    def _figures(self) -> dict[str, str]:
        found = (
            (f"{name}.{key}", v[:LONGEST]) for name, n in self.nodes.items() for key, v in n.values.items()
        )
        return dict(islice(found, MOST_FIGURES))

    def check_threshold_violations(
        self, name: str, value: float, mono: float, resolution: float = 0.0
    ) -> None:
        self._alert(self._rules[name].update(value, mono, self.stamp, resolution))

    def _alert(self, alert: Alert | None) -> None:
        if alert is not None:
            self.outbox.append(alert)


def _whole(text: str | None) -> int:
    """0 for what is no whole number."""
    try:
        return max(0, int(text or ""))
    except ValueError:
        return 0
