"""The typed record that a run leaves, for people, tests and programs to read."""

from typing import Literal

import msgspec
from msgspec import field

from vla_sim.common import assets
from vla_sim.contract.records import Fault, Point, Record, Text

RECORD = "record.json"
"""In a run's folder."""
Source = Literal["measured", "modelled"]
"""Where a latency comes from: "modelled" if simulated time was charged with fixed costs of the stages' work
(lock-step with `compute: fixed`), "measured" if with the work's own time on this machine."""


OWN_PLAN = "judged by the robot's own plan, as nothing else says what the words mean"
"""Said of a command whose meaning the scenario does not state."""


class StageLatency(Record, frozen=True, kw_only=True):
    """One stage's share of the way from the end of speech to the first motion [ms]."""

    stage: Text
    milliseconds: float
    limit: float
    goal: float
    source: Source = "measured"


class Check(Record, frozen=True, kw_only=True):
    """One thing that had to hold, judged from the simulator's truth. speed: whether it judges how fast this
    machine did the work, which other programs on it can spoil. kind: the check's in the scenario's file; of a
    step that was commanded, its skill."""

    name: Text
    passed: bool
    detail: Text = ""
    speed: bool = False
    kind: Text = ""


class SweepCheck(Record, frozen=True, kw_only=True):
    """What had to hold over all runs of a scenario on an engine. unjudged: why one that did not pass is no
    verdict: others kept the machine busy, and only speed was missed."""

    scenario: Text
    engine: Text
    check: Check
    unjudged: Text = ""

    @property
    def text(self) -> str:
        return f"{self.check.name}: {self.check.detail}"


class Touch(Record, frozen=True, kw_only=True):
    """A contact that is not part of the job: of what, when it began, its largest force [N]."""

    a: Text
    b: Text
    stamp: float
    force: float


class GraspResult(Record, frozen=True, kw_only=True):
    """lifted: largest rise of the object's centre [m]; held: longest time [s] at 0.10 m or more."""

    object: Text
    lifted: float
    held: float
    passed: bool


class Event(Record, frozen=True, kw_only=True):
    stamp: float  # simulated seconds since the command was given
    text: Text


class CommandRecord(Record, frozen=True, kw_only=True):
    """One command of a run. given: simulated seconds since the first command. total_ms: last voiced sample
    (or typed command) to first motion; null if nothing moved for it. judged_against: what says what the words
    mean, the scenario or, where it states nothing, the robot's own plan."""

    text: Text
    command_id: Text
    spoken: bool
    given: float
    heard: Text = ""
    state: Text = ""  # last state that the executive or language reported; "" if none
    detail: Text = ""
    stages: list[StageLatency] = field(default_factory=list)
    total_ms: float | None = None
    total_source: Source = "measured"
    judged_against: Literal["scenario", "robot's plan"] = "scenario"


class Usage(Record, frozen=True, kw_only=True):
    """What all nodes together used: stamp [simulated s since the first command], cpu [% of one core],
    memory [MB resident]."""

    stamp: float
    cpu: float
    memory: float


class LoadChange(Record, frozen=True, kw_only=True):
    """Load was shed to a level of `limits.LOAD_LEVELS`, or restored to it."""

    stamp: float
    level: int
    name: Text
    cause: Text


class Shot(Record, frozen=True, kw_only=True):
    """A key moment. file: JPEG of the head camera, outside: the same moment from outside, or ""; both
    relative to the run's folder."""

    stamp: float
    title: Text
    file: Text
    outside: Text = ""


class Clip(Record, frozen=True, kw_only=True):
    """The seconds around what went wrong, which was at `stamp`, from outside: WebP, relative to the run's
    folder."""

    stamp: float
    file: Text


class Put(Record, frozen=True, kw_only=True):
    """The scenario's script put a loose object somewhere else [m]."""

    stamp: float
    object: Text
    to: Point


class FaultSpan(Record, frozen=True, kw_only=True):
    """A fault that was in force. text: it in words; end: null if it was until the run's end."""

    fault: Fault
    text: Text
    begin: float
    end: float | None


class Outline(Record, frozen=True, kw_only=True):
    """What a solid covers seen from above: every point within `radius` [m] of the hull of `corners` [m]."""

    corners: list[tuple[float, float]]
    radius: float = 0.0


class AddedModel(Record, frozen=True, kw_only=True):
    """A model that the scenario put into the world. name: as the scenario calls it. mapped: whether the
    robot's map has it. outlines: of its collisions, as it stood at first. walk: waypoints (x, y) that it is
    carried along; track: (stamp, x, y) where it was, one a second. [m]"""

    name: Text
    x: float
    y: float
    mapped: bool = False
    outlines: list[Outline] = field(default_factory=list)
    walk: list[tuple[float, float]] = field(default_factory=list)
    track: list[Point] = field(default_factory=list)


class RunRecord(Record, frozen=True, kw_only=True):
    """One scenario, played once by one robot in one world, and what came of it. Stamps are simulated
    seconds since the first command."""

    command: Text
    heard: Text
    spoken: bool
    world: Text
    engine: Text
    seed: int
    started: Text  # UTC, ISO 8601
    passed: bool
    state: Text  # last state that the executive or language reported
    answer: Text  # the robot's last words
    reasons: list[Text]  # why it did not pass; empty if it did
    checks: list[Check]
    stages: list[StageLatency]
    total_ms: float | None  # last voiced sample (or typed command) to first motion; null if nothing moved
    total_limit_ms: float
    total_source: Source = "measured"
    path_length: float
    clearance: float | None
    contacts: list[Touch]
    grasps: list[GraspResult]
    real_time_factor: float
    ready_seconds: float
    simulated_seconds: float
    wall_seconds: float
    path: list[Point]  # (stamp, x, y) of the pelvis, 5 a second
    events: list[Event]
    versions: dict[str, str]
    folder: Text
    robot: Text = assets.DEFAULT_ROBOT
    scenario: Text = ""
    proves: Text = ""
    attempt: int = 1  # which try this was; above 1, an earlier one did not pass
    lockstep: bool = False
    others: float | None = None
    """Share of all cores, 0..1, that other programs used during the run; null if it was not measured."""
    unjudged: Text = ""
    """Why a run that did not pass is no verdict: it missed measured latencies or rates, nothing else, while
    others kept the machine busy."""
    error: Text = ""
    """Why the run broke off (a node died, the simulator failed); then nothing else was judged."""
    commands: list[CommandRecord] = field(default_factory=list)
    start: Point | None = None
    """Where the robot stood at the first command: x, y [m] and yaw [rad] of its pelvis in the world."""
    near: list[tuple[float, float]] = field(default_factory=list)  # (stamp, clearance [m]), 5 a second
    usage: list[Usage] = field(default_factory=list)
    shots: list[Shot] = field(default_factory=list)
    clip: Clip | None = None
    """Of a run that did not pass."""
    objects: dict[str, tuple[Point, Point]] = field(default_factory=dict)
    """Where each loose object was at first and at last."""
    added: list[AddedModel] = field(default_factory=list)
    puts: list[Put] = field(default_factory=list)
    faults: list[FaultSpan] = field(default_factory=list)
    load: list[LoadChange] = field(default_factory=list)
    """How load was shed and restored, in order; empty where it never was."""
    log: list[Text] = field(default_factory=list)  # the last warnings and errors of the nodes, "node: line"
    again: Text = ""  # the command that plays this run again
    reserved: Text = ""  # what of the machine was reserved for it; "" if nothing was


DECODER = msgspec.json.Decoder(RunRecord)
