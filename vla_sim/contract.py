"""The contract between the stages: topics, quality of service, payload records, budgets.

Units and axes follow REP-103 (metres, radians, seconds; x forward, y left, z up), frames REP-105
(`map`, `odom`, `base_link`). Two clocks appear and are never mixed:

* `stamp`: seconds of the ROS clock (simulated time in simulation), for behaviour;
* `mono`: seconds of the machine's monotonic clock (`time.monotonic()`), for latency.

A record travels as JSON in `std_msgs/String`. `decode` validates on receipt and raises
`PayloadError`; a node counts and logs that, and goes on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

import msgspec

# --------------------------------------------------------------------------- records

Finite = float  # JSON has no NaN or infinity, so a decoded float is always finite
Unit = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Text = Annotated[str, msgspec.Meta(max_length=4000)]
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Point = tuple[float, float, float]
Pose7 = tuple[float, float, float, float, float, float, float]
"""x, y, z, qw, qx, qy, qz"""

Skill = Literal[
    "navigate", "approach", "find", "pick", "place", "carry", "move", "turn", "stop", "wait", "say",
]
SKILLS: tuple[str, ...] = Skill.__args__  # type: ignore[attr-defined]
Priority = Literal["stop", "urgent", "normal", "background"]
PRIORITIES: tuple[str, ...] = Priority.__args__  # type: ignore[attr-defined]
Stage = Literal["voice", "intent", "planning", "perception", "safety", "control"]
STAGES: tuple[str, ...] = Stage.__args__  # type: ignore[attr-defined]


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all payload records."""


class ObjectQuery(Record, frozen=True, kw_only=True):
    """Which object is meant. An empty field means "any". `kind`: cup, ball, ...; `colour`: red, ..."""

    kind: Text = ""
    colour: Text = ""

    def __str__(self) -> str:
        return f"{self.colour} {self.kind or 'object'}".strip()


class Step(Record, frozen=True, kw_only=True):
    """One skill of a plan with its arguments; which ones a skill uses is in `STEP_FIELDS`."""

    skill: Skill
    object: ObjectQuery | None = None
    place: Text = ""
    """A place or surface of the world, or "user": the pose at which the command was received."""
    distance: float | None = None
    """[m]; move: forward positive, backward negative."""
    angle: float | None = None
    """[rad]; turn: left (counter-clockwise) positive."""
    lateral: float | None = None
    """[m]; move: left positive."""
    seconds: float | None = None
    text: Text = ""


STEP_FIELDS: dict[str, tuple[str, ...]] = {
    "navigate": ("place",),
    "approach": ("object",),
    "find": ("object", "place"),
    "pick": ("object",),
    "place": ("place",),
    "carry": ("place",),
    "move": ("distance", "lateral"),
    "turn": ("angle",),
    "stop": (),
    "wait": ("seconds",),
    "say": ("text",),
}


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
    planner: Literal["rules", "llm", "cache"]
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


CommandState = Literal["accepted", "running", "succeeded", "failed", "rejected", "cancelled", "asked"]
FINAL_STATES: tuple[CommandState, ...] = ("succeeded", "failed", "rejected", "cancelled", "asked")
"""What a command's last record says."""


class Status(Record, frozen=True, kw_only=True):
    """Progress of one command. The last record of a command has one of `FINAL_STATES`. `detail` is fit
    for a person: why it failed, what was asked back."""

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


class ObjectList(Record, frozen=True, kw_only=True):
    """All tracked objects after one image, also those that are out of view now."""

    stamp: float
    objects: list[DetectedObject]
    capture_mono: float = 0.0
    """When the engine took the image."""


NavigationMode = Literal["go", "dock", "move", "turn", "cancel"]


class NavigationRequest(Record, frozen=True, kw_only=True):
    """go: plan a path to (x, y, yaw) in `map`. dock: short, precise final approach to (x, y, yaw),
    straight ahead in front of furniture. move: `distance` [m] ahead and `lateral` [m] left of where
    it stands. turn: by `angle` [rad]. cancel: stop and forget the goal."""

    goal_id: Id
    mode: NavigationMode
    x: float = 0.0
    y: float = 0.0
    yaw: float = 0.0
    distance: float = 0.0
    lateral: float = 0.0
    angle: float = 0.0
    position_tolerance: float = 0.15
    yaw_tolerance: float = 0.15
    max_speed: float = 0.5


