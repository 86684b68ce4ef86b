"""Following a path: rollouts of candidate commands through the gait's response, against the footprint.

A dynamic-window planner (Fox, Burgard, Thrun 1997) whose prediction is this humanoid's: it
answers with a lag, steps sideways only slowly, and has elbows and hands.
"""

import math
from dataclasses import dataclass

import numpy as np

from vla_sim.common.geometry import Array, wrap
from vla_sim.common.numba_cache import kernel
from vla_sim.robot.body_size import WALKING_BODY
from vla_sim.stages.navigation import gait
from vla_sim.stages.navigation.distance_field import DistanceField, FieldArgs
from vla_sim.stages.navigation.footprint import (
    STEP,
    body_clearance,
    body_room,
    clearance_ahead,
    disc_clearance,
)
from vla_sim.stages.navigation.global_planner import SPACING


@dataclass(frozen=True)
class LocalSettings:
    """horizon [s] of the rollouts; margin: clearance [m] of the body that costs nothing; touch: clearance
    that is never accepted; heading errors [rad] at which it turns on the spot, and at which it stops
    turning; narrow: path clearance [m] that is treated as a door."""

    horizon: float = 2.0
    margin: float = 0.20
    touch: float = 0.02
    turn_start: float = 0.9
    turn_start_narrow: float = 0.40
    turn_stop: float = 0.15
    narrow: float = 0.55
    slowest: float = 0.25
    turn_rate: float = 0.6
    turn_slowest: float = 0.25
    lookahead: float = 0.6


@dataclass(frozen=True)
class LocalCommand:
    """velocity: (3,) command x, y [m/s], yaw [rad/s]. blocked: nothing safe leads on; it stands.
    turning: on the spot."""

    velocity: Array
    blocked: bool = False
    turning: bool = False


@kernel
def _nearest(points: Array, x: float, y: float, first: int, last: int) -> int:
    best, index = 1e18, first
    for i in range(first, min(last, len(points))):
        d = (points[i, 0] - x) ** 2 + (points[i, 1] - y) ** 2
        if d < best:
            best, index = d, i
    return index


@kernel
def _evaluate(
    field: FieldArgs, pose: Array, velocity: Array, candidates: Array, lag: float,
    discs: Array, points: Array, index: int, steps: int, touch: float, margin: float, previous: Array,
    expected: float, moving: Array,
) -> tuple[int, float]:  # fmt: skip
    """Index of the cheapest candidate command (-1: all touch) and the clearance of its rollout.

    candidates: (m, 3) commanded velocities. expected: progress [m] that costs nothing.
    moving: (k, 5) x, y, vx, vy, radius of discs that move on as they do now."""
    blend = 1.0 - math.exp(-STEP / lag)
    n = len(points)
    best_cost, best, best_clearance = 1e18, -1, 0.0
    here = body_clearance(field, pose[0], pose[1], pose[2], discs)
    here = min(here, disc_clearance(pose[0], pose[1], pose[2], discs, moving, 0.0))
    for m in range(len(candidates)):
        x, y, yaw = pose[0], pose[1], pose[2]
        vx, vy, wz = velocity[0], velocity[1], velocity[2]
        i = index
        cost, worst = 0.0, 1e9
        for k in range(steps):
            vx += blend * (candidates[m, 0] - vx)
            vy += blend * (candidates[m, 1] - vy)
            wz += blend * (candidates[m, 2] - wz)
            cos, sin = math.cos(yaw), math.sin(yaw)
            x += STEP * (cos * vx - sin * vy)
            y += STEP * (sin * vx + cos * vy)
            yaw += STEP * wz
            d = body_clearance(field, x, y, yaw, discs)
            d = min(d, disc_clearance(x, y, yaw, discs, moving, (k + 1) * STEP))
            worst = min(worst, d)
            # Already too close: going on is allowed only where it gets better.
            if d < min(touch, here - 0.01):
                worst = -1e9
                break
            if d < margin:
                u = (margin - d) / margin
                cost += 3.0 * u * u * STEP
            i = _nearest(points, x, y, i, i + 12)
            j = min(i + 6, n - 1)
            k0 = max(0, min(i, n - 2))
            tx, ty = points[k0 + 1, 0] - points[k0, 0], points[k0 + 1, 1] - points[k0, 1]
            length = max(1e-9, math.hypot(tx, ty))
            cross = ((x - points[k0, 0]) * ty - (y - points[k0, 1]) * tx) / length
            j0 = max(0, j - 6)
            ahead = math.atan2(points[j, 1] - points[j0, 1], points[j, 0] - points[j0, 0])
            # The path's end is a point to reach, its last direction is no heading to hold.
            error = math.atan2(math.sin(yaw - ahead), math.cos(yaw - ahead))
            cost += STEP * (12.0 * cross * cross + 0.35 * error * error)
        if worst < -1e8:
            continue
        along = 0.0
        if i < n:
            along = (i - index) * SPACING
        end = math.hypot(points[n - 1, 0] - x, points[n - 1, 1] - y)
        cost += 1.2 * max(0.0, expected - along)
        if i >= n - 4:
            cost += 1.0 * end
        cost += 0.20 * abs(candidates[m, 1])
        cost += 0.04 * (candidates[m, 2] - previous[2]) ** 2 + 0.40 * (candidates[m, 1] - previous[1]) ** 2
        cost += 0.05 * (candidates[m, 0] - previous[0]) ** 2
        if cost < best_cost:
            best_cost, best, best_clearance = cost, m, worst
    return best, best_clearance


