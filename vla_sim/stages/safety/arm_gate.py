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
from numpy.typing import NDArray

from vla_sim.common.geometry import Array, gravity_in_base
from vla_sim.common.numba_cache import kernel
from vla_sim.contract.limits import FARTHEST_BACK, MAX_JOINT_SPEED, MAX_TOOL_SPEED
from vla_sim.contract.records import Arm
from vla_sim.robot import g1
from vla_sim.robot.arm_body import BodyArgs, BodyModel
from vla_sim.robot.body_size import HAND_RADIUS
from vla_sim.robot.kinematics import WAIST, Kinematics
from vla_sim.robot.kinematics_kernels import chain_frames
from vla_sim.stages.safety.contact_force import FORCE_ROOM, FORCE_TIME, MAX_FORCE, contact_force

MOST_POINTS = 10_000
LONGEST = 120.0
"""[s] of a trajectory."""
SHORTEST = 1e-4
"""[s] from one point to the next."""
ROUNDING, WIDTH_ROUNDING = 1e-3, 2e-3
"""[rad] past a joint's limit, and [m] past the gripper's, that a position may lie by."""
WIDEST = 2.0 * g1.FINGER_STROKE
JOINTS_TIMEOUT, POINTS_TIMEOUT, NEAR_TIMEOUT = 0.25, 0.5, 1.0
"""[s] of silence after which it is not known where the arms are, and what is around them; and after which
the depth camera's points count no more: without them arms move by the lidar's."""
STEP = 0.06
"""[rad] of the fastest joint between two looks at the way."""
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
REACH = 0.90
"""[m] from the shoulder, beyond which no point matters."""
WRIST = WAIST + 6
"""From this frame of a chain on, it is the hand that touches."""
HAND_DEEP = 0.010
"""[m] like `DEEP`, of the hand: its spheres are smaller."""


class Chain(NamedTuple):
    """An arm as kernels take it: see `kinematics_kernels`."""

    origin: Array
    axis: Array
    tool: Array


@kernel
def spheres(chain: Chain, body: BodyArgs, waist: Array, q: Array) -> Array:
    """(s + 1, 3) centres of an arm's spheres at joints q (7,), gripper closed, and the tool, last."""
    joint, centre = body[0], body[1]
    angles = np.empty(waist.shape[0] + q.shape[0])
    angles[: waist.shape[0]] = waist
    angles[waist.shape[0] :] = q
    frames = chain_frames(chain[0], chain[1], chain[2], angles)
    n = joint.shape[0]
    out = np.empty((n + 1, 3))
    for i in range(n):
        t = frames[joint[i]]
        for r in range(3):
            out[i, r] = t[r, 0] * centre[i, 0] + t[r, 1] * centre[i, 1] + t[r, 2] * centre[i, 2] + t[r, 3]
    out[n] = frames[-1, :3, 3]
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
def self_gap(
    chain: Chain, body: BodyArgs, way: Array, other: Chain, other_body: BodyArgs, other_way: Array,
    waist: Array, trunk: Array,
) -> tuple[Array, Array]:  # fmt: skip
    """(m,) [m] the smallest gap between an arm and the trunk or the other arm at each posture of `way`
    (m, 7), the other arm being at the same row of `other_way`, or resting at its only one; (m, 3) the tool
    there. trunk (c, 7): capsules."""
    out, tools = np.full(way.shape[0], np.inf), np.empty((way.shape[0], 3))
    others = spheres(other, other_body, waist, other_way[0])
    radius, limb, other_radius, other_limb = body[2], body[4], other_body[2], other_body[4]
    for k in range(way.shape[0]):
        mine = spheres(chain, body, waist, way[k])
        tools[k] = mine[-1]
        if 0 < k < other_way.shape[0]:
            others = spheres(other, other_body, waist, other_way[k])
        for i in range(radius.shape[0]):
            if not limb[i]:
                continue
            for c in range(trunk.shape[0]):
                far = math.sqrt(squared_to_segment(mine, i, trunk, c, trunk, c, 3))
                out[k] = min(out[k], far - trunk[c, 6] - radius[i])
            for j in range(other_radius.shape[0]):
                if not other_limb[j]:
                    continue
                far = 0.0
                for r in range(3):
                    far += (mine[i, r] - others[j, r]) ** 2
                out[k] = min(out[k], math.sqrt(far) - radius[i] - other_radius[j])
    return out, tools