GoalState = Literal["active", "succeeded", "failed", "cancelled"]


class NavigationStatus(Record, frozen=True, kw_only=True):
    goal_id: Id
    state: GoalState
    distance_remaining: float = 0.0
    detail: Text = ""


ManipulationAction = Literal["ready", "pick", "place", "carry", "home", "open", "cancel"]
Arm = Literal["left", "right"]


class ManipulationRequest(Record, frozen=True, kw_only=True):
    """ready: raise the arm that will reach so that the robot can dock at a table. pick: grasp
    `object` and lift it. place: set the held object down at `target` (map; z is the surface's
    height). carry: bring the held object close to the body for walking. home: arms back to the
    walking pose. open: open the gripper. cancel: stop where it is."""

    goal_id: Id
    action: ManipulationAction
    arm: Arm | None = None
    """None lets the node choose (the arm on the object's side)."""
    object: DetectedObject | None = None
    target: Point | None = None
    surface_height: float = 0.0
    """Height of the surface under the object [m]; 0 if unknown."""


class ManipulationStatus(Record, frozen=True, kw_only=True):
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


class SafetyState(Record, frozen=True, kw_only=True):
    """What the gate does now. `ok`: velocities pass; `slowed`: limited; `stopped`: zero, recovers
    by itself; `estop`: latched until released by the service."""

    level: Literal["ok", "slowed", "stopped", "estop"]
    reasons: list[Text]
    stop_command_id: Text = ""
    """The id of the last heard "stop": the executive cancels everything older."""
    stop_mono: float = 0.0


class Say(Record, frozen=True, kw_only=True):
    """Words for the robot to speak."""

    command_id: Text = ""
    text: Text


Severity = Literal["warning", "critical"]
NotNegative = Annotated[float, msgspec.Meta(ge=0.0)]
Count = Annotated[int, msgspec.Meta(ge=0)]
LoadIndex = Annotated[int, msgspec.Meta(ge=0, le=5)]
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


class MonitorState(Record, frozen=True, kw_only=True):
    """What the monitor measured, once a second. cpu [% of all cores], memory and disk [% used], sent and
    received [bytes/s of all network interfaces], rates [Hz of the ROS clock, by topic], throughput [commands
    accepted a second, over the last minute], errors [share of ended commands that failed], missed [deadlines
    missed a second: periods that a rate lacks, stages over their limit], figures: each node's key figures as
    in /diagnostics, by "node.name"."""

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
    throughput: NotNegative
    errors: Unit
    commands: Count
    """Commands accepted since the monitor began."""
    missed: NotNegative
    nodes: list[NodeUsage]
    alerts: list[Alert]
    """Those that are active now."""
    figures: dict[str, Text] = {}
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
        """Whether this record tells of a step, not that all is as before."""
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
    """Positions in `g1.JOINTS` order."""
    real_time_factor: float = 0.0
    movers: dict[str, Pose7] = {}
    """What is carried along its waypoints, a person for instance, by model."""


class Disturbance(Record, frozen=True, kw_only=True):
    """What a scenario does to the simulated world. move: put the loose model `name` at `pose`. freeze: node
    `name` stands still for `seconds` (lock-step; elsewhere its process is stopped). silent, nan: sensor
    `name` ("lidar", "camera") sends nothing, or no numbers, for `seconds`."""

    kind: Literal["move", "freeze", "silent", "nan"]
    name: Id
    pose: Pose7 = (0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)
    seconds: float = 0.0


class PayloadError(ValueError):
    """A payload that does not fit its record; the message names the record, field and value."""


R = TypeVar("R", bound=Record)
_encoder = msgspec.json.Encoder()
_decoders: dict[type, msgspec.json.Decoder[Any]] = {}


