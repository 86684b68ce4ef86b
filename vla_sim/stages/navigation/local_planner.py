"""Following a path: rollouts of candidate commands through the gait's response, against the footprint.

A dynamic-window planner (Fox, Burgard, Thrun 1997) whose prediction is this humanoid's: it
answers with a lag, steps sideways only slowly, and has elbows and hands.
"""

import math

import numpy as np

from vla_sim.common.geometry import Array, wrap
from vla_sim.common.numba_cache import kernel
from vla_sim.robot.body_size import WALKING_BODY
from vla_sim.stages.navigation import gait
from vla_sim.stages.navigation.distance_field import (
    STEP,
    DistanceField,
    FieldArgs,
    body_clearance,
    body_room,
    clearance_ahead,
    disc_clearance,
)
from vla_sim.stages.navigation.global_planner import HARD, SPACING

HORIZON = 2.0
"""[s] of the rollouts."""
STEPS = round(HORIZON / STEP)
MARGIN, TOUCH = 0.20, 0.0
"""Clearance [m] of the body that costs nothing, and clearance that is never accepted. The outline holds the
gait's sway already."""
DOOR = 0.55
"""Path clearance [m] that is treated as a door."""
TURN_START, TURN_START_NARROW, TURN_STOP = 0.9, 0.40, 0.15
"""Heading errors [rad] at which it turns on the spot, also at a door, and at which it stops turning."""
TURN_RATE, TURN_SLOWEST = 0.6, 0.25  # [rad/s]
SLOWEST = 0.25  # [m/s]
LOOKAHEAD = 0.6  # [m]
ALIGN, ALIGN_NARROW = 0.35, 6.0
"""Price of looking elsewhere than along the path [1/(s rad^2)], also at a door: a body that is turned there
has one hand through it for a while, and then no room."""


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
    discs: Array, points: Array, index: int, previous: Array, expected: float, moving: Array, align: float,
) -> int:  # fmt: skip
    """Index of the cheapest candidate command; -1: all touch.

    candidates: (m, 3) commanded velocities. expected: progress [m] that costs nothing. align: price of
    looking elsewhere than along the path, for each second and squared radian.
    moving: (k, 5) x, y, vx, vy, radius of discs that move on as they do now."""
    blend = 1.0 - math.exp(-STEP / lag)
    n = len(points)
    best_cost, best = 1e18, -1
    here = body_clearance(field, pose[0], pose[1], pose[2], discs)
    here = min(here, disc_clearance(pose[0], pose[1], pose[2], discs, moving, 0.0))
    for m in range(len(candidates)):
        x, y, yaw = pose[0], pose[1], pose[2]
        vx, vy, wz = velocity[0], velocity[1], velocity[2]
        i = index
        cost, worst = 0.0, 1e9
        for k in range(STEPS):
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
            if d < min(TOUCH, here - 0.01):
                worst = -1e9
                break
            if d < MARGIN:
                u = (MARGIN - d) / MARGIN
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
            cost += STEP * (12.0 * cross * cross + align * error * error)
        if worst < -1e8:
            continue
        along = (i - index) * SPACING
        end = math.hypot(points[n - 1, 0] - x, points[n - 1, 1] - y)
        cost += 1.2 * max(0.0, expected - along)
        if i >= n - 4:
            cost += 1.0 * end
        cost += 0.20 * abs(candidates[m, 1])
        cost += 0.04 * (candidates[m, 2] - previous[2]) ** 2 + 0.40 * (candidates[m, 1] - previous[1]) ** 2
        cost += 0.05 * (candidates[m, 0] - previous[0]) ** 2
        if cost < best_cost:
            best_cost, best = cost, m
    return best


NONE_MOVING = np.zeros((0, 5))


class LocalPlanner:
    """Keeps the progress along one path; `start` it with each new path."""

    def __init__(self) -> None:
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
        u = min(1.0, max(0.0, (tight - HARD) / (0.65 - HARD)))
        return min(limit, SLOWEST + u * max(0.0, limit - SLOWEST))

    def step(
        self, pose: Array, velocity: Array, field: DistanceField, speed: float, moving: Array = NONE_MOVING,
        *, fine: bool = True,
    ) -> Array | None:  # fmt: skip
        """The command (3,) x, y [m/s], yaw [rad/s] for now; None: nothing safe leads on.

        pose: (3,) in map. velocity: (3,) in base_link, as measured and free of sway. field: clearance around
        the robot. speed: upper limit of the commanded speed [m/s]. moving: (k, 5) x, y, vx, vy, radius in
        map. fine: whether all candidates are weighed, or a third of them."""
        points = self._points
        pose = np.asarray(pose, dtype=np.float64)
        velocity = np.asarray(velocity, dtype=np.float64)
        self.index = int(
            _nearest(points, pose[0], pose[1], max(0, self.index - 4), self.index + int(1.0 / SPACING))
        )
        target = points[min(len(points) - 1, self.index + int(LOOKAHEAD / SPACING))]
        away = math.hypot(target[0] - pose[0], target[1] - pose[1])
        error = wrap(math.atan2(target[1] - pose[1], target[0] - pose[0]) - pose[2]) if away > 0.12 else 0.0
        pace = self.pace(speed)
        stretch = self._clearance[self.index : self.index + int(0.9 / SPACING)]
        narrow = bool(len(stretch)) and float(np.min(stretch)) < DOOR
        threshold = TURN_START_NARROW if narrow else TURN_START
        if abs(error) > threshold:
            self._turning = True
        elif abs(error) < TURN_STOP:
            self._turning = False
        if self._turning:
            return self._turn(error, pose, velocity, field)
        candidates = self._candidates(pace, fine)
        left = (len(points) - 1 - self.index) * SPACING
        expected = min(pace * (HORIZON - gait.LAG), left)
        best = _evaluate(
            field.args(), pose, velocity, candidates, gait.LAG,
            WALKING_BODY, points, self.index, self._previous, expected, moving,
            ALIGN_NARROW if narrow else ALIGN,
        )  # fmt: skip
        if best < 0:
            self.halt()
            return None
        self._previous = candidates[best].copy()
        return candidates[best]

    def _turn(self, error: float, pose: Array, velocity: Array, field: DistanceField) -> Array | None:
        rate = math.copysign(min(TURN_RATE, max(TURN_SLOWEST, 1.2 * abs(error))), error)
        options = [rate]
        if abs(error) > 2.0:  # nearly behind: the other way round is as good
            options.append(-rate)
        here = body_room(field, pose, WALKING_BODY)
        for option in options:
            command = np.array([0.0, 0.0, option])
            worst = clearance_ahead(field, pose, velocity, command, WALKING_BODY, 1.2)
            if worst > min(TOUCH, here - 0.02):
                self._previous = command
                return command
        self.halt()
        return None

    def _candidates(self, pace: float, fine: bool) -> Array:
        speeds = np.unique(np.round(np.linspace(0.12, max(0.12, pace), 3 if fine else 2), 3))
        turns = np.array([-0.6, -0.45, -0.32, -0.22, -0.14, -0.07, 0.0, 0.07, 0.14, 0.22, 0.32, 0.45, 0.6])
        if not fine:
            turns = turns[::2]
        sides = np.array([0.0, -0.10, 0.10])
        grid = np.stack(np.meshgrid(speeds, sides, turns, indexing="ij"), axis=-1)
        return np.ascontiguousarray(grid.reshape(-1, 3))