@kernel
def passed_points(
    chain: Chain, body: BodyArgs, way: Array, waist: Array, points: Array, wrist: int, deep: float,
    hand_deep: float, near_end: float,
) -> int:  # fmt: skip
    """How many of the points (n, 3) the arm's spheres pass by more than `deep` [m] on their way (m, 7); of
    the hand's, from the frame `wrist` on, by more than `hand_deep`, and only where the tool is farther than
    `near_end` [m] from its start and its end."""
    joint, radius = body[0], body[2]
    hit = np.zeros(points.shape[0], dtype=np.bool_)
    before = spheres(chain, body, waist, way[0])
    start = before[-1].copy()
    end = spheres(chain, body, waist, way[-1])[-1].copy()
    low, high = np.empty(3), np.empty(3)
    for k in range(1, way.shape[0]):
        now = spheres(chain, body, waist, way[k])
        from_start, to_end = 0.0, 0.0
        for r in range(3):
            from_start += (now[-1, r] - start[r]) ** 2
            to_end += (now[-1, r] - end[r]) ** 2
            low[r], high[r] = np.inf, -np.inf
            for i in range(radius.shape[0]):
                low[r] = min(low[r], min(before[i, r], now[i, r]) - radius[i])
                high[r] = max(high[r], max(before[i, r], now[i, r]) + radius[i])
        free = min(from_start, to_end) > near_end * near_end
        for p in range(points.shape[0]):
            if hit[p]:
                continue
            outside = False
            for r in range(3):
                outside = outside or points[p, r] < low[r] or points[p, r] > high[r]
            if outside:
                continue
            for i in range(radius.shape[0]):
                if joint[i] >= wrist and not free:
                    continue
                core = radius[i] - (hand_deep if joint[i] >= wrist else deep)
                if core > 0.0 and squared_to_segment(points, p, before, i, now, i, 0) < core * core:
                    hit[p] = True
                    break
        before = now
    return int(hit.sum())


@kernel
def untouched(
    chain: Chain, body: BodyArgs, waist: Array, q: Array, points: Array, touched: float, reach: float,
    hand: float,
) -> NDArray[np.bool_]:  # fmt: skip
    """(n,) which of the points (n, 3) are farther than `touched` [m] from the arm at q (7,) and farther than
    `hand` from its tool, and within `reach` of its shoulder."""
    radius = body[2]
    now = spheres(chain, body, waist, q)
    out = np.zeros(points.shape[0], dtype=np.bool_)
    for p in range(points.shape[0]):
        far, tool = 0.0, 0.0
        for r in range(3):
            far += (points[p, r] - now[0, r]) ** 2
            tool += (points[p, r] - now[-1, r]) ** 2
        if far > reach * reach or tool < hand * hand:
            continue
        clear = True
        for i in range(radius.shape[0]):
            square = 0.0
            for r in range(3):
                square += (points[p, r] - now[i, r]) ** 2
            if square < (radius[i] + touched) ** 2:
                clear = False
                break
        out[p] = clear
    return out


@dataclass(frozen=True)
class Plan:
    """What was let through last: begin [s], times (n,) [s] from there, positions (n, 7). force: with which
    the arm may push [N]."""

    begin: float
    times: Array
    positions: Array
    force: float

    def over(self, now: float) -> bool:
        """Whether the arm is at rest at its end, and where it is felt."""
        return now > self.begin + self.times[-1] + LATE

    def at(self, times: Array) -> Array:
        """(m, 7) where the arm is meant to be at `times` (m,) [s]."""
        t = times - self.begin
        return np.column_stack([np.interp(t, self.times, column) for column in self.positions.T])


