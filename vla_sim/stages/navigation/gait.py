"""How this humanoid answers a velocity command, and its pose free of the gait's sway.

The controller is calibrated (`control.calibration`), so that the mean velocity over a gait cycle is the
commanded one from a few mm/s up: while it steps there is no dead band, and any command but zero keeps it
stepping. Measured in MuJoCo, of the G1 with its policy fastsac; the profile of a robot has its own:

    sway            pelvis +-0.028 m sideways and +-0.015 rad in heading, once a cycle of 1 s
    lag             0.3 s
    stop            from stepping on the spot it comes to stand 0.035 m ahead of the cycle's mean pose and
                    0.012 m to the right of it, with 0.01 m and 0.025 rad of scatter, still after 1.3 to
                    1.9 s; from 0.25 m/s 0.05 m ahead, from 0.4 m/s 0.13 m
    start           the first step to the side takes 0.05 m to the right
"""

import math
from bisect import bisect_left
from collections import deque

import numpy as np

from vla_sim.common.geometry import Array, wrap
from vla_sim.robot import facts

_GAIT = facts.PROFILE.gait
LAG = _GAIT.lag
"""Time constant [s] with which the walked velocity follows the command."""
PERIOD = facts.PROFILE.policy.period
"""One gait cycle [s]."""
IDLE = 0.005
"""Least command [m/s] that keeps it stepping."""
STOP_SHIFT = _GAIT.stop_shift
"""(3,) where it comes to stand relative to the cycle's mean pose when stepping on the spot [m], [rad]."""
SETTLE_TIME = _GAIT.settle_time
"""Seconds until it is still after a stop."""
MEMORY = 1.5
"""Seconds of odometry that are kept."""


def standing(command: Array) -> bool:
    """Whether the policy stands still under this command (3,)."""
    return bool(np.max(np.abs(command)) < 1e-6)


def steady_velocity(command: Array) -> Array:
    """(3,) velocity x, y [m/s], yaw [rad/s] that a (3,) command ends in."""
    return np.zeros(3) if standing(command) else np.array(command, dtype=np.float64)


def stepping_command(velocity: Array) -> Array:
    """(3,) command for a wanted steady (3,) velocity; never so small that the feet stop."""
    out = np.array(velocity, dtype=np.float64)
    if np.hypot(out[0], out[1]) < IDLE:
        out[0] = IDLE
    return out


def stop_ahead(speed: float) -> float:
    """How far ahead [m] of the mean pose it stands after a stop from `speed` [m/s]."""
    return STOP_SHIFT[0] + 0.3 * max(0.0, speed - 0.12)


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
    """Odometry in, raw and sway-free pose out, both (3,) x, y, yaw in `odom`; yaw is unwrapped.

    A mean over exactly one gait cycle removes the sway; the commanded motion within the cycle, known from
    the gait's response, is carried along, so that the mean does not lag behind.
    """

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
                blend = 1.0 - math.exp(-dt / LAG)
                self.velocity = self.velocity + blend * (steady_velocity(self._command) - self.velocity)
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
        cycle = entries[entries[:, 0] > entries[-1, 0] - PERIOD + 1e-6]
        return np.asarray(np.mean(cycle[:, 1:4] - cycle[:, 4:7], axis=0) + entries[-1, 4:7])