def encode(record: Record) -> str:
    """JSON of a record. Raises `PayloadError` if a number is not finite (JSON has no such number)."""
    for name, value in _floats(record):
        if not math.isfinite(value):
            raise PayloadError(f"{type(record).__name__}.{name} is {value}; it must be finite")
    return _encoder.encode(record).decode()


def prepare(kind: type[R]) -> msgspec.json.Decoder[R]:
    """Build the decoder of a record ahead of its first payload."""
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    return decoder


def decode(kind: type[R], payload: str | bytes) -> R:
    """The record in `payload`. Raises `PayloadError` with the reason and the payload's beginning."""
    try:
        return prepare(kind).decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        head = payload[:80]
        raise PayloadError(f"not a {kind.__name__}: {error}; got {head!r}") from None


def _floats(value: Any, name: str = "") -> list[tuple[str, float]]:
    if isinstance(value, float):
        return [(name, value)]
    if isinstance(value, msgspec.Struct):
        return [
            item
            for field in value.__struct_fields__
            for item in _floats(getattr(value, field), f"{name}.{field}" if name else field)
        ]
    if isinstance(value, dict):
        return [item for key, one in value.items() for item in _floats(one, f"{name}[{key!r}]")]
    if isinstance(value, (list, tuple)):
        return [item for i, one in enumerate(value) for item in _floats(one, f"{name}[{i}]")]
    return []


# --------------------------------------------------------------------------- topics

Qos = Literal["sensor", "reliable", "latched"]
"""sensor: best effort, newest only. reliable: depth 50. latched: reliable, the last one is kept
for late joiners (transient local)."""


@dataclass(frozen=True)
class Topic:
    """`type` is a ROS type name, or a `Record` class that travels as JSON in std_msgs/String."""

    name: str
    type: str | type[Record]
    qos: Qos = "reliable"
    truth: bool = False
    """Simulator's truth: no stage of the stack may subscribe."""


CLOCK = Topic("/clock", "rosgraph_msgs/msg/Clock", "sensor")
JOINT_STATES = Topic("/joint_states", "sensor_msgs/msg/JointState", "sensor")
IMU = Topic("/imu", "sensor_msgs/msg/Imu", "sensor")
ODOM = Topic("/odom", "nav_msgs/msg/Odometry", "sensor")
SCAN = Topic("/scan", "sensor_msgs/msg/LaserScan", "sensor")
POINTS = Topic("/points", "sensor_msgs/msg/PointCloud2", "sensor")
COLOR = Topic("/head_camera/color/image_raw", "sensor_msgs/msg/Image", "sensor")
DEPTH = Topic("/head_camera/depth/image_raw", "sensor_msgs/msg/Image", "sensor")
CAMERA_INFO = Topic("/head_camera/color/camera_info", "sensor_msgs/msg/CameraInfo", "sensor")

AUDIO = Topic("/voice/audio", "std_msgs/msg/Int16MultiArray", "reliable")
TRANSCRIPT = Topic("/voice/transcript", Transcript)
SAY = Topic("/voice/say", Say)
COMMAND = Topic("/vla/command", Command)
INTENT = Topic("/vla/intent", Intent)
PLAN = Topic("/vla/plan", Plan)
VERDICT = Topic("/vla/verdict", Verdict)
STATUS = Topic("/vla/status", Status)
TRACE = Topic("/vla/trace", TraceEvent)
OBJECTS = Topic("/perception/objects", ObjectList)
DEPTH_SCAN = Topic("/perception/depth_scan", "sensor_msgs/msg/LaserScan", "sensor")
"""The depth camera's obstacles flattened to a level scan in base_link: what is too low and too near
for the head lidar."""

MAP_TO_ODOM = Topic("/localization/map_to_odom", "geometry_msgs/msg/TransformStamped", "latched")
NAVIGATION_GOAL = Topic("/navigation/goal", "geometry_msgs/msg/PoseStamped")
NAVIGATION_REQUEST = Topic("/navigation/request", NavigationRequest)
NAVIGATION_STATUS = Topic("/navigation/status", NavigationStatus)
GLOBAL_PATH = Topic("/plan", "nav_msgs/msg/Path")
CMD_VEL_NAV = Topic("/cmd_vel_nav", "geometry_msgs/msg/TwistStamped")
CMD_VEL = Topic("/cmd_vel", "geometry_msgs/msg/TwistStamped")