@dataclass
class ArmGate:
    """Pure core: is a trajectory one that the arms may go along now? Times are seconds of the ROS clock.

    estop, stop_stamp: as safety has them; what is stamped before the last stop is void. refused: how many
    were not let through.
    """

    kinematics: Kinematics
    estop: bool = False
    stop_stamp: float = 0.0
    refused: int = 0

    def __post_init__(self) -> None:
        self._model = BodyModel(self.kinematics)
        arms = self.kinematics.arm
        self._chain = {side: Chain(arms[side].origin, arms[side].axis, arms[side].tool) for side in g1.SIDES}
        self._body = {side: tuple(self._model.arm[side]) for side in g1.SIDES}
        self._joints: Array | None = None
        self._joints_at = self._points_at = -math.inf
        self._points = np.zeros((0, 3))
        self._near, self._near_at = self._points, -math.inf
        self._plans: dict[str, Plan] = {}
        self._down = np.array([0.0, 0.0, -1.0])
        """(3,) the direction of gravity in the pelvis frame."""
        self._force = dict.fromkeys(g1.SIDES, 0.0)
        self._pushes = dict.fromkeys(g1.SIDES, math.inf)
        """Since when an arm has pushed too hard [s]."""

    def on_attitude(self, orientation: tuple[float, float, float, float]) -> None:
        """Of the pelvis (w, x, y, z); one that is none is no measurement."""
        if abs(sum(one * one for one in orientation) - 1.0) < 0.1:
            self._down = np.array(gravity_in_base(orientation))

    def on_joints(self, position: Array, now: float, effort: Array | None = None) -> list[Arm]:
        """Take the joints; the sides of the arms that must hold, since on their way they push too hard.

        position (33,) [rad], effort (33,) [Nm]; what is not finite is no measurement, and without an effort
        no force is known.
        """
        if position.shape != (len(g1.JOINTS),) or not np.isfinite(position).all():
            return []
        self._joints, self._joints_at = position, now
        return (
            [] if effort is None else [side for side in get_args(Arm) if self._pushes_hard(side, effort, now)]
        )

    def _pushes_hard(self, side: str, effort: Array, now: float) -> bool:
        assert self._joints is not None
        plan, i = self._plans.get(side), g1.ARM_INDEX[side]
        if plan is None or plan.over(now):
            self._force[side], self._pushes[side] = 0.0, math.inf
            return False
        chain = self.kinematics.arm[side]
        self._force[side] = contact_force(chain, self._joints[i], self._waist, effort[i], self._down)
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
        assert self._joints is not None
        return self._joints[g1.WAIST_INDEX]

    def on_points(self, points: Array, now: float) -> None:
        """points (n, 3): lidar hits in the pelvis frame [m]; those that are not finite are dropped."""
        points = points[np.isfinite(points).all(axis=1)]
        if len(points):
            self._points, self._points_at = np.ascontiguousarray(points, dtype=float), now

    def on_near_points(self, points: Array, now: float) -> None:
        """As `on_points`, of the depth camera, which sees smaller and lower things."""
        self._near, self._near_at = points[np.isfinite(points).all(axis=1)], now

    def arm(
        self, side: str, names: Sequence[str], times: Array, positions: Array, velocities: Array | None,
        stamp: float, now: float,
    ) -> str:  # fmt: skip
        """Why a trajectory may not pass, fit for speaking; "" if it may, and then it counts as under way.

        Names in any order, which is that of the columns of positions and velocities (n, joints). stamp, now
        [s].
        """
        reason = self._void(stamp) or self._malformed(side, names, times, positions, velocities)
        if not reason:
            order = [list(names).index(name) for name in g1.ARM_JOINTS[side]]
            speeds = None if velocities is None else velocities[:, order]
            reason = self._path(side, times, positions[:, order], speeds, now)
        self.refused += bool(reason)
        return reason

    def gripper(self, side: str, names: Sequence[str], positions: Array, stamp: float) -> str:
        """The same of a gripper's trajectory; positions (n, 1): openings [m]."""
        reason = self._void(stamp)
        if not reason and list(names) != [f"{side}_gripper"]:
            reason = f"the gripper's only joint is {side}_gripper, not {', '.join(names) or 'none'}"
        if not reason and not (
            positions.shape[1:] == (1,) and 1 <= len(positions) <= MOST_POINTS
            and (np.abs(positions - 0.5 * WIDEST) <= 0.5 * WIDEST + WIDTH_ROUNDING).all()
        ):  # fmt: skip
            reason = f"a gripper opens from 0 to {WIDEST:g} metres"
        self.refused += bool(reason)
        return reason

    def halt(self) -> None:
        """The arms were made to stop: nothing is under way."""
        self._plans.clear()

    def _void(self, stamp: float) -> str:
        if self.estop:
            return "the emergency stop is on; release it first"
        if not math.isfinite(stamp) or stamp <= 0.0:
            return "it does not say of when it is"
        return "stop was said after that" if stamp < self.stop_stamp else ""

    def _malformed(
        self, side: str, names: Sequence[str], times: Array, positions: Array, velocities: Array | None
    ) -> str:
        joints = g1.ARM_JOINTS[side]
        if sorted(names) != sorted(joints):
            odd = sorted(set(names) ^ set(joints)) or list(names)
            return f"it must name the 7 joints of the {side} arm; wrong: {', '.join(odd[:3])}"
        n = len(times)
        if not 1 <= n <= MOST_POINTS or positions.shape != (n, 7):
            return f"it has {n} points of shape {positions.shape}; 1 to {MOST_POINTS} of 7 joints are allowed"
        if velocities is not None and velocities.shape != (n, 7):
            return f"its velocities have shape {velocities.shape}, not {(n, 7)}"
        numbers = [times, positions] if velocities is None else [times, positions, velocities]
        if not all(np.isfinite(one).all() for one in numbers):
            return "it holds something that is not a finite number"
        steps = np.diff(times, prepend=0.0) if times[0] != 0.0 else np.diff(times)
        if times[-1] > LONGEST or (steps < SHORTEST).any():
            return f"its times must rise from 0 up to {LONGEST:g} seconds"
        return ""

    def _path(self, side: str, times: Array, q: Array, velocities: Array | None, now: float) -> str:
        if self._joints is None or not 0.0 <= now - self._joints_at <= JOINTS_TIMEOUT:
            return "I do not feel where my arms are"
        if not 0.0 <= now - self._points_at <= POINTS_TIMEOUT:
            return "my lidar sees nothing"
        model = self.kinematics.arm[side]
        low, high = model.low, model.high
        if ((q < low - ROUNDING) | (q > high + ROUNDING)).any():
            worst = int(np.maximum(low - q, q - high).max(axis=0).argmax())
            return f"{g1.ARM_JOINTS[side][worst]} would pass its limit"
        here = np.clip(self._joints[g1.ARM_INDEX[side]], low, high)
        if times[0] == 0.0:  # the controller takes its time to get there
            lead = float(np.abs(q[0] - here).max()) / (0.5 * MAX_JOINT_SPEED)
            times = times + max(lead, SHORTEST)
        # In the one layout for which the kernels are compiled: columns that were put in order have another.
        times, q = np.concatenate([[0.0], times]), np.ascontiguousarray(np.vstack([here, q]))
        speed = float((np.abs(np.diff(q, axis=0)).max(axis=1) / np.diff(times)).max())
        if velocities is not None:
            speed = max(speed, float(np.abs(velocities).max()))
        if speed > MAX_JOINT_SPEED:
            return f"a joint would turn at {speed:.3g} rad/s, and {MAX_JOINT_SPEED:g} are allowed"
        return self._geometry(side, times, q, now)

    def _geometry(self, side: str, times: Array, q: Array, now: float) -> str:
        assert self._joints is not None
        chain, body = self._chain[side], self._body[side]
        waist = self._waist
        at, way = _dense(times, q)
        other = "left" if side == "right" else "right"
        rests = self._joints[g1.ARM_INDEX[other]]
        plan = self._plans.get(other)
        if plan is not None and plan.over(now):
            plan = None
        gaps, tools = self_gap(
            chain, body, way, self._chain[other], self._body[other],
            rests[None] if plan is None else np.ascontiguousarray(plan.at(now + at)), waist,
            self._model.trunk(self._joints),
        )  # fmt: skip
        fastest = float((np.linalg.norm(np.diff(tools, axis=0), axis=1) / np.diff(at)).max())
        if fastest > MAX_TOOL_SPEED:
            return f"my hand would move at {fastest:.2g} m/s, and {MAX_TOOL_SPEED:g} are allowed"
        if tools[:, 0].min() < min(FARTHEST_BACK, tools[0, 0] - 0.02):
            return "it would lead my hand behind my back"
        if gaps.min() < min(SELF_GAP, float(gaps[0]) - 0.002):  # an arm that touches may leave
            return "my arm would touch my own body"
        points = self._points
        if 0.0 <= now - self._near_at <= NEAR_TIMEOUT:
            points = np.vstack([points, self._near])
        for one, joints in ((side, q[0]), (other, rests)):
            points = points[untouched(
                self._chain[one], self._body[one], waist, joints, points, TOUCHED,
                REACH if one == side else math.inf, HAND_RADIUS,
            )]  # fmt: skip
        hits = passed_points(chain, body, way, waist, points, WRIST, DEEP, HAND_DEEP, NEAR_END)
        if hits >= LEAST_POINTS:
            return "something that I see is in the way of my arm"
        self._plans[side] = Plan(now, times, q, max(MAX_FORCE, self._force[side] + FORCE_ROOM))
        return ""

    def warm(self) -> None:
        """Compile (or load) the kernels before the first trajectory."""
        self._joints, self._joints_at = g1.DEFAULT_POSE.copy(), 0.0
        self.on_points(np.array([[0.5, 0.0, 0.0]]), 0.0)
        for side in g1.SIDES:
            rest = g1.DEFAULT_POSE[g1.ARM_INDEX[side]]
            self.arm(side, g1.ARM_JOINTS[side], np.array([1.0]), rest[None], None, 1.0, 0.0)
        self.on_joints(g1.DEFAULT_POSE.copy(), 0.0, np.zeros(len(g1.JOINTS)))
        self._joints, self._joints_at, self._points_at = None, -math.inf, -math.inf
        self.halt()


def _dense(times: Array, q: Array) -> tuple[Array, Array]:
    """(m,) times and (m, 7) postures along a path, at most `STEP` apart."""
    steps = np.abs(np.diff(q, axis=0)).max(axis=1)
    length = np.concatenate([[0.0], np.cumsum(np.maximum(steps, 1e-9))])
    at = np.linspace(0.0, length[-1], max(2, math.ceil(length[-1] / STEP) + 1))
    way = np.column_stack([np.interp(at, length, column) for column in q.T])
    return np.interp(at, length, times), way
