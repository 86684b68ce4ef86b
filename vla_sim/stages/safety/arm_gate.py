"""The gate of the arms: no trajectory reaches the controller that is malformed, too fast, of before the last
stop, or that would lead the arm into the robot itself or into what lidar or depth camera see.

What is looked at is the path that was asked for, straight between its points, for the robot as it stands: not
what the controller's smoothing and the pelvis's sway make of it, which differ by some millimetres. The shapes
of arms and trunk and their kinematics are those that manipulation plans with (`robot.arm_body`,
`robot.kinematics`); how distances are measured and what is allowed is this module's own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, get_args

import numpy as np

from vla_sim.common.geometry import Array, gravity_in_base
from vla_sim.common.numba_cache import kernel
from vla_sim.contract.limits import (
    FARTHEST_BACK,
    LONGEST_TRAJECTORY,
    MAX_JOINT_SPEED,
    MAX_TOOL_SPEED,
    MOST_POINTS,
    SHORTEST_STEP,
)
from vla_sim.contract.records import STOP_SAID, Arm
from vla_sim.robot import facts
from vla_sim.robot.arm_body import BodyArgs, BodyModel
from vla_sim.robot.body_size import ARMS_AHEAD, HAND_RADIUS, HANDS
from vla_sim.robot.kinematics import WAIST, Kinematics
from vla_sim.robot.kinematics_kernels import chain_frames
from vla_sim.stages.safety.contact_force import FORCE_ROOM, FORCE_TIME, MAX_FORCE, contact_force
from vla_sim.stages.safety.trust import MOST_AHEAD

ROUNDING, WIDTH_ROUNDING = 1e-3, 2e-3
"""[rad] past a joint's limit, and [m] past the gripper's, that a position may lie by."""
JOINTS_TIMEOUT, POINTS_TIMEOUT, NEAR_TIMEOUT = 0.25, 0.5, 1.0
"""[s] of silence after which it is not known where the arms are, and what is around them; and after which
the depth camera's points count no more: without them arms move by the lidar's."""
STEP = 0.06
"""[rad] of the fastest joint between two looks at the way."""
CLOSE = 1e-3
"""[s] between two looks at both arms, within which no speed is to be told."""
SELF_GAP = -0.002
"""[m] of air between an arm and the own body; the fitted shapes are a little larger than the real ones."""
DEEP = 0.025
"""[m] by which the arm's surface would have to pass a lidar point: the lidar's noise has a standard deviation
of 0.01 m, the pelvis sways by as much, and a forearm may rest 7 mm above a table."""
LEAST_POINTS = 5
"""That it would have to pass."""
TOUCHED = 0.03
"""[m] around the arms as they are now within which a point is the arm's own, or touched already."""
NEAR_END = 0.15
"""[m] of the tool's way from its start and to its end on which the hand may touch: it comes from a thing that
it grasped or goes to one."""
LATE = 1.0
"""[s] after a trajectory's end at which the arm that went along it is at rest."""
SHOULDERS, AROUND = np.array([0.0, 0.0, 0.29]), 1.3
"""[m] between the shoulders of the upright trunk, and farther from there than any part of an arm can be."""
SWING = 0.03
"""[m] beyond the walking body's outline that is no stretched arm: the gait's, and the spheres' roundness."""
WRIST = WAIST + 6
"""From this frame of a chain on, it is the hand that touches."""
HAND_DEEP = 0.010
"""[m] like `DEEP`, of the hand: its spheres are smaller."""
LOOKS = 2
"""Clouds in a row that show something in the way of an arm that moves, until it holds: the noise of one does
not stop it."""


class Chain(NamedTuple):
    """An arm as kernels take it: see `kinematics_kernels`."""

    origin: Array
    axis: Array
    tool: Array


