"""Both arms under command: motions as generators that end when the arm is there.

Each generator yields once a tick. What it wants to send collects in `out`, what it knows comes from
`update`.
"""

import math
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from vla_sim.common.geometry import STANDARD_GRAVITY, Array, inverse
from vla_sim.contract.records import Arm, DetectedObject
from vla_sim.robot import facts
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.manipulation.grasp import Target
from vla_sim.stages.manipulation.planning_scene import Observation
from vla_sim.stages.manipulation.trajectory import (
    TOOL_SPEED,
    Trajectory,
    follow_line,
    joint_motion,
    line_motion,
    rounded,
    tool_line,
)

ASTRAY = 0.35
"""[rad] from its goal at which an arm counts as blocked; the walking policy itself moves it by 0.2."""
EMPTY = 0.008
"""Opening [m] below which nothing is between the pads."""
STILL = 0.0008
"""[m] that a gripper which has come to rest moves within `SETTLE` at most."""
SETTLE = 0.16
"""[s]"""
LOST_TIME = 0.15
"""[s] for which the width must say "empty" before an object counts as lost."""


@dataclass(frozen=True)
class Held:
    """What an arm holds. ahead, up [m]: the object's centre from the tool along the level approach and
    vertically; pitch [rad]: of the tool, downwards, when it closed; width [m] then."""

    arm: Arm
    item: DetectedObject
    target: Target
    ahead: float
    up: float
    pitch: float
    width: float


class GripperMonitor:
    """What one gripper's opening says: still moving, empty, or closed on something."""

    def __init__(self) -> None:
        self.width = 0.0
        self._past: deque[tuple[float, float]] = deque(maxlen=200)
        self._empty_since: float | None = None

    def update(self, time: float, width: float) -> None:
        self.width = width
        if self._past and time < self._past[-1][0]:
            self._past.clear()
            self._empty_since = None
        self._past.append((time, width))

    def still(self) -> bool:
        """The opening has not changed for `SETTLE`."""
        now = self._past[-1][0] if self._past else 0.0
        recent = [w for t, w in self._past if t >= now - SETTLE]
        old_enough = bool(self._past) and self._past[0][0] <= now - SETTLE
        return old_enough and max(recent) - min(recent) < STILL

    def fits(self, expected: float) -> bool:
        """The opening is that of a gripper closed on something about `expected` [m] wide."""
        return max(EMPTY, 0.5 * expected) < self.width < expected + 0.025

    def lost(self, expected: float) -> bool:
        """Something this wide is not between the pads any more; call it once an update."""
        now = self._past[-1][0] if self._past else 0.0
        if self.width > max(EMPTY, 0.35 * expected):
            self._empty_since = None
            return False
        if self._empty_since is None:
            self._empty_since = now
        return now - self._empty_since >= LOST_TIME


Motion = Generator[None, None, float]
"""Ends with how far from its goal the arm is: its tool [m], or without a tool goal its joints [rad]."""

ARRIVED = 0.006
"""[m] from its goal at which a world-held tool has arrived."""
ARRIVED_JOINTS = 0.06
"""[rad] from their goal at which joints have arrived."""
STEADY = 0.15
"""[s] for which it must be there."""
LATE = 1.2
"""[s] beyond its time after which a motion is judged as it is."""
GRIP_TIME = 2.0
"""[s] for which closing or opening may last."""


@dataclass(frozen=True)
class GripperCommand:
    side: str
    opening: float


