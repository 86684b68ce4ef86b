"""What a viewer knows of a run: filled by the messages of one that goes on, or of a recorded one.

    state = ViewState()
    state.take("/joint_states", message, stamp)     # a ROS message, or the record of a record topic
    state.base, state.joints, state.path, state.command

Nothing here imports ROS: of a message only its fields are read. Positions are in `map` [m], angles in rad,
quaternions are w, x, y, z, stamps are seconds of the run's clock.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import msgspec
import numpy as np

from vla_sim.common.geometry import (
    Array,
    quaternion_from_rotation,
    rotation_from_quaternion,
    transform,
    yaw_from_quaternion,
)
from vla_sim.contract import records, topics
from vla_sim.contract.records import FINAL_STATES, Pose7

LOG = "/rosout"
"""ROS's own topic (rcl_interfaces/Log): the lines that nodes log."""
MOST_COMMANDS = 20
MOST_LINES = 200
"""Of the log, and of what was said and done."""
MACHINE = 1e8
"""[s] A stamp beyond it is of a machine's clock, not of a simulation."""
JUMP = 5.0
"""[s] by which a clock that goes back has been set."""
LEVELS = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "fatal"}
"""Of rcl_interfaces/Log, by its number."""


class Pose(NamedTuple):
    """In `map`."""

    position: tuple[float, float, float]
    quaternion: tuple[float, float, float, float]
    """w, x, y, z."""

    @property
    def yaw(self) -> float:
        return yaw_from_quaternion(self.quaternion)


class Picture(NamedTuple):
    """The head camera's newest image, and where the camera's robot was then."""

    stamp: float
    message: Any
    """sensor_msgs/Image, or CompressedImage of a recorded run."""
    base: Pose | None
    joints: dict[str, float]


class Costmap(NamedTuple):
    """What navigation plans with. cost: (rows, columns) uint8, 0 free to 100 occupied, 255 unknown; row 0 at
    the smallest y. (x0, y0): the outer corner of cell (0, 0) [m]."""

    stamp: float
    cost: np.ndarray
    x0: float
    y0: float
    resolution: float


class Line(NamedTuple):
    """One line of the log, or of what was said and done."""

    stamp: float
    kind: str
    """Of the log: debug, info, warning, error, fatal. Of events: said, heard, typed, done, stop, alert."""
    who: str
    text: str


class Bar(NamedTuple):
    """One stage's work for a command, from when the command was given [ms]."""

    stage: str
    begin: float
    end: float
    detail: str


@dataclass
class Command:
    """What became of one command. given: when its last word was said or it was typed [s, monotonic], 0 if
    that is not known."""

    command_id: str
    stamp: float
    text: str = ""
    spoken: bool = False
    given: float = 0.0
    plan: records.Plan | None = None
    verdict: records.Verdict | None = None
    status: records.Status | None = None
    traces: dict[str, records.TraceEvent] = field(default_factory=dict)
    """The first of each stage."""

    @property
    def over(self) -> bool:
        return self.status is not None and self.status.state in FINAL_STATES

    def steps(self) -> list[tuple[records.Step, str]]:
        """Those of its plan, each with what became of it: done, running, waiting, left out, forbidden by
        safety, or with what the command ended."""
        plan, status = self.plan, self.status
        found: list[tuple[records.Step, str]] = []
        for number, step in enumerate(plan.steps if plan else ()):
            if self.verdict is not None and not self.verdict.allowed:
                how = "forbidden"
            elif status is None or (number >= status.step and status.state == "accepted"):
                how = "waiting"
            elif status.state == "succeeded" or number < status.step:
                how = "done"
            elif number == status.step:
                how = status.state
            else:
                how = "left out" if self.over else "waiting"
            found.append((step, how))
        return found

    def waterfall(self) -> list[Bar]:
        """Its stages, in the order in which they began."""
        begins = [one.begin_mono for one in self.traces.values()]
        zero = self.given or min(begins, default=0.0)
        bars = [
            Bar(name, 1e3 * (one.begin_mono - zero), 1e3 * (one.end_mono - zero), one.detail)
            for name, one in self.traces.items()
        ]
        return sorted(bars, key=lambda bar: bar.begin)


class Memory(msgspec.Struct):
    """What nobody says again to a viewer that is started again. zero: as `ViewState` has it."""

    zero: float
    commands: list[Command]
    events: list[Line]
    alerts: list[Line]
    log: list[Line]


