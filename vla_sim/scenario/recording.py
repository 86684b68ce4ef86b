"""What is observed of a run while it goes on: plain data that the client fills and the checks read."""

import math
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from vla_sim.common.geometry import yaw_from_quaternion
from vla_sim.contract import records
from vla_sim.contract.records import DetectedObject, GroundTruth, Load, Plan, Status, Step, Transcript
from vla_sim.scenario.record import Source, Usage


@dataclass(frozen=True)
class Given:
    """A command as it was given. command_id: "" if the robot heard nothing. stamp: when, in simulated
    seconds. means: what the words ask for, as the scenario states it; () if they are no command, None if the
    scenario does not say."""

    text: str
    command_id: str
    spoken: bool
    stamp: float
    means: tuple[Step, ...] | None = None


@dataclass
class MarkedStatus:
    """A status with the simulated time and the truth at which it arrived."""

    stamp: float
    truth: GroundTruth | None
    status: Status


@dataclass
class Picture:
    """An image of a key moment. color: (height, width, 3) uint8."""

    stamp: float
    title: str
    color: np.ndarray


@dataclass
class Recording:
    """All lists are in order of arrival; stamps are simulated seconds."""

    truths: list[GroundTruth] = field(default_factory=list)
    touches: dict[tuple[str, str], list[tuple[float, float]]] = field(default_factory=dict)
    """(a, b) to (stamp, force) of each report."""
    statuses: list[MarkedStatus] = field(default_factory=list)
    traces: list[records.TraceEvent] = field(default_factory=list)
    transcripts: list[Transcript] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)
    said: list[tuple[float, str]] = field(default_factory=list)
    sightings: list[tuple[float, list[DetectedObject]]] = field(default_factory=list)
    safety: list[tuple[float, str, str]] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    velocities: list[float] = field(default_factory=list)  # stamps of what passed the safety gate (/cmd_vel)
    reporting: set[str] = field(default_factory=set)
    """Names under which something came in /diagnostics."""
    alerts: list[tuple[float, str, str]] = field(default_factory=list)
    """(stamp, node, message) of every warning or error in /diagnostics, the same one once; and, where the
    monitor runs, (stamp, component, what is measured) of every alert."""
    loads: list[tuple[float, Load]] = field(default_factory=list)
    """(stamp, what the monitor said) of each step in which load was shed or restored."""
    puts: list[tuple[float, str, records.Point]] = field(default_factory=list)
    """(stamp, object, where to [m]) of each object that the script put somewhere else."""
    usage: list[Usage] = field(default_factory=list)
    understood: dict[str, float] = field(default_factory=dict)
    """Command id to the stamp at which the robot first spoke of it (transcript, intent or status)."""
    planned_path: list[tuple[float, float]] = field(default_factory=list)
    """(x, y) [m] of the way that the step under way plans to walk, as it is now; empty if it plans none."""
    latency_source: Source = "measured"  # of the durations in `traces`

    @property
    def truth(self) -> GroundTruth | None:
        return self.truths[-1] if self.truths else None

    @property
    def stamp(self) -> float:
        return self.truths[-1].stamp if self.truths else 0.0

    def forget(self) -> None:
        """Keep the last truth alone: for a soak, which runs for hours and judges nothing."""
        for one in fields(self):
            held = getattr(self, one.name)
            if isinstance(held, list):
                del held[: -1 if held is self.truths else None]
            elif isinstance(held, dict):
                held.clear()

    def on_contacts(self, contacts: records.Contacts) -> None:
        for pair in contacts.pairs:
            self.touches.setdefault((pair.a, pair.b), []).append((contacts.stamp, pair.force))

    def on_transcript(self, transcript: Transcript) -> None:
        self.understood.setdefault(transcript.command_id, self.stamp)
        self.transcripts.append(transcript)

    def on_path(self, path: Any) -> None:
        """path: nav_msgs/Path."""
        self.planned_path[:] = [(p.pose.position.x, p.pose.position.y) for p in path.poses]

    def skill_at(self, stamp: float) -> str:
        """The skill that ran at a time; "" if none."""
        # A command that is accepted meanwhile, and waits, ends nothing.
        later: set[str] = set()
        for marked in reversed(self.statuses):
            status = marked.status
            if marked.stamp <= stamp and status.command_id not in later:
                if status.state == "running":
                    return status.skill
                later.add(status.command_id)
        return ""

    def on_status(self, status: Status) -> None:
        self.understood.setdefault(status.command_id, self.stamp)
        self.planned_path.clear()
        self.statuses.append(MarkedStatus(self.stamp, self.truth, status))

    def plan(self, command_id: str) -> Plan | None:
        """The plan that the robot published for a command, the last one if there are several."""
        return next((p for p in reversed(self.plans) if p.command_id == command_id), None)

    def steps(self, given: Given) -> tuple[Step, ...]:
        """What a command asks for, by the scenario, else by the robot's own plan; () if it is none."""
        if given.means is not None:
            return given.means
        plan = self.plan(given.command_id)
        return tuple(plan.steps) if plan else ()

    def heard(self, command_id: str) -> str:
        """What the recogniser heard of a spoken command; "" if nothing."""
        return next((t.text for t in self.transcripts if t.command_id == command_id), "")

    def end(self, command_id: str) -> MarkedStatus | None:
        """The status with which a command ended, and when; None while it goes on."""
        for marked in reversed(self.statuses):
            if marked.status.command_id == command_id and marked.status.state in records.FINAL_STATES:
                return marked
        return None

    def final(self, command_id: str) -> Status | None:
        """The status with which a command ended; None while it goes on."""
        marked = self.end(command_id)
        return marked.status if marked else None

    def between(self, begin: float, end: float) -> list[GroundTruth]:
        return [t for t in self.truths if begin <= t.stamp <= end]


def position(truth: GroundTruth) -> tuple[float, float]:
    return truth.robot[0], truth.robot[1]


def heading(truth: GroundTruth) -> float:
    return yaw_from_quaternion(truth.robot[3:])


def path_of(truths: list[GroundTruth], interval: float = 0.2) -> list[tuple[float, float, float]]:
    """(stamp, x, y), about one every `interval` seconds."""
    path: list[tuple[float, float, float]] = []
    for truth in truths:
        if not path or truth.stamp - path[-1][0] >= interval - 1e-6:
            path.append((truth.stamp, *position(truth)))
    return path


def path_length(path: list[tuple[float, float, float]], window: float = 1.0) -> float:
    """Length [m] of the path averaged over one gait period, so that the sideways sway of the pelvis
    at each step does not count as way."""
    if len(path) < 2:
        return 0.0
    points = np.array(path)
    n = max(1, round(window / max(1e-6, float(np.median(np.diff(points[:, 0]))))))
    if len(points) <= n:
        return math.dist(path[0][1:], path[-1][1:])
    kernel = np.ones(n) / n
    x = np.convolve(points[:, 1], kernel, mode="valid")
    y = np.convolve(points[:, 2], kernel, mode="valid")
    return float(np.hypot(np.diff(x), np.diff(y)).sum())