class Arms:
    """out: what to send after this tick. grippers: each gripper's width."""

    def __init__(self, kinematics: Kinematics) -> None:
        self.out: list[Trajectory | GripperCommand] = []
        self.grippers = {side: GripperMonitor() for side in facts.SIDES}
        self._kinematics = kinematics
        self._senses: Observation | None = None
        self._moving: set[str] = set()

    def update(self, observation: Observation) -> None:
        self._senses = observation
        for side, gripper in self.grippers.items():
            gripper.update(
                observation.time, float(observation.joint_position[facts.FINGER_INDEX[side]].sum())
            )

    def take(self) -> list[Trajectory | GripperCommand]:
        """Everything to send now; it is forgotten here."""
        out, self.out = self.out, []
        return out

    @property
    def known(self) -> bool:
        return self._senses is not None

    @property
    def now(self) -> Observation:
        assert self._senses is not None, "tick first"
        return self._senses

    @property
    def waist(self) -> Array:
        return self.now.joint_position[facts.WAIST_INDEX]

    def joints(self, side: str) -> Array:
        """(7,) measured joints, within the limits (an encoder may read a little past them)."""
        chain = self._kinematics.arm[side]
        return np.clip(self.now.joint_position[facts.ARM_INDEX[side]], chain.low, chain.high)

    def tool(self, side: str) -> Array:
        """(4, 4) tool pose in odom."""
        return self.now.base @ self._kinematics.arm[side].forward(self.joints(side), self.waist)

    def load(self, side: str) -> float:
        """Mass [kg] that hangs on the hand, by what the motors do beyond holding the arm itself; 0 where no
        motor measures it."""
        now, chain = self.now, self._kinematics.arm[side]
        if now.joint_effort is None:
            return 0.0
        gravity = now.base[:3, :3].T @ (0.0, 0.0, -STANDARD_GRAVITY)
        q, waist = now.joint_position[facts.ARM_INDEX[side]], self.waist
        alone = chain.gravity_torque(q, waist, gravity)
        per_kilogram = chain.gravity_torque(q, waist, gravity, 1.0) - alone
        beyond = now.joint_effort[facts.ARM_INDEX[side]] - alone
        return float(per_kilogram @ beyond / max(per_kilogram @ per_kilogram, 1e-6))

    def halt(self) -> None:
        """Every moving arm stops where it is and stays there."""
        self.out += [Trajectory(side, np.zeros(0), np.zeros((0, 7))) for side in sorted(self._moving)]
        self._moving.clear()

    def line(self, side: str, goal: Array, speed: float = TOOL_SPEED, posture: Array | None = None) -> Motion:
        """The tool straight to `goal` (4, 4 in odom), held in the world."""
        now, chain = self.now, self._kinematics.arm[side]
        to_base, q, waist = inverse(now.base), self.joints(side), self.waist
        start = now.base @ chain.forward(q, waist)
        poses = np.array([to_base @ pose for pose in tool_line(start, goal)])
        path = follow_line(chain, q, waist, poses, posture)
        if path is None:  # a joint limit is in the way: around it, if that is not far
            found = chain.inverse(to_base @ goal, waist, q if posture is None else posture)
            if found is None or np.abs(found - q).max() > 1.0:
                return float(np.linalg.norm(start[:3, 3] - goal[:3, 3]))
            path = rounded([q, found])[1:]
        path = np.vstack([q, path])
        lengths = np.linspace(0.0, max(line_length(start, goal), 0.005), len(path))
        times, positions = line_motion(path, lengths, speed)
        return (yield from self.run(Trajectory(side, times, positions, "odom", now.time), goal))

    def follow(self, trajectory: Trajectory) -> None:
        """Send a trajectory, in place of what is left of the one before."""
        self.out.append(trajectory)
        self._moving.add(trajectory.side)

    def run(self, trajectory: Trajectory, goal: Array | None = None) -> Motion:
        """Send a trajectory and wait for its end. goal (4, 4): of the tool in odom."""
        side = trajectory.side
        self.follow(trajectory)
        began, since = self.now.time, math.inf
        while True:
            yield
            late = self.now.time - began - trajectory.duration
            if goal is not None:
                gap = float(np.linalg.norm(self.tool(side)[:3, 3] - goal[:3, 3]))
                there = gap < ARRIVED
            else:
                gap = float(np.abs(self.joints(side) - trajectory.positions[-1]).max())
                there = gap < ARRIVED_JOINTS
            since = min(since, self.now.time) if there and late > 0.0 else math.inf
            if self.now.time - since > STEADY or late > LATE:
                break
        self._moving.discard(side)
        return gap

    def postures(self, paths: dict[str, Array]) -> Motion:
        """Joint paths (n, 7) of one or both arms at once, in the pelvis frame; the largest joint error."""
        longest = 0.0
        for side, path in paths.items():
            times, positions = joint_motion(path)
            self.follow(Trajectory(side, times, positions))
            longest = max(longest, float(times[-1]))
        due = self.now.time + longest + 2 * STEADY
        while self.now.time < due or (self.now.time < due + LATE and self._gap(paths) > ASTRAY):
            yield  # past corners that are too sharp the controller takes longer than it was asked to
        self._moving.difference_update(paths)
        return self._gap(paths)

    def _gap(self, paths: dict[str, Array]) -> float:
        """[rad] of the joint that is farthest from where its path ends."""
        gaps = [np.abs(self.joints(side) - path[-1]).max() for side, path in paths.items()]
        return float(max(gaps, default=0.0))

    def grip(self, side: str, opening: float) -> Generator[None, None, None]:
        """Move a gripper until it comes to rest."""
        self.out.append(GripperCommand(side, opening))
        began = self.now.time
        yield
        while self.now.time - began < GRIP_TIME:
            if self.now.time - began > 0.3 and self.grippers[side].still():
                break
            yield


def line_length(start: Array, goal: Array) -> float:
    """Metres of a tool line; turning counts a little, so that it takes time too."""
    turn = math.acos(min(max((np.trace(start[:3, :3].T @ goal[:3, :3]) - 1.0) / 2.0, -1.0), 1.0))
    return float(np.linalg.norm(goal[:3, 3] - start[:3, 3]) + 0.1 * turn)
