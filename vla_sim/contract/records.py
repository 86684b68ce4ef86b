"""The records that stages send each other, as JSON in `std_msgs/String`."""

import math
from typing import Annotated, Literal, Protocol

import msgspec

from vla_sim.contract.limits import LOAD_LEVELS
from vla_sim.contract.stop_epoch import NOW
from vla_sim.contract.vocabulary import SIDES, traits_of

Unit = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Text = Annotated[str, msgspec.Meta(max_length=4000)]
Name = Annotated[str, msgspec.Meta(max_length=60)]
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
NotNegative = Annotated[float, msgspec.Meta(ge=0.0)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Point = tuple[float, float, float]
MOST_SURFACE = 6000
"""Bytes of a `DetectedObject.surface`."""
Pose7 = tuple[float, float, float, float, float, float, float]
"""x, y, z, qw, qx, qy, qz"""

Skill = Literal[
    "navigate", "approach", "find", "pick", "place", "carry", "move", "turn", "stop", "wait", "say",
    "remember",
]  # fmt: skip
Relation = Literal["", "next to", "on top of", "into"]
SKILLS: tuple[str, ...] = Skill.__args__  # type: ignore[attr-defined]
Arm = Literal["left", "right"]
Priority = Literal["stop", "urgent", "normal", "background"]
PRIORITIES: tuple[str, ...] = Priority.__args__  # type: ignore[attr-defined]
Stage = Literal["voice", "intent", "planning", "perception", "safety", "control"]
Planner = Literal["rules", "llm", "cache", "own"]
"""Who made a plan; "cache": a language model, earlier; "own": a node of the user's."""
STAGES: tuple[str, ...] = Stage.__args__  # type: ignore[attr-defined]


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all payload records."""


class Thing(Protocol):
    """What has a kind, a colour, traits, and perhaps a name that it was given: a detected object, an object
    of the world, another query."""

    @property
    def kind(self) -> str: ...
    @property
    def colour(self) -> str: ...
    @property
    def traits(self) -> tuple[str, ...]: ...
    @property
    def given_name(self) -> str: ...


class ObjectQuery(Record, frozen=True, kw_only=True):
    """Which object is meant. An empty field means "any". `kind`: cup, ball, ...; `colour`: red, ...;
    `traits`: of `vocabulary.TRAITS`, all of which it has, and of `SIDES`, which tell one from others;
    `given_name`: "mug", of what was shown as "my mug"."""

    kind: Text = ""
    colour: Text = ""
    traits: tuple[Text, ...] = ()
    given_name: Name = ""

    def matches(self, thing: Thing) -> bool:
        """Whether it could be meant. A coffee cup is a cup."""
        named = self.kind in ("", thing.kind) or thing.kind.endswith(f" {self.kind}")
        named = named and self.given_name in ("", thing.given_name)
        return named and self.colour in ("", thing.colour) and set(self.traits) <= {*thing.traits, *SIDES}

    def __str__(self) -> str:
        if self.given_name:
            return f"{self.given_name} of yours"
        return " ".join([*self.traits, *self.colour.split(), self.kind or "object"])


class Step(Record, frozen=True, kw_only=True):
    """One skill of a plan with its arguments; which ones a skill uses is in `STEP_FIELDS`."""

    skill: Skill
    object: ObjectQuery | None = None
    place: Text = ""
    """A place or surface of the world; "user": the pose at which the command was received; "start": the pose
    at which the world has it begin."""
    distance: float | None = None
    """[m]; move: forward positive, backward negative."""
    angle: float | None = None
    """[rad]; turn: left (counter-clockwise) positive."""
    lateral: float | None = None
    """[m]; move: left positive."""
    seconds: float | None = None
    text: Text = ""
    speed: NotNegative | None = None
    """[m/s] at most while it walks; None: as usual."""
    arm: Arm | None = None
    """That takes it; None: the one on the object's side."""
    relation: Relation = ""
    """place: where what is held goes, seen from `object`; "" with a `place` alone."""

    def __str__(self) -> str:
        """In a few words, with units: "navigate to kitchen", "place next to red cup", "turn 90 degrees"."""
        words: list[str] = [self.skill, *filter(None, [self.relation])]
        words += [str(self.object)] if self.object is not None else []
        words += [f"{'in' if self.skill == 'find' else 'to'} {self.place}"] if self.place else []
        angle = None if self.angle is None else math.degrees(self.angle)
        amounts = ((self.distance, "{:g} m"), (self.lateral, "{:g} m to the left"), (angle, "{:.0f} degrees"),
                   (self.seconds, "{:g} s"))  # fmt: skip
        words += [unit.format(amount) for amount, unit in amounts if amount is not None]
        return " ".join([*words, f'"{self.text}"'] if self.text else words)


STEP_FIELDS: dict[str, tuple[str, ...]] = {
    "navigate": ("place", "speed"),
    "approach": ("object", "arm"),
    "find": ("object", "place"),
    "pick": ("object", "arm"),
    "place": ("place", "relation", "object", "speed"),
    "carry": ("place", "speed"),
    "move": ("distance", "lateral", "speed"),
    "turn": ("angle",),
    "stop": (),
    "wait": ("seconds",),
    "say": ("text",),
    "remember": ("text", "object"),
}

MANNER = ("speed", "arm")
"""Arguments that say how; no skill needs them."""
POSES = ("user", "start")
"""What `Step.place` may be beside the world's names."""


class Transcript(Record, frozen=True, kw_only=True):
    """What the recogniser heard. `complete` is False for silence, noise or half a sentence: such a
    transcript is answered (`reason`), never acted on."""

    command_id: Id
    text: Text
    confidence: Unit
    complete: bool
    speech_end_mono: float
    reason: Literal["", "silence", "noise", "partial"] = ""
    recogniser: Text = ""


class Command(Record, frozen=True, kw_only=True):
    """A typed command, or one that a program sends; spoken ones arrive as `Transcript`."""

    command_id: Id
    text: Text
    sent_mono: float
    priority: Priority = "normal"


class Intent(Record, frozen=True, kw_only=True):
    """What the speaker wants, before planning. `question` is what the robot asks back when it did
    not understand; then `steps` is empty."""

    command_id: Id
    text: Text
    steps: list[Step]
    question: Text = ""


class Plan(Record, frozen=True, kw_only=True):
    """Steps to run in order. An empty plan carries only an answer (`answer`)."""

    command_id: Id
    text: Text
    steps: list[Step]
    planner: Planner
    priority: Priority = "normal"
    answer: Text = ""
    speech_end_mono: float = 0.0


class Verdict(Record, frozen=True, kw_only=True):
    """The safety node's word on a plan. The executive runs only what arrives here as allowed."""

    command_id: Id
    allowed: bool
    reasons: list[Text]
    plan: Plan
    mono: float
    stop_epoch: Count = 0
    """In which the plan was checked."""


CommandState = Literal["accepted", "running", "succeeded", "failed", "rejected", "cancelled", "asked"]
FINAL_STATES: tuple[CommandState, ...] = ("succeeded", "failed", "rejected", "cancelled", "asked")
"""What a command's last record says."""
SILENT = {
    "language": "My planner does not answer.",
    "safety": "My safety monitor does not answer.",
    "navigation": "My navigation does not answer.",
    "manipulation": "My manipulation does not answer.",
    "executive": "I cannot act: my executive does not answer.",
}
"""What the robot says where one of these nodes does not answer."""
STOP_SAID = "stop was said"
"""Why something was ended, or may not be."""


class Status(Record, frozen=True, kw_only=True):
    """Progress of one command. The last record of a command has one of `FINAL_STATES`. `step`: of its plan's
    `steps`, counted from 0. `detail` is fit for a person: why it failed, what was asked back."""

    command_id: Id
    state: CommandState
    skill: Text = ""
    step: int = 0
    steps: int = 0
    detail: Text = ""
    mono: float


class TraceEvent(Record, frozen=True, kw_only=True):
    """One stage's work for one command, on the monotonic clock."""

    command_id: Id
    stage: Stage
    begin_mono: float
    end_mono: float
    detail: Text = ""

    @property
    def milliseconds(self) -> float:
        return (self.end_mono - self.begin_mono) * 1e3


class DetectedObject(Record, frozen=True, kw_only=True):
    """A tracked object. `position` is its centre in `map`; `size` is its extent along x, y, z of a
    frame turned by `yaw` about z (for round objects x = y = diameter)."""

    track_id: int
    kind: Text
    colour: Text
    position: Point
    size: Point
    yaw: float
    confidence: Unit
    last_seen: float
    """Stamp of the image in which it was last seen."""
    sightings: int = 1
    given_name: Name = ""
    """What its owner calls it; see `ObjectName`."""
    surface: Annotated[bytes, msgspec.Meta(max_length=MOST_SURFACE)] = b""
    """What is seen of it, where nothing more is known of its shape: points from `position` in the map's axes
    (`contract.surface_points`)."""

    @property
    def called(self) -> str:
        """What the robot calls it when it speaks: "red cup"."""
        return f"{self.colour} {self.kind or 'object'}".strip()

    @property
    def traits(self) -> tuple[str, ...]:
        """Of its size."""
        return traits_of(self.size)


class ObjectName(Record, frozen=True, kw_only=True):
    """What the owner calls a tracked object from now on: "mug" for "my mug"."""

    track_id: int
    name: Name


class ObjectList(Record, frozen=True, kw_only=True):
    """All tracked objects after one image, also those that are out of view now."""

    stamp: float
    objects: list[DetectedObject]
    capture_mono: float = 0.0
    """When the engine took the image."""


NavigationMode = Literal["go", "dock", "move", "turn", "cancel", "renew"]


class NavigationRequest(Record, frozen=True, kw_only=True):
    """Where to walk. go: plan a path to (x, y, yaw) in `map`. dock: short, precise final approach to
    (x, y, yaw), straight ahead in front of furniture. move: `distance` [m] ahead and `lateral` [m] left of
    where it stands. turn: by `angle` [rad]. cancel: stop and forget the goal. renew: `goal_id` is still
    wanted.

    lease: [s] after which the goal fails unless it was renewed meanwhile (see `contract.lease`); 0: it holds
    until it ends or is stopped."""

    goal_id: Id
    mode: NavigationMode
    lease: NotNegative = 0.0
    x: float = 0.0
    y: float = 0.0
    yaw: float = 0.0
    distance: float = 0.0
    lateral: float = 0.0
    angle: float = 0.0
    position_tolerance: float = 0.15
    yaw_tolerance: float = 0.15
    max_speed: float = 0.5
    stop_epoch: int = NOW


GoalState = Literal["active", "succeeded", "failed", "cancelled"]


class NavigationStatus(Record, frozen=True, kw_only=True):
    """How a request to walk goes."""

    goal_id: Id
    state: GoalState
    distance_remaining: float = 0.0
    detail: Text = ""


ManipulationAction = Literal["ready", "pick", "place", "carry", "home", "open", "cancel", "renew"]


class ManipulationRequest(Record, frozen=True, kw_only=True):
    """What the arms are to do. ready: raise empty arms, and what is held, so that the robot can dock at a
    table. pick: grasp `object` and lift it. place: set the held object down at `target` (map; z is the
    surface's height), or let go of it there, above the opening of `object`, of which the arm keeps clear.
    carry: bring the held object close to the body for walking. home: arms back to the walking pose. open:
    open the gripper. cancel: stop where it is. renew: `goal_id` is still wanted. lease: see
    `NavigationRequest`."""

    goal_id: Id
    action: ManipulationAction
    lease: NotNegative = 0.0
    arm: Arm | None = None
    """None lets the node choose (the arm on the object's side)."""
    object: DetectedObject | None = None
    target: Point | None = None
    surface_height: float = 0.0
    """Height of the surface under the object, or to dock at [m]; 0 if unknown."""
    stop_epoch: int = NOW


class ManipulationStatus(Record, frozen=True, kw_only=True):
    """How a request to the arms goes."""

    goal_id: Id
    state: GoalState
    action: ManipulationAction
    phase: Text = ""
    arm: Arm | None = None
    holding: bool = False
    gripper_width: float = 0.0
    detail: Text = ""
    planning_ms: float = 0.0
    stand_offset: Point = (0.0, 0.0, 0.0)
    """On failure for lack of reach: where the base should move (x, y, yaw in base_link)."""
    hopeless: bool = False
    """On failure: another try would end the same."""


class SafetyState(Record, frozen=True, kw_only=True):
    """What the gate does now. `ok`: velocities pass; `slowed`: limited; `stopped`: zero, recovers
    by itself; `estop`: latched until released by the service.

    stop_epoch grows with every stop, however it was asked for. What was asked for in an earlier epoch is void
    everywhere, whatever its id and however late it arrives. stop_stamp: ROS time of the last stop, or of when
    the clock was set back after it [s]."""

    level: Literal["ok", "slowed", "stopped", "estop"]
    reasons: list[Text]
    stop_epoch: Count = 0
    fallen: bool = False
    """The robot lies: `estop` until it is set up and released."""
    stop_stamp: float = 0.0


class Refusal(Record, frozen=True, kw_only=True):
    """A trajectory that safety did not let pass, or one under way that it ended."""

    arm: Arm
    part: Literal["arm", "gripper"] = "arm"
    stamp: float
    """Of the trajectory [s]."""
    reason: Text


class Say(Record, frozen=True, kw_only=True):
    """Words for the robot to speak. After a stop, what was to be said before it is not said any more."""

    command_id: Text = ""
    text: Text
    stop_epoch: int = NOW


Severity = Literal["warning", "critical"]
LoadIndex = Annotated[int, msgspec.Meta(ge=0, le=len(LOAD_LEVELS) - 1)]
"""A row of `LOAD_LEVELS`."""


class Alert(Record, frozen=True, kw_only=True):
    """A measured value has passed its threshold, or (`active` false) is back. One record when it is raised,
    one when a warning becomes critical, one when it is over."""

    component: Id
    metric: Id
    value: float
    threshold: float
    unit: Text = ""
    severity: Severity
    active: bool = True
    stamp: float
    mono: float

    @property
    def name(self) -> str:
        return f"{self.component}.{self.metric}"

    def __str__(self) -> str:
        what = self.severity if self.active else "over"
        unit = f" {self.unit}" if self.unit else ""
        return (
            f"{what}: {self.component} {self.metric} {self.value:.3g}{unit}, limit {self.threshold:g}{unit}"
        )


class StageFigures(Record, frozen=True, kw_only=True):
    """Latencies of one stage, or of the whole way ("total"), over the monitor's window [ms]; `over`: how
    many were over the limit. Percentiles are linear between neighbours."""

    stage: Id
    count: Count
    last: float
    p50: float
    p95: float
    p99: float
    worst: float
    over: Count
    limit: float
    goal: float


class NodeUsage(Record, frozen=True, kw_only=True):
    """One node: cpu [% of one core], memory [MB resident], both -1 where its process is not on this machine;
    silent: seconds since it last reported."""

    node: Id
    pid: int
    cpu: float
    memory: float
    silent: NotNegative
    level: Literal["ok", "warning", "error"] = "ok"
    message: Text = ""


class MetricFigures(Record, frozen=True, kw_only=True):
    """Of a metric that a node recorded. name: "node.type". average, min and max are since the monitor began,
    p95 is of the last 100. limit: its threshold, if it has one."""

    name: Text
    unit: Text
    count: Count
    last: float
    average: float
    min: float
    max: float
    p95: float
    limit: float | None = None


class MonitorState(Record, frozen=True, kw_only=True):
    """What the monitor measured, once a second. cpu [% of all cores], memory and disk [% used], sent and
    received [bytes/s of all network interfaces], rates [Hz of the ROS clock, by topic], throughput [commands
    answered for each second in which one waited, over the last minute; null if none did], errors [share of
    ended commands that failed], missed [deadlines missed a second: periods that a rate lacks, stages over
    their limit], metrics: what nodes recorded, figures: each node's key figures as in /diagnostics, by
    "node.name"."""

    stamp: float
    mono: float
    cpu: NotNegative
    memory: NotNegative
    disk: NotNegative
    sent: NotNegative
    received: NotNegative
    real_time_factor: float
    stages: list[StageFigures]
    rates: dict[str, float]
    throughput: NotNegative | None
    errors: Unit
    commands: Count
    """Commands accepted since the monitor began."""
    missed: NotNegative
    nodes: list[NodeUsage]
    alerts: list[Alert]
    """Those that are active now."""
    figures: dict[str, Text] = {}
    metrics: list[MetricFigures] = []
    load: LoadIndex = 0
    """The level to which load is shed."""


class Load(Record, frozen=True, kw_only=True):
    """How far load is shed, once a second: every row of `LOAD_LEVELS` up to `level` is in force. cause: why
    it last changed; since: when that was [s, monotonic], 0 if never; before: the level before that. cpu [% of
    all cores], memory [% used], missed [deadlines a second]: what was measured now."""

    level: LoadIndex
    name: Id
    before: LoadIndex = 0
    cause: Text = ""
    since: float
    cpu: NotNegative
    memory: NotNegative
    missed: NotNegative
    stamp: float
    mono: float

    @property
    def fresh(self) -> bool:
        """Whether the level has just changed."""
        return self.since == self.mono

    def __str__(self) -> str:
        way = "shed" if self.level > self.before else "restored"
        what = LOAD_LEVELS[max(self.level, self.before)].sheds
        return f"load level {self.level} ({self.name}): {way}: {what}; {self.cause}"


class ContactPair(Record, frozen=True, kw_only=True):
    """Two touching things, `model::link::collision` each, in alphabetical order."""

    a: Text
    b: Text
    force: float
    """Normal force [N]."""


class Contacts(Record, frozen=True, kw_only=True):
    """What touches what, by the simulator's truth."""

    stamp: float
    pairs: list[ContactPair]


class GroundTruth(Record, frozen=True, kw_only=True):
    """The simulator's truth, for checks, reports and pictures alone."""

    stamp: float
    robot: Pose7
    """Of `pelvis` in the world frame."""
    objects: dict[str, Pose7]
    fallen: bool
    clearance: float
    """Smallest distance [m] between the robot's body (feet and hands too) and any fixed or moving
    thing but the floor and the objects that can be picked up."""
    tools: dict[str, Point] = {}
    joints: list[float] = []
    """Positions in `facts.JOINTS` order."""
    real_time_factor: float = 0.0
    movers: dict[str, Pose7] = {}
    """What is carried along its waypoints, a person for instance, by model."""


class Disturbance(Record, frozen=True, kw_only=True):
    """What a scenario does to the simulated world: the loose model `name` is put at `pose`."""

    name: Id
    pose: Pose7


class Fault(Record, frozen=True, kw_only=True):
    """Something that is broken on purpose: a kind of `contract.faults.KINDS`. target: the node, topic or
    sensor; at: only there, a node. seconds: how long; 0: until it is ended. share: of the messages, the
    others pass. amount: how much, in the kind's unit; null: its usual one. seed: of what is random in it."""

    fault_id: Id
    kind: Id
    target: Text = ""
    at: Text = ""
    seconds: NotNegative = 0.0
    share: Unit = 1.0
    amount: float | None = None
    seed: Count = 0


class FaultRequest(Record, frozen=True, kw_only=True):
    """Asks whoever started the nodes for a fault to begin, or (`end`) for one of this id to end; "all": for
    all of them."""

    request_id: Id
    begin: Fault | None = None
    end: Text = ""


class FaultState(Record, frozen=True, kw_only=True):
    """The faults that are in force, at each change. answers: to the last requests by their id, why one was
    refused; "" if it was done."""

    faults: list[Fault]
    answers: dict[Id, Text] = {}