NONE_MOVING = np.zeros((0, 5))


class LocalPlanner:
    """Keeps the progress along one path; `start` it with each new path."""

    def __init__(self) -> None:
        self.settings = LocalSettings()
        self._points = np.zeros((2, 2))
        self._clearance = np.zeros(2)
        self.index = 0
        """Of the path's point nearest to the robot."""
        self._turning = False
        self._previous = np.zeros(3)

    def start(self, points: Array, clearance: Array) -> None:
        """points: (n, 2) path in map, evenly spaced; clearance: (n,) [m]."""
        self._points = np.ascontiguousarray(points)
        self._clearance = clearance
        self.index = 0
        self._turning = False

    def halt(self) -> None:
        """Forget the last command: the robot was stopped by something else."""
        self._previous = np.zeros(3)

    def remaining(self, x: float, y: float) -> float:
        """Way left [m] along the path from the point nearest to (x, y)."""
        left = (len(self._points) - 1 - self.index) * SPACING
        near = self._points[self.index]
        return float(left + 0.5 * math.hypot(near[0] - x, near[1] - y))

    def pace(self, limit: float) -> float:
        """Commanded speed [m/s] for the stretch ahead: slower where it is narrow."""
        ahead = self._clearance[self.index : self.index + int(0.7 / SPACING) + 1]
        tight = float(np.min(ahead)) if len(ahead) else 1.0
        s = self.settings
        u = min(1.0, max(0.0, (tight - 0.32) / (0.65 - 0.32)))
        return min(limit, s.slowest + u * max(0.0, limit - s.slowest))

    def step(
        self, pose: Array, velocity: Array, field: DistanceField, speed: float, moving: Array = NONE_MOVING
    ) -> LocalCommand:
        """The command for now. pose: (3,) in map. velocity: (3,) in base_link, as measured and free of
        sway. field: clearance around the robot. speed: upper limit of the commanded speed [m/s].
        moving: (k, 5) x, y, vx, vy, radius in map."""
        s, points = self.settings, self._points
        pose = np.asarray(pose, dtype=np.float64)
        velocity = np.asarray(velocity, dtype=np.float64)
        self.index = int(
            _nearest(points, pose[0], pose[1], max(0, self.index - 4), self.index + int(1.0 / SPACING))
        )
        target = points[min(len(points) - 1, self.index + int(s.lookahead / SPACING))]
        away = math.hypot(target[0] - pose[0], target[1] - pose[1])
        error = wrap(math.atan2(target[1] - pose[1], target[0] - pose[0]) - pose[2]) if away > 0.12 else 0.0
        pace = self.pace(speed)
        stretch = self._clearance[self.index : self.index + int(0.9 / SPACING)]
        narrow = bool(len(stretch)) and float(np.min(stretch)) < s.narrow
        threshold = s.turn_start_narrow if narrow else s.turn_start
        if abs(error) > threshold:
            self._turning = True
        elif abs(error) < s.turn_stop:
            self._turning = False
        if self._turning:
            return self._turn(error, pose, velocity, field)
        candidates = self._candidates(pace)
        left = (len(points) - 1 - self.index) * SPACING
        expected = min(pace * (s.horizon - gait.LAG), left)
        best, _ = _evaluate(
            field.args(), pose, velocity, candidates, gait.LAG,
            WALKING_BODY, points, self.index, round(s.horizon / STEP), s.touch, s.margin, self._previous,
            expected, moving,
        )  # fmt: skip
        if best < 0:
            self.halt()
            return LocalCommand(np.zeros(3), blocked=True)
        self._previous = candidates[best].copy()
        return LocalCommand(candidates[best].copy())

    def _turn(self, error: float, pose: Array, velocity: Array, field: DistanceField) -> LocalCommand:
        s = self.settings
        rate = math.copysign(min(s.turn_rate, max(s.turn_slowest, 1.2 * abs(error))), error)
        options = [rate]
        if abs(error) > 2.0:  # nearly behind: the other way round is as good
            options.append(-rate)
        here = body_room(field, pose, WALKING_BODY)
        for option in options:
            command = np.array([0.0, 0.0, option])
            worst = clearance_ahead(field, pose, velocity, command, WALKING_BODY, 1.2)
            if worst > min(s.touch, here - 0.02):
                self._previous = command
                return LocalCommand(command, turning=True)
        self.halt()
        return LocalCommand(np.zeros(3), blocked=True, turning=True)

    def _candidates(self, pace: float) -> Array:
        speeds = np.unique(np.round(np.linspace(0.12, max(0.12, pace), 3), 3))
        turns = np.array([-0.6, -0.45, -0.32, -0.22, -0.14, -0.07, 0.0, 0.07, 0.14, 0.22, 0.32, 0.45, 0.6])
        sides = np.array([0.0, -0.10, 0.10])
        grid = np.stack(np.meshgrid(speeds, sides, turns, indexing="ij"), axis=-1)
        return np.ascontiguousarray(grid.reshape(-1, 3))