@kernel
def sphere_path(chain: Chain, body: BodyArgs, waist: Array, way: Array) -> Array:
    """(m, s + 1, 3) centres of an arm's spheres along its way (m, 7), gripper closed, and the tool, last."""
    joint, centre = body[0], body[1]
    n, bends = joint.shape[0], waist.shape[0]
    angles = np.empty(bends + way.shape[1])
    angles[:bends] = waist
    out = np.empty((way.shape[0], n + 1, 3))
    for k in range(way.shape[0]):
        angles[bends:] = way[k]
        frames = chain_frames(chain[0], chain[1], chain[2], angles)
        for i in range(n):
            t = frames[joint[i]]
            for r in range(3):
                out[k, i, r] = (
                    t[r, 0] * centre[i, 0] + t[r, 1] * centre[i, 1] + t[r, 2] * centre[i, 2] + t[r, 3]
                )
        out[k, n] = frames[-1, :3, 3]
    return out


@kernel
def squared_to_segment(points: Array, p: int, a: Array, i: int, b: Array, j: int, first: int) -> float:
    """Squared distance [m^2] from row p of `points` to the line from row i of a to row j of b, which begins
    at the column `first`."""
    along, square = 0.0, 0.0
    for r in range(3):
        d = b[j, first + r] - a[i, r]
        along += d * (points[p, r] - a[i, r])
        square += d * d
    share = 0.0 if square < 1e-24 else min(max(along / square, 0.0), 1.0)
    total = 0.0
    for r in range(3):
        d = points[p, r] - a[i, r] - share * (b[j, first + r] - a[i, r])
        total += d * d
    return total


@kernel
def apart(points: Array, p: int, other: Array) -> float:
    """Distance [m] from row p of `points` to `other` (3,)."""
    square = 0.0
    for r in range(3):
        square += (points[p, r] - other[r]) ** 2
    return math.sqrt(square)


@kernel
def self_gap(mine: Array, body: BodyArgs, others: Array, other_body: BodyArgs, trunk: Array) -> Array:
    """(m,) [m] the smallest gap between an arm and the trunk or the other arm at each posture of its way,
    the other arm being at the same row of `others`, or resting at its only one. mine (m, s + 1, 3), others:
    as of `sphere_path`; trunk (c, 7): capsules."""
    out = np.full(mine.shape[0], np.inf)
    radius, limb, other_radius, other_limb = body[2], body[4], other_body[2], other_body[4]
    middle, reach = np.zeros(3), 0.0
    for k in range(mine.shape[0]):
        now, other = mine[k], others[min(k, others.shape[0] - 1)]
        if k < others.shape[0]:  # a ball around the other arm, since most of what is near is the trunk
            reach = 0.0
            for r in range(3):
                middle[r] = other[:-1, r].mean()
            for j in range(other_radius.shape[0]):
                reach = max(reach, apart(other, j, middle) + other_radius[j])
        for i in range(radius.shape[0]):
            if not limb[i]:
                continue
            for c in range(trunk.shape[0]):
                far = math.sqrt(squared_to_segment(now, i, trunk, c, trunk, c, 3))
                out[k] = min(out[k], far - trunk[c, 6] - radius[i])
            if apart(now, i, middle) - reach - radius[i] >= out[k]:
                continue
            for j in range(other_radius.shape[0]):
                if other_limb[j]:
                    out[k] = min(out[k], apart(now, i, other[j]) - radius[i] - other_radius[j])
    return out


@kernel
def are_finite(numbers: Array) -> bool:
    """Whether all of (n, m) numbers are."""
    return bool(np.isfinite(numbers).all())


@kernel
def rises(times: Array, step: float) -> bool:
    """Whether times (n,) [s] rise by `step` or more each, the first one from 0, which it may be itself."""
    return (times[0] == 0.0 or times[0] >= step) and bool((times[1:] - times[:-1] >= step).all())


@kernel
def dense(times: Array, q: Array, step: float) -> tuple[Array, Array]:
    """(m,) times and (m, 7) postures along a path (n,), (n, 7), at most `step` [rad] apart."""
    length = np.zeros(len(times))
    for k in range(1, len(times)):
        length[k] = length[k - 1] + max(np.abs(q[k] - q[k - 1]).max(), 1e-9)
    at = np.linspace(0.0, length[-1], max(2, math.ceil(length[-1] / step) + 1))
    way = np.empty((len(at), q.shape[1]))
    for j in range(q.shape[1]):
        way[:, j] = np.interp(at, length, q[:, j])
    return np.interp(at, length, times), way


