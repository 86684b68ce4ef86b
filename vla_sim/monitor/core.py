"""The monitor without ROS: takes what the nodes report, and once a second sums up how they are."""

from collections import defaultdict, deque
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Literal

import numpy as np

from vla_sim.bringup.node_table import EVERY
from vla_sim.contract import metrics, records, topics
from vla_sim.contract.limits import LOAD_LEVELS, THRESHOLDS, Threshold
from vla_sim.contract.records import Alert, Load, MetricFigures, MonitorState, NodeUsage, Status, TraceEvent
from vla_sim.monitor.alert_rule import AlertRule
from vla_sim.monitor.latency import TOTAL, Latencies
from vla_sim.monitor.metrics import RATE_WINDOW, CommandCount, MetricStore, RateMeter, Series
from vla_sim.monitor.shedding import Pressure, Shedding, limits
from vla_sim.monitor.system import NodeProcess, Usage

PACE = "simulation.real_time_factor"
WINDOW = 300.0  # [s] over which latencies and errors count
MINUTE = 60.0
FRESH = 2.5  # [s] after which a rate is not known any more: nodes report once a second
MOST_NODES = 1000
MOST_FIGURES = 200
MOST_METRICS = 100
MOST_WAITING = 64  # commands
LONGEST = 200
REPORTED = 20  # of the last metrics, in the text of the service
STEADY = (
    "perception.rate", "control.rate", "simulation.real_time_factor", "system.cpu", "system.memory",
    "system.disk",
)  # fmt: skip
"""Thresholds of what is measured every second: without a measurement nothing says that it is well again."""
RATES = {"perception": topics.OBJECTS.name, "control": topics.CMD_VEL.name}
"""The topic whose rate a threshold is about: objects of perception, velocities that passed the gate."""
WATCHED = {"voice": TOTAL, "llm": "planning"}  # the latency that a threshold is about
Level = Literal["ok", "warning", "error"]
BY_ANOTHER_CLOCK = frozenset(spec.name for spec in EVERY if spec.steady)
"""Nodes whose reports do not tell the run's time: they live by the machine's clock."""
OWN = ("listens", "pid")
OWN_PREFIXES = ("listeners ", "published ", metrics.PREFIX)  # values in /diagnostics that are no key figures


@dataclass
class Node:
    """What is known of one node."""

    process: NodeProcess | None = None
    reported: float = 0.0
    level: Level = "ok"
    message: str = ""
    values: dict[str, str] = field(default_factory=dict)
    silence: AlertRule | None = None


class Throughput:
    """Commands answered (accepted, turned down, asked back about) for each second in which one or more
    waited for that, over the last minute. Times are monotonic [s]."""

    def __init__(self, mono: float) -> None:
        self._waiting: dict[str, float] = {}  # when each came
        self._busy, self._answered, self._last = 0.0, 0, mono
        self._points = deque([(mono, 0.0, 0)])

    def asked(self, command_id: str, mono: float) -> None:
        """A command came."""
        self._pass(mono)
        if len(self._waiting) < MOST_WAITING:
            self._waiting.setdefault(command_id, mono)

    def answered(self, command_id: str, mono: float) -> None:
        """A status of a command came; the first one is the answer."""
        self._pass(mono)
        self._answered += self._waiting.pop(command_id, None) is not None

    def second(self, mono: float) -> bool:
        """To be called once a second; whether a command waited in the last one. What has waited for a minute
        is given up."""
        self._pass(mono)
        self._waiting = {name: came for name, came in self._waiting.items() if mono - came < MINUTE}
        waited = self._busy > self._points[-1][1]
        self._points.append((mono, self._busy, self._answered))
        while self._points[0][0] < mono - MINUTE:
            self._points.popleft()
        return waited

    @property
    def value(self) -> float | None:
        """[1/s]; None where no command waited."""
        _, busy, answered = self._points[0]
        return (self._answered - answered) / (self._busy - busy) if self._busy > busy else None

    @property
    def resolution(self) -> float:
        """By how much it is too low while a command is in hand: it may be answered right now."""
        seconds = self._busy - self._points[0][1]
        return 1.0 / seconds if self._waiting and seconds > 0.0 else 0.0

    def _pass(self, mono: float) -> None:
        if self._waiting:
            self._busy += max(0.0, mono - self._last)
        self._last = mono