MANIPULATION_REQUEST = Topic("/manipulation/request", ManipulationRequest)
MANIPULATION_STATUS = Topic("/manipulation/status", ManipulationStatus)
ARM_TRAJECTORY: dict[str, Topic] = {
    side: Topic(f"/{side}_arm/joint_trajectory", "trajectory_msgs/msg/JointTrajectory")
    for side in ("left", "right")
}
"""`header.frame_id` decides what the follower holds still. "base_link" (or empty): the joints follow
the trajectory. "odom": the tool follows, in the world, the path that the joints would have drawn
from the pelvis pose at `header.stamp`; the follower corrects for the pelvis's sway at every tick."""
GRIPPER_TRAJECTORY: dict[str, Topic] = {
    side: Topic(f"/{side}_gripper/joint_trajectory", "trajectory_msgs/msg/JointTrajectory")
    for side in ("left", "right")
}
"""One joint, `{side}_gripper`: its position is the opening between the fingers [m]."""

SAFETY_STATE = Topic("/safety/state", SafetyState)
ESTOP_SERVICE = "/safety/estop"  # std_srvs/SetBool
DIAGNOSTICS = Topic("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray")
MONITOR_ALERTS = Topic("/monitor/alerts", Alert)
MONITOR_STATE = Topic("/monitor/state", MonitorState)
MONITOR_LOAD = Topic("/monitor/load", Load, "latched")
MONITOR_SERVICE = "/monitor/report"  # std_srvs/Trigger: the last minutes as text

GROUND_TRUTH = Topic("/sim/ground_truth", GroundTruth, truth=True)
CONTACTS = Topic("/sim/contacts", Contacts, truth=True)
DISTURB = Topic("/sim/disturb", Disturbance, truth=True)
RESET_SERVICE = "/sim/reset"  # std_srvs/Trigger

TOPICS: tuple[Topic, ...] = (
    CLOCK, JOINT_STATES, IMU, ODOM, SCAN, POINTS, COLOR, DEPTH, CAMERA_INFO,
    AUDIO, TRANSCRIPT, SAY, COMMAND, INTENT, PLAN, VERDICT, STATUS, TRACE, OBJECTS, DEPTH_SCAN,
    MAP_TO_ODOM, NAVIGATION_GOAL, NAVIGATION_REQUEST, NAVIGATION_STATUS, GLOBAL_PATH,
    CMD_VEL_NAV, CMD_VEL, MANIPULATION_REQUEST, MANIPULATION_STATUS,
    *ARM_TRAJECTORY.values(), *GRIPPER_TRAJECTORY.values(),
    SAFETY_STATE, DIAGNOSTICS, MONITOR_ALERTS, MONITOR_STATE, MONITOR_LOAD, GROUND_TRUTH, CONTACTS,
    DISTURB,
)  # fmt: skip

# --------------------------------------------------------------------------- budgets


@dataclass(frozen=True)
class Budget:
    """Milliseconds: `limit` is what the book allows, `goal` what this project aims at."""

    limit: float
    goal: float


BUDGETS: dict[str, Budget] = {
    "voice": Budget(300.0, 150.0),  # last voiced sample to transcript
    "intent": Budget(200.0, 10.0),
    "planning": Budget(1000.0, 10.0),
    "perception": Budget(300.0, 50.0),  # image taken to objects published
    "safety": Budget(100.0, 10.0),  # plan received to verdict
    "control": Budget(100.0, 50.0),  # verdict to first motion
}
TOTAL_BUDGET = Budget(2000.0, 1000.0)  # last voiced sample to first motion