def merged(at: Array, theirs: Array) -> Array:
    """(m,) times of an arm's looks at its way, and those of the other arm's from the first one on; none
    within `CLOSE` of another."""
    i, ends = np.searchsorted(at, theirs), np.concatenate([[-np.inf], at, [np.inf]])
    apart = (theirs > at[0]) & (np.minimum(theirs - ends[i], ends[i + 1] - theirs) > CLOSE)
    return np.sort(np.concatenate([at, theirs[apart]]))


@kernel
def swept(
    at: Array, way: Array, waist: Array, chain: Chain, body: BodyArgs,
    others: Array, other_chain: Chain, other_body: BodyArgs, trunk: Array,
) -> tuple[Array, Array, float]:  # fmt: skip
    """An arm along its way (m, 7) at times (m,): its spheres as of `sphere_path`, the gaps as of `self_gap`,
    and how fast the tool is at most [m/s]. others (k, 7): the other arm's way, or where it rests."""
    mine = sphere_path(chain, body, waist, way)
    gaps = self_gap(mine, body, sphere_path(other_chain, other_body, waist, others), other_body, trunk)
    fastest = 0.0
    for k in range(1, len(at)):
        fastest = max(fastest, apart(mine[k], -1, mine[k - 1, -1]) / (at[k] - at[k - 1]))
    return mine, gaps, fastest


@kernel
def outside(points: Array, p: int, low: Array, high: Array, k: int) -> bool:
    """Whether row p of `points` is outside the box of row k."""
    out = False
    for r in range(3):
        out = out or points[p, r] < low[k, r] or points[p, r] > high[k, r]
    return out


@kernel
def is_touched(points: Array, p: int, arm: Array, radius: Array, touched: float, hand: float) -> bool:
    """Whether row p of `points` is within `touched` [m] of an arm (s + 1, 3) or `hand` of its tool."""
    for i in range(arm.shape[0]):
        square = 0.0
        for r in range(3):
            square += (points[p, r] - arm[i, r]) ** 2
        if square < (radius[i] + touched if i < radius.shape[0] else hand) ** 2:
            return True
    return False


@kernel
def passed_points(
    mine: Array, body: BodyArgs, other: Array, other_body: BodyArgs, points: Array, wrist: int, deep: float,
    hand_deep: float, near_end: float, touched: float, hand: float,
) -> int:  # fmt: skip
    """How many of the points (n, 3) the spheres of an arm pass by more than `deep` [m] on their way
    (m, s + 1, 3); of the hand's, from the frame `wrist` on, by more than `hand_deep`, and only where the tool
    is farther than `near_end` [m] from its start and its end. What either arm touches now (`is_touched`)
    does not count. other (t + 1, 3): the spheres of the other arm now."""
    joint, radius = body[0], body[2]
    last = mine.shape[0] - 1
    low, high = np.full((last + 1, 3), np.inf), np.full((last + 1, 3), -np.inf)
    free = np.empty(last + 1, dtype=np.bool_)
    for k in range(1, last + 1):  # the box of the step to each posture, and in row 0 of the whole way
        from_start, to_end = 0.0, 0.0
        for r in range(3):
            from_start += (mine[k, -1, r] - mine[0, -1, r]) ** 2
            to_end += (mine[k, -1, r] - mine[last, -1, r]) ** 2
            for i in range(radius.shape[0]):
                low[k, r] = min(low[k, r], min(mine[k - 1, i, r], mine[k, i, r]) - radius[i])
                high[k, r] = max(high[k, r], max(mine[k - 1, i, r], mine[k, i, r]) + radius[i])
            low[0, r], high[0, r] = min(low[0, r], low[k, r]), max(high[0, r], high[k, r])
        free[k] = min(from_start, to_end) > near_end * near_end
    hits = 0
    for p in range(points.shape[0]):
        if outside(points, p, low, high, 0) or is_touched(points, p, mine[0], radius, touched, hand):
            continue
        if is_touched(points, p, other, other_body[2], touched, hand):
            continue
        hit = False
        for k in range(1, last + 1):
            if hit or outside(points, p, low, high, k):
                continue
            for i in range(radius.shape[0]):
                if joint[i] >= wrist and not free[k]:
                    continue
                core = radius[i] - (hand_deep if joint[i] >= wrist else deep)
                if core > 0.0 and squared_to_segment(points, p, mine[k - 1], i, mine[k], i, 0) < core * core:
                    hit = True
                    break
        hits += hit
    return hits


