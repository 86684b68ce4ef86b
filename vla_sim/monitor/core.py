"""The monitor without ROS: takes what the nodes say, and once a second tells how they are."""

from __future__ import annotations

from dataclasses import dataclass, field

from vla_sim.contract import records, topics
from vla_sim.contract.limits import LOAD_LEVELS, Threshold
from vla_sim.contract.records import Alert, Load, MonitorState, NodeUsage, Status, TraceEvent
from vla_sim.monitor.latency import TOTAL, Latencies
from vla_sim.monitor.metrics import MetricStore
from vla_sim.monitor.shedding import Pressure, Shedding, limits
from vla_sim.monitor.slope import WINDOW as RATE_WINDOW
from vla_sim.monitor.slope import Slope
from vla_sim.monitor.system import NodeProcess, Usage
from vla_sim.monitor.watch import Watch

WINDOW = 300.0
"""[s] over which latencies and errors count."""
MINUTE = 60.0
FRESH = 2.5
"""[s] after which a rate is not known any more: nodes report once a second."""
MOST_NODES = 1000
MOST_FIGURES = 200
LONGEST = 200
LAST_TOLD = 20
RATES = {"perception": topics.OBJECTS.name, "control": topics.CMD_VEL.name}
"""Which topic's rate a threshold means: objects for whoever looks, velocities that passed the gate."""
WATCHED = {"voice": TOTAL, "llm": "planning"}
"""Which latency a threshold means."""
OWN = ("listens", "pid")
OWN_PREFIXES = ("listeners ", "published ")
"""Values in /diagnostics that are no key figures."""


@dataclass
class Node:
    """What is known of one node."""

    process: NodeProcess | None = None
    heard: float = 0.0
    level: str = "ok"
    message: str = ""
    values: dict[str, str] = field(default_factory=dict)
    silence: Watch | None = None


@dataclass
class Rate:
    """How often a topic is published, by the counts of its node. heard: [s, monotonic]."""

    slope: Slope
    heard: float

    def value(self, mono: float) -> float | None:
        return self.slope.value if mono - self.heard < FRESH else None