class ViewState:
    """now: the clock by which `age` tells how old something is [s]; of a recorded run, its own time.

    joints: name to angle [rad], grippers to opening [m]. map_to_odom, odom: (4, 4). truth: the simulator's,
    None on a robot. detected: what perception has found. scan: (n, 2) points in map. path: (n, 2). goal: of
    navigation (x, y, yaw), None without one. arm_goals: by side the joints that the trajectory under way
    ends with, and the stamp at which it does. velocity: what safety lets pass (m/s, m/s, rad/s). commands:
    the newest last. nodes: name to (level, message) as they report of themselves.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self.heard: dict[str, float] = {}
        """When each topic was heard last, by `now`."""
        self.stamp = self.zero = 0.0
        """Of the newest message; and the one that is called 0 s, where the clock is a machine's."""
        self.modelled = False
        """Whether latencies are modelled, as in lock-step, not measured."""
        self.joints: dict[str, float] = {}
        self.map_to_odom: Array = np.eye(4)
        self.odom: Array | None = None
        self.velocity = (0.0, 0.0, 0.0)
        self.truth: records.GroundTruth | None = None
        self.contacts: list[records.ContactPair] = []
        self.detected: list[records.DetectedObject] = []
        self.scan: Array = np.empty((0, 2))
        self.path: Array = np.empty((0, 2))
        self.goal: tuple[float, float, float] | None = None
        self.costmap: Costmap | None = None
        self.arm_goals: dict[str, tuple[dict[str, float], float]] = {}
        self.picture: Picture | None = None
        self.camera_info: Any = None
        self.commands: OrderedDict[str, Command] = OrderedDict()
        self.safety: records.SafetyState | None = None
        self.refusal: tuple[float, records.Refusal] | None = None
        self.manipulation: records.ManipulationStatus | None = None
        self.monitor: records.MonitorState | None = None
        self.load: records.Load | None = None
        self.faults: list[records.Fault] | None = None
        self.nodes: dict[str, tuple[str, str]] = {}
        self.alerts: deque[Line] = deque(maxlen=MOST_LINES)
        self.log: deque[Line] = deque(maxlen=MOST_LINES)
        self.events: deque[Line] = deque(maxlen=MOST_LINES)
        self._goal_id = ""
        self._takes: dict[str, Callable[[Any], None]] = {
            topics.JOINT_STATES.name: self._joint_states,
            topics.MAP_TO_ODOM.name: self._map_to_odom,
            topics.ODOM.name: self._odometry,
            topics.CMD_VEL.name: self._velocity,
            topics.GROUND_TRUTH.name: self._truth,
            topics.CONTACTS.name: self._contacts,
            topics.OBJECTS.name: self._objects,
            topics.SCAN.name: self._scan,
            topics.GLOBAL_PATH.name: self._path,
            topics.COSTMAP.name: self._costmap,
            topics.COLOR.name: self._image,
            f"{topics.COLOR.name}/compressed": self._image,
            topics.CAMERA_INFO.name: self._camera_info,
            topics.TRANSCRIPT.name: self._transcript,
            topics.COMMAND.name: self._typed,
            topics.PLAN.name: self._plan,
            topics.VERDICT.name: self._verdict,
            topics.STATUS.name: self._status,
            topics.TRACE.name: self._trace,
            topics.SAY.name: self._say,
            topics.SAFETY_STATE.name: self._safety,
            topics.REFUSAL.name: self._refusal,
            topics.NAVIGATION_REQUEST.name: self._navigation_request,
            topics.NAVIGATION_STATUS.name: self._navigation_status,
            topics.MANIPULATION_STATUS.name: self._manipulation_status,
            topics.MONITOR_STATE.name: self._monitor,
            topics.MONITOR_LOAD.name: self._load,
            topics.MONITOR_ALERTS.name: self._alert,
            topics.DIAGNOSTICS.name: self._diagnostics,
            topics.FAULTS.name: self._faults,
            LOG: self._log,
        }
        for side, topic in topics.ARM_TRAJECTORY.items():
            self._takes[topic.name] = partial(self._arm, side)

    @property
    def takes(self) -> tuple[str, ...]:
        """Names of the topics that it takes; what comes on others is let pass."""
        return tuple(self._takes)

    def take(self, topic: str, message: Any, stamp: float) -> None:
        """message: a ROS message, or the record of a record topic. stamp: when, by the run's clock [s]."""
        known = self._takes.get(topic)
        if known is None:
            return
        if not self.zero and stamp > MACHINE:
            self.zero = stamp
        # A clock may jump; messages of one moment come in any order.
        self.stamp = stamp if stamp < self.stamp - JUMP else max(self.stamp, stamp)
        self.heard[topic] = self._now()
        known(message)

    def memory(self) -> Memory:
        """As it is now."""
        commands = [replace(one, traces=dict(one.traces)) for one in self.commands.values()]
        return Memory(self.zero, commands, [*self.events], [*self.alerts], [*self.log])

    def restore(self, memory: Memory) -> None:
        """What was known before this viewer began."""
        self.zero = memory.zero
        self.commands.update((one.command_id, one) for one in memory.commands)
        self.events.extend(memory.events)
        self.alerts.extend(memory.alerts)
        self.log.extend(memory.log)

    def age(self, topic: topics.Topic) -> float:
        """Seconds since the topic was heard last; infinite before it was."""
        return self._now() - self.heard[topic.name] if topic.name in self.heard else math.inf

    @property
    def base(self) -> Pose | None:
        """Of the pelvis, as the robot itself believes; None before there is odometry."""
        return None if self.odom is None else _pose(self.map_to_odom @ self.odom)

    @property
    def true_base(self) -> Pose | None:
        """Of the pelvis, by the simulator's truth."""
        return None if self.truth is None else pose_of(self.truth.robot)

    @property
    def objects(self) -> dict[str, Pose]:
        """Movable objects by their model's name, by the simulator's truth."""
        return {name: pose_of(one) for name, one in self.truth.objects.items()} if self.truth else {}

    @property
    def people(self) -> dict[str, Pose]:
        """What is carried along its waypoints, by the simulator's truth."""
        return {name: pose_of(one) for name, one in self.truth.movers.items()} if self.truth else {}

    @property
    def command(self) -> Command | None:
        """The newest one that has a plan or an answer, else the newest."""
        for one in reversed(self.commands.values()):
            if one.plan is not None or one.status is not None:
                return one
        return next(reversed(self.commands.values()), None)

    def _of(self, command_id: str) -> Command:
        if command_id not in self.commands:
            self.commands[command_id] = Command(command_id, self.stamp)
            while len(self.commands) > MOST_COMMANDS:
                self.commands.popitem(last=False)
        return self.commands[command_id]

    def _note(self, kind: str, who: str, text: str) -> None:
        self.events.append(Line(self.stamp, kind, who, text))

    def _joint_states(self, message: Any) -> None:
        self.joints.update(zip(message.name, message.position, strict=False))

    def _map_to_odom(self, message: Any) -> None:
        t, r = message.transform.translation, message.transform.rotation
        found = _transform((t.x, t.y, t.z, r.w, r.x, r.y, r.z))
        self.map_to_odom = self.map_to_odom if found is None else found

    def _odometry(self, message: Any) -> None:
        p, q = message.pose.pose.position, message.pose.pose.orientation
        found = _transform((p.x, p.y, p.z, q.w, q.x, q.y, q.z))
        self.odom = self.odom if found is None else found

    def _velocity(self, message: Any) -> None:
        linear, angular = message.twist.linear, message.twist.angular
        if all(map(math.isfinite, (linear.x, linear.y, angular.z))):
            self.velocity = (linear.x, linear.y, angular.z)

    def _truth(self, truth: records.GroundTruth) -> None:
        self.truth = truth

    def _contacts(self, contacts: records.Contacts) -> None:
        self.contacts = contacts.pairs

    def _objects(self, found: records.ObjectList) -> None:
        self.detected = found.objects

    def _scan(self, message: Any) -> None:
        base = self.base
        if base is None:
            return
        ranges = np.asarray(message.ranges, dtype=float)
        angles = message.angle_min + message.angle_increment * np.arange(len(ranges)) + base.yaw
        good = np.isfinite(ranges) & (ranges > 0.0)
        ranges, angles = ranges[good], angles[good]
        x, y, _ = base.position
        self.scan = np.stack([x + ranges * np.cos(angles), y + ranges * np.sin(angles)], axis=1)

    def _path(self, message: Any) -> None:
        points = [(one.pose.position.x, one.pose.position.y) for one in message.poses]
        path = np.array(points).reshape(-1, 2)
        self.path = path[np.isfinite(path).all(axis=1)]

    def _costmap(self, message: Any) -> None:
        info = message.info
        cost = np.asarray(message.data, dtype=np.int8).view(np.uint8)
        if cost.size == info.height * info.width > 0:
            at = info.origin.position
            shape = (info.height, info.width)
            self.costmap = Costmap(self.stamp, cost.reshape(shape), at.x, at.y, info.resolution)

    def _image(self, message: Any) -> None:
        self.picture = Picture(self.stamp, message, self.base, dict(self.joints))

    def _camera_info(self, message: Any) -> None:
        self.camera_info = message

    def _arm(self, side: str, message: Any) -> None:
        if not message.points:
            self.arm_goals.pop(side, None)
            return
        last = message.points[-1]
        seconds = last.time_from_start.sec + 1e-9 * last.time_from_start.nanosec
        joints = dict(zip(message.joint_names, last.positions, strict=False))
        self.arm_goals[side] = (joints, self.stamp + seconds)

    def _transcript(self, heard: records.Transcript) -> None:
        one = self._of(heard.command_id)
        one.text, one.spoken, one.given = heard.text, True, heard.speech_end_mono
        words = f'"{heard.text}"' if heard.text else heard.reason or "nothing"
        self._note("heard", "voice", words if heard.complete else f"{words}, not understood")

    def _typed(self, typed: records.Command) -> None:
        one = self._of(typed.command_id)
        one.text, one.given = typed.text, typed.sent_mono
        self._note("typed", "you", f'"{typed.text}"')

    def _plan(self, plan: records.Plan) -> None:
        one = self._of(plan.command_id)
        one.plan, one.text = plan, one.text or plan.text

    def _verdict(self, verdict: records.Verdict) -> None:
        one = self._of(verdict.command_id)
        one.verdict = verdict
        one.plan = one.plan or verdict.plan
        if not verdict.allowed:
            self._note("stop", "safety", f"not allowed: {'; '.join(verdict.reasons)}")

    def _status(self, status: records.Status) -> None:
        one = self._of(status.command_id)
        before, one.status = one.status, status
        if before is None or (before.state, before.step) != (status.state, status.step):
            step = f"{status.skill} (step {status.step + 1} of {status.steps})" if status.skill else ""
            words = ", ".join(filter(None, [status.state, step, status.detail]))
            self._note("done", "executive", words)

    def _trace(self, event: records.TraceEvent) -> None:
        self._of(event.command_id).traces.setdefault(event.stage, event)

    def _say(self, say: records.Say) -> None:
        self._note("said", "robot", say.text)

    def _safety(self, state: records.SafetyState) -> None:
        before, self.safety = self.safety, state
        if before is None or (before.level, before.reasons) != (state.level, state.reasons):
            if state.level != "ok":
                self._note("stop", "safety", f"{state.level}: {'; '.join(state.reasons)}")
            elif before is not None:
                self._note("done", "safety", "motion is allowed again")
        if before is not None and before.stop_epoch != state.stop_epoch:
            self.goal, self.arm_goals, self.path = None, {}, np.empty((0, 2))

    def _refusal(self, refusal: records.Refusal) -> None:
        self.refusal = (self.stamp, refusal)
        self._note("stop", "safety", f"{refusal.arm} {refusal.part}: {refusal.reason}")

    def _navigation_request(self, request: records.NavigationRequest) -> None:
        if request.mode in ("go", "dock"):
            self.goal, self._goal_id = (request.x, request.y, request.yaw), request.goal_id
        elif request.mode != "renew":
            self.goal = None

    def _navigation_status(self, status: records.NavigationStatus) -> None:
        if status.state != "active":
            if status.goal_id == self._goal_id:
                self.goal = None
            self.path = np.empty((0, 2))

    def _manipulation_status(self, status: records.ManipulationStatus) -> None:
        self.manipulation = status
        if status.state != "active":
            self.arm_goals = {}

    def _monitor(self, state: records.MonitorState) -> None:
        self.monitor = state

    def _load(self, load: records.Load) -> None:
        self.load = load

    def _alert(self, alert: records.Alert) -> None:
        kind = alert.severity if alert.active else "over"
        self.alerts.append(Line(self.stamp, kind, alert.component, str(alert)))

    def _diagnostics(self, message: Any) -> None:
        for status in message.status:
            level = status.level if isinstance(status.level, int) else ord(status.level)
            if level == 3:  # stale: it has ended on purpose
                self.nodes.pop(status.name, None)
            else:
                self.nodes[status.name] = (("ok", "warning", "error")[min(level, 2)], status.message)

    def _faults(self, state: records.FaultState) -> None:
        self.faults = state.faults

    def _log(self, message: Any) -> None:
        level = LEVELS.get(message.level, "info")
        if level != "debug":
            self.log.append(Line(self.stamp, level, message.name, message.msg))


def _transform(pose: Pose7) -> Array | None:
    """(4, 4); None for what is no pose, as a fault may make of one: a page has no place for it."""
    if not all(map(math.isfinite, pose)) or not any(pose[3:]):
        return None
    return transform(pose[:3], rotation_from_quaternion(pose[3:]))


def pose_of(pose: Pose7) -> Pose:
    return Pose((pose[0], pose[1], pose[2]), (pose[3], pose[4], pose[5], pose[6]))


def matrix(pose: Pose) -> Array:
    """(4, 4)."""
    return transform(pose.position, rotation_from_quaternion(pose.quaternion))


def _pose(at: Array) -> Pose:
    x, y, z = at[:3, 3].tolist()
    w, i, j, k = quaternion_from_rotation(at[:3, :3]).tolist()
    return Pose((x, y, z), (w, i, j, k))