@kernel
def within(points: Array, centre: Array, radius: float) -> Array:
    """Those of the points (n, 3) that are within `radius` [m] of `centre` (3,); none that are not finite."""
    out = np.empty_like(points)
    n = 0
    for p in range(points.shape[0]):
        square = 0.0
        for r in range(3):
            square += (points[p, r] - centre[r]) ** 2
        if square <= radius * radius:
            out[n] = points[p]
            n += 1
    return out[:n].copy()


@dataclass(frozen=True)
class Plan:
    """What was let through last: begin [s], times (n,) [s] from there, positions (n, 7). force: with which
    the arm may push [N]."""

    begin: float
    times: Array
    positions: Array
    force: float

    def over(self, now: float) -> bool:
        """Whether the arm is at rest at its end, and where it is felt; also where the clock was set back."""
        return not self.begin - MOST_AHEAD <= now <= self.begin + self.times[-1] + LATE

    def at(self, times: Array) -> Array:
        """(m, 7) where the arm is meant to be at `times` (m,) [s]."""
        t = times - self.begin
        return np.column_stack([np.interp(t, self.times, column) for column in self.positions.T])

    def left(self, now: float) -> Array:
        """(m, 7) the positions that are still to come."""
        return self.positions[self.begin + self.times > now]


@dataclass
class ArmGate:
    """Pure core: is a trajectory one that the arms may go along now? Times are seconds of the ROS clock.

    estop, stop_stamp: as safety has them; what is stamped before the last stop is void. refused: how many
    were not let through, or ended. position: (joints,) [rad] as felt last; None before.
    """

    kinematics: Kinematics
    estop: bool = False
    stop_stamp: float = 0.0
    refused: int = 0

    def __post_init__(self) -> None:
        self._model = BodyModel(self.kinematics)
        arms = self.kinematics.arm
        self._chain = {
            side: Chain(arms[side].origin, arms[side].axis, arms[side].tool) for side in facts.SIDES
        }
        self._body = {side: tuple(self._model.arm[side]) for side in facts.SIDES}
        self.position: Array | None = None
        self._joints_at = self._points_at = -math.inf
        self._trunk = np.zeros((0, 7))
        """Of the joints as felt last: made when they come, not while a trajectory waits for it."""
        self._points = np.zeros((0, 3))
        self._near, self._near_at = self._points, -math.inf
        self._walking = np.maximum((ARMS_AHEAD, HANDS), self._reach(facts.DEFAULT_POSE))
        self._beyond: tuple[float, float] | None = (0.0, 0.0)
        """Of the joints as felt last; None: not asked for yet."""
        self._plans: dict[str, Plan] = {}
        self._down = np.array([0.0, 0.0, -1.0])
        """(3,) the direction of gravity in the pelvis frame."""
        self._force = dict.fromkeys(facts.SIDES, 0.0)
        self._pushes = dict.fromkeys(facts.SIDES, math.inf)
        """Since when an arm has pushed too hard [s]."""
        self._seen = dict.fromkeys(facts.SIDES, 0)
        """Clouds in a row that showed something in an arm's way."""

    def on_attitude(self, orientation: tuple[float, float, float, float]) -> None:
        """Of the pelvis (w, x, y, z); one that is none is no measurement."""
        if abs(sum(one * one for one in orientation) - 1.0) < 0.1:
            self._down = np.array(gravity_in_base(orientation))

    def on_joints(self, position: Array, now: float, effort: Array | None = None) -> list[Arm]:
        """Take the joints; the sides of the arms that must hold, since on their way they push too hard.

        position (n,) [rad], effort (n,) [Nm]; what is not finite is no measurement, and without an effort
        no force is known.
        """
        if position.shape != (len(facts.JOINTS),) or not np.isfinite(position).all():
            return []
        self.position, self._joints_at, self._trunk = position, now, self._model.trunk(position)
        self._beyond = None
        return (
            [] if effort is None else [side for side in get_args(Arm) if self._pushes_hard(side, effort, now)]
        )

    def beyond(self) -> tuple[float, float]:
        """By how much [m] an arm reaches farther ahead, and farther to a side, than those of a robot that
        walks; 0 and 0 before any joints. Computed when it is asked for: a robot that stands need not know."""
        if self._beyond is None:
            assert self.position is not None
            ahead, aside = (self._reach(self.position) - self._walking - SWING).tolist()
            self._beyond = max(0.0, ahead), max(0.0, aside)
        return self._beyond

    def _reach(self, position: Array) -> Array:
        """(2,) [m] how far ahead of the pelvis, and to a side, the arms' surfaces are."""
        ends = []
        for side in facts.SIDES:
            spheres = self._resting(side, position)[:-1]
            out = np.column_stack([spheres[:, 0], np.abs(spheres[:, 1])])
            ends.append((out + self._model.arm[side].radius[:, None]).max(axis=0))
        return np.maximum(*ends)

    def _pushes_hard(self, side: str, effort: Array, now: float) -> bool:
        assert self.position is not None
        plan, i = self._plans.get(side), facts.ARM_INDEX[side]
        if plan is None or plan.over(now):
            self._force[side], self._pushes[side] = 0.0, math.inf
            return False
        chain = self.kinematics.arm[side]
        self._force[side] = contact_force(chain, self.position[i], self._waist, effort[i], self._down)
        if not self._force[side] > plan.force:
            self._pushes[side] = math.inf
            return False
        self._pushes[side] = min(self._pushes[side], now)
        if now - self._pushes[side] < FORCE_TIME:
            return False
        self.refused += 1
        self._pushes[side] = math.inf
        del self._plans[side]
        return True

    @property
    def _waist(self) -> Array:
        assert self.position is not None
        return self.position[facts.WAIST_INDEX]

    def doubt_joints(self) -> list[Arm]:
        """The joints are not where they are said to be; the sides of the arms that must hold."""
        held: list[Arm] = [side for side in get_args(Arm) if side in self._plans]
        self._joints_at = -math.inf
        self.refused += len(held)
        self.halt()
        return held

    def on_points(self, points: Array, now: float) -> None:
        """points (n, 3): lidar hits in the pelvis frame [m]; those that are not finite are dropped.

        What is out of reach is dropped here and not when a trajectory waits for it.
        """
        if np.isfinite(points).all(axis=1).any():
            self._points, self._points_at = within(np.ascontiguousarray(points), SHOULDERS, AROUND), now

    def on_near_points(self, points: Array, now: float) -> None:
        """As `on_points`, of the depth camera, which sees smaller and lower things."""
        self._near, self._near_at = within(np.ascontiguousarray(points), SHOULDERS, AROUND), now

    def obstructed(self, now: float) -> list[Arm]:
        """The sides of the arms that must hold, since something has come into what is left of their way. To
        be called once for each cloud of points."""
        return [side for side in get_args(Arm) if self._is_obstructed(side, now)]

    def _is_obstructed(self, side: str, now: float) -> bool:
        plan = self._plans.get(side)
        if plan is None or self.position is None or not len(left := plan.left(now)):
            self._seen[side] = 0
            return False
        way = np.vstack([self.position[facts.ARM_INDEX[side]], left])
        way = dense(np.arange(len(way), dtype=float), way, STEP)[1]
        mine = sphere_path(self._chain[side], self._body[side], self._waist, way)
        passed = self._points_passed(side, mine, now)
        self._seen[side] = self._seen[side] + 1 if passed >= LEAST_POINTS else 0
        if self._seen[side] < LOOKS:
            return False
        self.refused += 1
        self._seen[side] = 0
        del self._plans[side]
        return True

    def arm(
        self, side: str, names: Sequence[str], times: Array, positions: Array, velocities: Array | None,
        stamp: float, now: float,
    ) -> str:  # fmt: skip
        """Why a trajectory may not pass, fit for speaking; "" if it may, and then it counts as under way.

        Names in any order, which is that of the columns of positions and velocities (n, joints). stamp, now
        [s]. One without points lets the arm hold, wherever that is.
        """
        reason = self._void(stamp, now)
        if not reason and not len(times) and not len(positions):
            self._plans.pop(side, None)
            return ""
        reason = reason or self._malformed(side, names, times, positions, velocities)
        if not reason:
            order = [list(names).index(name) for name in facts.ARM_JOINTS[side]]
            speeds = None if velocities is None else velocities[:, order]
            reason = self._path(side, times, positions[:, order], speeds, now)
        self.refused += bool(reason)
        return reason

    def gripper(self, side: str, names: Sequence[str], positions: Array, stamp: float, now: float) -> str:
        """The same of a gripper's trajectory; positions (n, 1): openings [m]."""
        reason = self._void(stamp, now)
        if not reason and facts.HAND is None:
            reason = "there is no hand"
        if not reason and list(names) != [f"{side}_gripper"]:
            reason = f"the gripper's only joint is {side}_gripper, not {', '.join(names) or 'none'}"
        if not reason and not (
            positions.shape[1:] == (1,) and 1 <= len(positions) <= MOST_POINTS
            and (np.abs(positions - 0.5 * facts.WIDEST) <= 0.5 * facts.WIDEST + WIDTH_ROUNDING).all()
        ):  # fmt: skip
            reason = f"a gripper opens from 0 to {facts.WIDEST:g} metres"
        self.refused += bool(reason)
        return reason

    def halt(self) -> None:
        """The arms were made to stop: nothing is under way."""
        self._plans.clear()

    def _void(self, stamp: float, now: float) -> str:
        if self.estop:
            return "the emergency stop is on; release it first"
        if not math.isfinite(stamp) or stamp <= 0.0:
            return "it does not say of when it is"
        if stamp > now + MOST_AHEAD:
            return "it is of before the clock was set back"
        return f"{STOP_SAID} after that" if stamp < self.stop_stamp else ""

    def _malformed(
        self, side: str, names: Sequence[str], times: Array, positions: Array, velocities: Array | None
    ) -> str:
        joints = facts.ARM_JOINTS[side]
        if sorted(names) != sorted(joints):
            odd = sorted(set(names) ^ set(joints)) or list(names)
            return f"it must name the 7 joints of the {side} arm; wrong: {', '.join(odd[:3])}"
        n = len(times)
        if not 1 <= n <= MOST_POINTS or positions.shape != (n, 7):
            return f"it has {n} points of shape {positions.shape}; 1 to {MOST_POINTS} of 7 joints are allowed"
        if velocities is not None and velocities.shape != (n, 7):
            return f"its velocities have shape {velocities.shape}, not {(n, 7)}"
        if not all(are_finite(one) for one in (times[None], positions, velocities) if one is not None):
            return "it holds something that is not a finite number"
        if times[-1] > LONGEST_TRAJECTORY or not rises(times, SHORTEST_STEP):
            return f"its times must rise from 0 up to {LONGEST_TRAJECTORY:g} seconds"
        return ""

    def _path(self, side: str, times: Array, q: Array, velocities: Array | None, now: float) -> str:
        if self.position is None or not 0.0 <= now - self._joints_at <= JOINTS_TIMEOUT:
            return "I do not feel where my arms are"
        if not 0.0 <= now - self._points_at <= POINTS_TIMEOUT:
            return "my lidar sees nothing"
        model = self.kinematics.arm[side]
        low, high = model.low, model.high
        if ((q < low - ROUNDING) | (q > high + ROUNDING)).any():
            worst = int(np.maximum(low - q, q - high).max(axis=0).argmax())
            return f"{facts.ARM_JOINTS[side][worst]} would pass its limit"
        here = np.clip(self.position[facts.ARM_INDEX[side]], low, high)
        if times[0] == 0.0:  # the controller takes its time to get there
            lead = float(np.abs(q[0] - here).max()) / (0.5 * MAX_JOINT_SPEED)
            times = times + max(lead, SHORTEST_STEP)
        # In the one layout for which the kernels are compiled: columns that were put in order have another.
        times, q = np.concatenate([[0.0], times]), np.ascontiguousarray(np.vstack([here, q]))
        speed = float((np.abs(np.diff(q, axis=0)).max(axis=1) / np.diff(times)).max())
        if velocities is not None:
            speed = max(speed, float(np.abs(velocities).max()))
        if speed > MAX_JOINT_SPEED:
            return f"a joint would turn at {speed:.3g} rad/s, and {MAX_JOINT_SPEED:g} are allowed"
        return self._geometry(side, times, q, now)

    def _geometry(self, side: str, times: Array, q: Array, now: float) -> str:
        assert self.position is not None
        at, way = dense(times, q, STEP)
        other = "left" if side == "right" else "right"
        rests = self.position[facts.ARM_INDEX[other]]
        plan, others = self._plans.get(other), rests[None]
        if plan is not None and not plan.over(now):
            # Until both are at rest, and as closely as either moves.
            at = merged(at, plan.begin - now + dense(plan.times, plan.positions, STEP)[0])
            way = np.column_stack([np.interp(at, times, column) for column in q.T])
            others = plan.at(now + at)
        mine, gaps, fastest = swept(
            at, way, self._waist, self._chain[side], self._body[side],
            others, self._chain[other], self._body[other], self._trunk,
        )  # fmt: skip
        tools = mine[:, -1]
        if fastest > MAX_TOOL_SPEED:
            return f"my hand would move at {fastest:.2g} m/s, and {MAX_TOOL_SPEED:g} are allowed"
        if tools[:, 0].min() < min(FARTHEST_BACK, tools[0, 0] - 0.02):
            return "it would lead my hand behind my back"
        if gaps.min() < min(SELF_GAP, float(gaps[0]) - 0.002):  # an arm that touches may leave
            return "my arm would touch my own body"
        if self._points_passed(side, mine, now) >= LEAST_POINTS:
            return "something that I see is in the way of my arm"
        self._seen[side] = 0
        self._plans[side] = Plan(now, times, q, max(MAX_FORCE, self._force[side] + FORCE_ROOM))
        return ""

    def _resting(self, side: str, position: Array) -> Array:
        """(s + 1, 3) as of `sphere_path`, for joints (joints,)."""
        way, waist = position[None, facts.ARM_INDEX[side]], position[facts.WAIST_INDEX]
        out: Array = sphere_path(self._chain[side], self._body[side], waist, way)[0]
        return out

    def _points_passed(self, side: str, mine: Array, now: float) -> int:
        """How many points of what is seen an arm would pass on its way (m, s + 1, 3) from where it is."""
        assert self.position is not None
        points = self._points
        if 0.0 <= now - self._near_at <= NEAR_TIMEOUT:
            points = np.vstack([points, self._near])
        other = "left" if side == "right" else "right"
        resting = self._resting(other, self.position)
        return passed_points(
            mine, self._body[side], resting, self._body[other], points, WRIST, DEEP, HAND_DEEP, NEAR_END,
            TOUCHED, HAND_RADIUS,
        )  # fmt: skip

    def warm(self) -> None:
        """Compile (or load) the kernels before the first trajectory."""
        self.position, self._joints_at = facts.DEFAULT_POSE.copy(), 0.0
        self.on_points(np.array([[0.5, 0.0, 0.0]]), 0.0)
        for side in facts.SIDES:
            rest = facts.DEFAULT_POSE[facts.ARM_INDEX[side]]
            self.arm(side, facts.ARM_JOINTS[side], np.array([1.0]), rest[None], None, 1.0, 0.0)
        self.on_joints(facts.DEFAULT_POSE.copy(), 0.0, np.zeros(len(facts.JOINTS)))
        self.beyond()
        self.position, self._beyond = None, (0.0, 0.0)
        self._joints_at = self._points_at = -math.inf
        self.halt()