COSTS: dict[str, float] = {
    "voice": 0.060, "intent": 0.002, "planning": 0.005, "llm": 0.5, "perception": 0.040, "safety": 0.002,
    "navigation": 0.010, "manipulation": 0.150,
}  # fmt: skip
"""Seconds that a stage's work is charged in lock-step where nothing else is said: rounded up from what
these stages take on two cores. llm: one answer of the model's server, whatever it says: 0.19 to 0.42 s of one
core with the local model, its prompt read."""


CRITICAL = 1.2
"""An alert is critical from so many times its threshold; where low is bad, from the threshold over it."""


@dataclass(frozen=True)
class Threshold:
    """Where an alert is raised: `value` or more, or less than it where `below`; and where it is over:
    `clear`. after: how many measurements in a row it takes, either way."""

    component: str
    metric: str
    value: float
    unit: str
    clear: float
    below: bool = False
    after: int = 1

    @property
    def name(self) -> str:
        return f"{self.component}.{self.metric}"


THRESHOLDS: dict[str, Threshold] = {t.name: t for t in (
    Threshold("voice", "response", 2.0, "s", 1.8),  # last voiced sample to first motion
    Threshold("llm", "response", 5.0, "s", 4.5),  # intent to plan
    # The nominal rates are the limits themselves, so there is no room above them: it is enough to be back.
    Threshold("perception", "rate", 10.0, "Hz", 10.0, below=True, after=3),
    Threshold("control", "rate", 50.0, "Hz", 50.0, below=True, after=3),
    Threshold("system", "cpu", 80.0, "%", 72.0, after=3),
    Threshold("system", "memory", 80.0, "%", 76.0, after=3),
    Threshold("system", "disk", 90.0, "%", 88.0, after=3),
    Threshold("commands", "errors", 0.1, "", 0.08),
    Threshold("node", "silence", 5.0, "s", 2.5),
)}  # fmt: skip
"""The book's limits, by name. "node" stands for every node by its own name."""


@dataclass(frozen=True)
class LoadLevel:
    """What stages do at one level of load. sheds: what this level gives up that the one before did not.

    background: whether commands of that priority begin, and point clouds are sent. language_model: whether
    it is asked. perception_rate: most images a second. camera_shrink: every so-many-th pixel each way.
    joint_rate: most joint states and IMU readings a second. gate_rate: most velocities a second.
    """

    name: str
    sheds: str
    background: bool = True
    language_model: bool = True
    perception_rate: float = math.inf
    camera_shrink: int = 1
    joint_rate: float = math.inf
    gate_rate: float = math.inf


LOAD_LEVELS: tuple[LoadLevel, ...] = (
    LoadLevel("full", "nothing"),
    LoadLevel("background", "background commands wait, no point clouds", False),
    LoadLevel("rules", "the language model is not asked, the rules plan", False, False),
    LoadLevel("perception", "images and objects 5 times a second", False, False, 5.0),
    LoadLevel("resolution", "images of half the width and height", False, False, 5.0, 2),
    LoadLevel(
        "control", "joint states 25 times a second, velocities no more than 50", False, False, 5.0, 2, 25.0,
        50.0,
    ),
)  # fmt: skip
"""What is given up under load, in this order, and given back in the reverse one.

What nobody waits for goes first. Then what has a full substitute: the rules understand the main job's
commands, and a model on the same machine is the largest load of all. Then how fresh the picture of the room
is, which things that stand still do not need; then how sharp it is, which far and small things and a firm
grasp do need. Last what is nearest to motion, and there only what is told of it: the control loop, odometry,
lidar and the gate keep their 50, 50, 10 and 50 Hz, and perception never falls under the 5 Hz that
manipulation asks for.
"""
LOAD_SILENCE = 3.0
"""[s] without a word on the load after which a stage works in full again: the monitor is gone."""


RESOURCE_SHARES = {"cpu": 0.8, "memory": 0.8, "disk": 0.9}
"""How much of the machine may be reserved; the rest is its own."""
NETWORK_LIMIT = 100.0
"""[MB/s] that may be reserved."""
RESERVATION_SECONDS = 3600.0
"""After which a reservation that is not renewed has expired."""