class RealTimePerformanceMonitor:
    """Alerts go to `outbox` as they arise; its owner empties it.

    speed: simulated seconds a second that are asked for. `stamp` is the ROS time of the newest diagnostics:
    a second old at most, and it costs no clock messages."""

    def __init__(
        self, thresholds: dict[str, Threshold], mono: float, *, shedding: bool = True, speed: float = 1.0
    ) -> None:
        self.store = MetricStore()
        self.latencies = Latencies(self.store)
        self.outbox: list[Alert] = []
        self.stamp = 0.0
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
        self.follow_speed(speed)
        self._throughput = Throughput(mono)
        self._commands = CommandCount()
        self._recorded: dict[str, Series] = {}  # what nodes measured, by "node.type"
        self._last, self._late = mono, 0

    def follow_speed(self, speed: float) -> None:
        """From now on so many simulated seconds a second are asked for."""
        asked = self._thresholds[PACE]
        self._rules[PACE].threshold = replace(asked, value=asked.value * speed, clear=asked.clear * speed)

    def on_trace(self, event: TraceEvent, mono: float) -> None:
        for stage, seconds in self.latencies.take(event):
            for component, watched in WATCHED.items():
                if stage == watched:
                    self.check_threshold_violations(f"{component}.response", seconds, mono)

    def on_command(self, command_id: str, mono: float) -> None:
        """A command came, typed or heard whole."""
        self._throughput.asked(command_id, mono)

    def on_status(self, status: Status, mono: float) -> None:
        self._throughput.answered(status.command_id, mono)
        self._commands.take(status)
        if status.state in records.FINAL_STATES:
            self.store.record_metric("commands", "failed", float(status.state == "failed"), "", mono)
            self.check_threshold_violations("commands.errors", self.errors(mono), mono)

    def on_diagnostics(
        self, name: str, level: Level, message: str, values: dict[str, str], stamp: float, mono: float
    ) -> None:
        """A node's report. stamp: its ROS time [s]."""
        if not 0 < len(name) <= 64:
            return
        measured = [self._on_metric(name, key, value, mono) for key, value in values.items()]
        if measured and all(measured):
            return  # it says nothing of how the node is
        node = self.nodes.get(name)
        if node is None:
            if len(self.nodes) >= MOST_NODES:
                return
            node = self.nodes[name] = Node()
        node.reported, node.level, node.message = mono, level, message[:LONGEST]
        # Of our nodes alone that live by the run's clock and have heard it: at its start a node has not.
        ours = "listens" in values and 0.0 < stamp < float("inf") and name not in BY_ANOTHER_CLOCK
        if ours and not self.stamp - WINDOW <= stamp <= self.stamp:  # long before: a simulation begun anew
            self.stamp = stamp
        if ours and self.stamp > 0.0:
            self._pace.add(mono, self.stamp)
        pid = _whole(values.get("pid"))
        if pid and (node.process is None or node.process.pid != pid):
            node.process = NodeProcess(name, pid)
        for key, value in values.items():
            # From the first message on, and from when the node knows the time.
            if key.startswith("published ") and stamp > 0.0 and (count := _whole(value)):
                topic = key.removeprefix("published ")
                self._rates[topic].add(stamp, count)
                self._counted[topic] = mono
        node.values = {
            key: value for key, value in values.items() if key not in OWN and not key.startswith(OWN_PREFIXES)
        }

    def left(self, name: str) -> None:
        """A node has ended on purpose."""
        node = self.nodes.pop(name, None)
        if node is not None and node.silence is not None:
            self._alert(node.silence.end(self._last, self.stamp))

    def _on_metric(self, node: str, key: str, text: str, mono: float) -> bool:
        """Take a value of a report, if it holds what the node measured; whether it does."""
        found = metrics.read(key, text)
        if found is None:
            return False
        type, unit, values = found
        name = f"{node}.{type}"
        rule = self._rules.get(name)
        if rule is not None and not rule.threshold.unit:
            rule.threshold = replace(rule.threshold, unit=unit)
        for value in values:
            self.store.record_metric(node, type, value, unit, mono)
            if rule is not None:
                self._alert(rule.update(value, mono, self.stamp))
        series = self.store.series(node, type, unit)
        if (
            series is not None
            and series.count
            and (name in self._recorded or len(self._recorded) < MOST_METRICS)
        ):
            self._recorded[name] = series
        return True

    def second(self, usage: Usage, mono: float) -> MonitorState:
        """The state of everything now, from the machine's usage and what the nodes reported."""
        if (pace := self._pace.value) is not None:
            self.store.record_metric("simulation", "real_time_factor", pace, "", mono)
            self.check_threshold_violations(PACE, pace, mono)
        if self._throughput.second(mono) and (throughput := self._throughput.value) is not None:
            self.store.record_metric("commands", "throughput", throughput, "1/s", mono)
            self.check_threshold_violations(
                "commands.throughput", throughput, mono, self._throughput.resolution
            )
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
        for name, rule in self._rules.items():
            if name not in STEADY:
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
            real_time_factor=round(pace or 0.0, 3), stages=self.latencies.figures(mono - WINDOW), rates=rates,
            throughput=self._throughput.value, metrics=[self._metric(s) for s in self._recorded.values()],
            errors=self.errors(mono), commands=self._commands.value, missed=round(missed, 3), nodes=nodes,
            alerts=self.active(), figures=self._figures(), load=self.load.level if self.load else 0,
        )  # fmt: skip

    def _asked(self, component: str, mono: float) -> float:
        """The rate expected of a component now [Hz]. What load shedding has lowered is no missed deadline,
        nor is it one in the counts of the seconds after it was restored. Whether the robot stands is not
        known here: what is lowered for standing counts as lowered."""
        least = self._thresholds[f"{component}.rate"].value
        if component != "perception" or self.load is None:
            return least
        level = LOAD_LEVELS[self.load.level]
        allowed = min(level.perception_rate, level.standing_rate)
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

    @property
    def unmeasured(self) -> list[str]:
        """Names of thresholds of one's own that nothing was measured for so far."""
        return [n for n in self._rules if n not in THRESHOLDS and n not in self._recorded]

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

    def _metric(self, series: Series) -> MetricFigures:
        """Of a series that holds something."""
        rule, values = self._rules.get(series.name), series.since()
        return MetricFigures(
            name=series.name, unit=series.unit, count=series.count, last=float(values[-1]),
            average=series.total / series.count, min=series.min, max=series.max,
            p95=float(np.percentile(values, 95.0)), limit=rule.threshold.value if rule else None,
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