class Monitor:
    """Alerts go to `outbox` as they arise; whoever owns the monitor empties it.

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
        self.load: Load | None = None
        """What was decided last; None where load is never shed."""
        self._lowered = (0.0, 0.0)
        self._watches = {name: Watch(t) for name, t in thresholds.items() if t.component != "node"}
        self._silence = thresholds["node.silence"]
        self._thresholds = thresholds
        self._rates: dict[str, Rate] = {}
        self._pace = Slope()
        self._begin, self._last, self._late = mono, mono, 0
        self._accepted = self.store.series("commands", "accepted")
        self._failed = self.store.series("commands", "failed")

    # ------------------------------------------------------------------ what the nodes say

    def on_trace(self, event: TraceEvent, mono: float) -> None:
        for stage, seconds in self.latencies.take(event):
            for component, watched in WATCHED.items():
                if stage == watched:
                    self._check(f"{component}.response", seconds, mono)

    def on_status(self, status: Status, mono: float) -> None:
        if status.state == "accepted":
            self.commands += 1
            self.store.record("commands", "accepted", 1.0, "", mono)
        elif status.state in records.FINAL_STATES:
            self.store.record("commands", "failed", float(status.state == "failed"), "", mono)
            self._check("commands.errors", self.errors(mono), mono)

    def on_diagnostics(
        self, name: str, level: str, message: str, values: dict[str, str], stamp: float, mono: float
    ) -> None:
        """A node's report. stamp: its ROS time [s]."""
        node = self.nodes.get(name)
        if node is None:
            if len(self.nodes) >= MOST_NODES or not 0 < len(name) <= 64:
                return
            node = self.nodes[name] = Node()
        node.heard, node.level, node.message = mono, level, message[:LONGEST]
        # Of our nodes alone: others on this topic may live by another clock.
        ours = "listens" in values and 0.0 <= stamp < float("inf")
        if ours and not self.stamp - WINDOW <= stamp <= self.stamp:  # long before: a simulation begun anew
            self.stamp = stamp
        pid = _whole(values.get("pid"))
        if pid and (node.process is None or node.process.pid != pid):
            node.process = NodeProcess(name, pid)
        for key, value in values.items():
            if key.startswith("published "):
                self._count(key.removeprefix("published "), stamp, _whole(value), mono)
        node.values = {
            key: value for key, value in values.items()
            if key not in OWN and not key.startswith(OWN_PREFIXES)
        }  # fmt: skip

    def _count(self, topic: str, stamp: float, count: int, mono: float) -> None:
        if count == 0:
            return  # a rate is measured from the first message on
        rate = self._rates.get(topic)
        if rate is None:
            rate = self._rates[topic] = Rate(Slope(), mono)
        rate.slope.add(stamp, count)
        rate.heard = mono

    # ------------------------------------------------------------------ once a second

    def second(self, usage: Usage, mono: float) -> MonitorState:
        """How everything is now."""
        if self.stamp > 0.0:
            self._pace.add(mono, self.stamp)
        rates = {
            topic: round(value, 2) for topic, rate in self._rates.items()
            if (value := rate.value(mono)) is not None
        }  # fmt: skip
        lacking = 0.0
        for component, topic in RATES.items():
            value = rates.get(topic)
            if value is None:
                continue
            resolution = self._rates[topic].slope.resolution
            asked = self._asked(component, mono)
            self.store.record(component, "rate", value, "Hz", mono)
            self._check(f"{component}.rate", value, mono, resolution)
            lacking += max(0.0, asked - value - resolution)
        for kind, value in (("cpu", usage.cpu), ("memory", usage.memory), ("disk", usage.disk)):
            self.store.record("system", kind, value, "%", mono)
            self._check(f"system.{kind}", value, mono)
        nodes = [self._node(name, node, mono) for name, node in self.nodes.items()]
        for watch in self._watches.values():
            if not watch.threshold.below and watch.threshold.component != "system":
                self._say(watch.forget(mono, self.stamp))
        missed = lacking + (self.latencies.late - self._late) / max(0.5, mono - self._last)
        self._late, self._last = self.latencies.late, mono
        pressure = Pressure(self.stamp, mono, usage.cpu, usage.memory, missed)
        if self.shedding is not None:
            self.load = self.shedding.decide(pressure)
            self.store.record("system", "load level", float(self.load.level), "", mono)
        return MonitorState(
            stamp=self.stamp, mono=mono, cpu=usage.cpu, memory=usage.memory, disk=usage.disk,
            sent=max(0.0, usage.sent), received=max(0.0, usage.received),
            real_time_factor=round(self._pace.value or 0.0, 3),
            stages=self.latencies.figures(mono - WINDOW), rates=rates, throughput=self.throughput(mono),
            errors=self.errors(mono), commands=self.commands, missed=round(missed, 3), nodes=nodes,
            alerts=self.active(), figures=self._figures(), load=self.load.level if self.load else 0,
        )  # fmt: skip

    def _asked(self, component: str, mono: float) -> float:
        """The rate that may be expected of a component now [Hz]. What load shedding has lowered is no missed
        deadline, also not in the counts of the last seconds after it was restored."""
        least = self._thresholds[f"{component}.rate"].value
        if component != "perception" or self.load is None:
            return least
        allowed = LOAD_LEVELS[self.load.level].perception_rate
        if allowed < least:
            self._lowered = (allowed, mono)
        lowered, until = self._lowered[0], self._lowered[1] + 2.0 * RATE_WINDOW
        return min(least, lowered) if lowered > 0.0 and mono < until else least

    def report(self, mono: float) -> str:
        """The last `WINDOW` in words: what is wrong, each component's summary, the last metrics."""
        lines = [str(alert) for alert in self.active()] or ["no alerts"]
        for component in sorted({s.component for s in self.store.all_series()}):
            units = {s.type: s.unit for s in self.store.all_series() if s.component == component}
            for kind, s in self.store.summaries(component, mono - WINDOW).items():
                lines.append(
                    f"{component} {kind} [{units[kind]}]: average {s.average:.4g}, min {s.min:.4g}, "
                    f"max {s.max:.4g}, count {s.samples}"
                )
        lines.append(f"{self.store.count} metrics in all, the last:")
        for m in reversed(self.store.last(LAST_TOLD)):
            lines.append(f"{mono - m.time:.1f} s ago: {m.component} {m.type} {m.value:.4g} {m.unit}".rstrip())
        return "\n".join(lines)

    def throughput(self, mono: float) -> float:
        """Commands accepted a second, over the last minute (or since the beginning)."""
        assert self._accepted is not None
        span = min(MINUTE, max(1.0, mono - self._begin))
        return float(self._accepted.since(mono - MINUTE).size / span)

    def errors(self, mono: float) -> float:
        """Share of the commands ended within `WINDOW` that failed; what the robot asked back about, turned
        down or was told to leave did not."""
        assert self._failed is not None
        ended = self._failed.since(mono - WINDOW)
        return float(ended.mean()) if ended.size else 0.0

    def active(self) -> list[Alert]:
        """Alerts that are not over."""
        watches = [*self._watches.values(), *(n.silence for n in self.nodes.values() if n.silence)]
        return [w.alert for w in watches if w.alert is not None]

    def _node(self, name: str, node: Node, mono: float) -> NodeUsage:
        silent = max(0.0, mono - node.heard)
        if node.silence is None:
            node.silence = Watch(self._silence, name)
        self._say(node.silence.update(silent, mono, self.stamp))
        cpu, memory = node.process.sample(mono) if node.process is not None else (-1.0, -1.0)
        if cpu >= 0.0:
            self.store.record(name, "cpu", cpu, "% of a core", mono)
            self.store.record(name, "memory", memory, "MB", mono)
        return NodeUsage(
            node=name, pid=node.process.pid if node.process else 0, cpu=round(cpu, 1),
            memory=round(memory, 1), silent=round(silent, 2), level=node.level, message=node.message,  # type: ignore[arg-type]
        )  # fmt: skip

    def _figures(self) -> dict[str, str]:
        out: dict[str, str] = {}
        for name, node in self.nodes.items():
            for key, value in node.values.items():
                if len(out) < MOST_FIGURES:
                    out[f"{name}.{key}"] = value[:LONGEST]
        return out

    def _check(self, name: str, value: float, mono: float, resolution: float = 0.0) -> None:
        self._say(self._watches[name].update(value, mono, self.stamp, resolution))

    def _say(self, alert: Alert | None) -> None:
        if alert is not None:
            self.outbox.append(alert)


def _whole(text: str | None) -> int:
    """0 for what is no whole number."""
    try:
        return max(0, int(text or ""))
    except ValueError:
        return 0
