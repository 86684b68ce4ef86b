"""The robot's pose, free of its gait's sway.

Walking, the pelvis sways 3 cm to either side and 1 degree in heading once a gait cycle. A mean over
exactly one cycle removes that; the commanded motion within the cycle, known from the gait's response,
is carried along, so that the mean does not lag behind.
"""

import math
from bisect import bisect_left
from collections import deque

import numpy as np

from vla_sim.common.geometry import Array, wrap
from vla_sim.stages.navigation import gait

MEMORY = 1.5
"""Seconds of odometry that are kept."""


def compose(a: Array, b: Array) -> Array:
    """Planar pose b (3,) given in frame a (3,), as x, y, yaw; yaw is not wrapped."""
    c, s = math.cos(a[2]), math.sin(a[2])
    return np.array([a[0] + c * b[0] - s * b[1], a[1] + s * b[0] + c * b[1], a[2] + b[2]])


def relative(a: Array, b: Array) -> Array:
    """Planar pose b seen from a: `compose(a, relative(a, b)) == b`."""
    c, s = math.cos(a[2]), math.sin(a[2])
    dx, dy = b[0] - a[0], b[1] - a[1]
    return np.array([c * dx + s * dy, -s * dx + c * dy, b[2] - a[2]])


class PoseFilter:
    """Odometry in, raw and sway-free pose out, both (3,) x, y, yaw in `odom`; yaw is unwrapped."""

    def __init__(self) -> None:
        self._history: deque[tuple[float, ...]] = deque()
        """Stamp, pose (3), and the modelled way (3) up to then."""
        self._command = np.zeros(3)
        self._moved = np.zeros(3)
        self.velocity = np.zeros(3)
        """Modelled present velocity (3,) in base_link."""

    @property
    def ready(self) -> bool:
        return bool(self._history)

    @property
    def time(self) -> float:
        """Stamp of the newest odometry [s]."""
        return self._history[-1][0]

    @property
    def raw(self) -> Array:
        return np.array(self._history[-1][1:4])

    def command(self, command: Array) -> None:
        """The command (3,) given from now on."""
        self._command = np.asarray(command, dtype=np.float64).copy()

    def odometry(self, time: float, x: float, y: float, yaw: float) -> None:
        """A pose in `odom`. A stamp not newer than the last is ignored; a gap over 0.5 s starts over."""
        pose = np.array([x, y, yaw])
        if self._history:
            last_time, last_yaw = self._history[-1][0], self._history[-1][3]
            dt = time - last_time
            if dt <= 0.0 and dt > -0.5:
                return
            pose[2] = last_yaw + wrap(yaw - last_yaw)
            if dt <= -0.5 or dt > 0.5:
                self._history.clear()
            else:
                blend = 1.0 - math.exp(-dt / gait.LAG)
                self.velocity = self.velocity + blend * (gait.steady_velocity(self._command) - self.velocity)
                step = compose(np.array([0.0, 0.0, pose[2]]), self.velocity * dt)
                step[2] = self.velocity[2] * dt
                self._moved = self._moved + step
        self._history.append((time, *pose.tolist(), *self._moved.tolist()))
        while self._history[0][0] < time - MEMORY:
            self._history.popleft()

    def at(self, time: float) -> Array:
        """Raw pose at a stamp, interpolated; the oldest or newest outside what is kept."""
        stamps = [entry[0] for entry in self._history]
        i = min(max(bisect_left(stamps, time), 0), len(stamps) - 1)
        after = np.array(self._history[i])
        if i == 0 or time >= after[0]:
            return after[1:4]
        before = np.array(self._history[i - 1])
        share = (time - before[0]) / (after[0] - before[0])
        return np.asarray(before[1:4] + share * (after[1:4] - before[1:4]))

    def mean(self) -> Array:
        """Sway-free present pose: mean over the last gait cycle of each pose moved on by the model."""
        entries = np.array(self._history)
        cycle = entries[entries[:, 0] > entries[-1, 0] - gait.PERIOD + 1e-6]
        return np.asarray(np.mean(cycle[:, 1:4] - cycle[:, 4:7], axis=0) + entries[-1, 4:7])
