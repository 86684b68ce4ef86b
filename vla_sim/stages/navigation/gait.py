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

import numpy as np

from vla_sim.common.geometry import Array, wrap
from vla_sim.common.numba_cache import kernel
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


@kernel
def _at(rows: Array, time: float) -> Array:
    """(3,) pose at a stamp, interpolated between the `rows` of a `PoseFilter`; the first or last outside."""
    if time >= rows[-1, 0]:
        return rows[-1, 1:4].copy()
    i = len(rows) - 1
    while i > 0 and rows[i - 1, 0] >= time:
        i -= 1
    if i == 0:
        return rows[0, 1:4].copy()
    share = (time - rows[i - 1, 0]) / (rows[i, 0] - rows[i - 1, 0])
    return rows[i - 1, 1:4] + share * (rows[i, 1:4] - rows[i - 1, 1:4])


@kernel
def _mean(rows: Array, since: float) -> Array:
    """(3,) mean of the poses after a stamp, each moved on by the model to the last one's."""
    out = np.zeros(3)
    last, i = len(rows) - 1, len(rows) - 1
    while i >= 0 and rows[i, 0] > since:
        for k in range(3):
            out[k] += rows[i, 1 + k] - rows[i, 4 + k]
        i -= 1
    for k in range(3):
        out[k] = out[k] / (last - i) + rows[last, 4 + k]
    return out


@kernel
def placed(points: Array, pose: Array) -> Array:
    """(n, 2) points of the frame of a planar pose (3,), in the frame that it is given in."""
    out = np.empty((len(points), 2))
    c, s = math.cos(pose[2]), math.sin(pose[2])
    for i in range(len(points)):
        x, y = points[i, 0], points[i, 1]
        out[i, 0], out[i, 1] = pose[0] + c * x - s * y, pose[1] + s * x + c * y
    return out


class PoseFilter:
    """Odometry in, raw and sway-free pose out, both (3,) x, y, yaw in `odom`; yaw is unwrapped.

    A mean over exactly one gait cycle removes the sway; the commanded motion within the cycle, known from
    the gait's response, is carried along, so that the mean does not lag behind.
    """

    def __init__(self) -> None:
        self._rows = np.zeros((256, 7))
        """Stamp, pose (3), and the modelled way (3) up to then; kept are those from `_first` to `_end`."""
        self._first = self._end = 0
        self._command = np.zeros(3)
        self.velocity = np.zeros(3)
        """Modelled present velocity (3,) in base_link."""

    @property
    def ready(self) -> bool:
        return self._end > self._first

    @property
    def time(self) -> float:
        """Stamp of the newest odometry [s]."""
        return float(self._rows[self._end - 1, 0])

    @property
    def raw(self) -> Array:
        return self._rows[self._end - 1, 1:4].copy()

    def command(self, command: Array) -> None:
        """The command (3,) given from now on."""
        self._command = np.asarray(command, dtype=np.float64).copy()

    def odometry(self, time: float, x: float, y: float, yaw: float) -> None:
        """A pose in `odom`. A stamp not newer than the last is ignored; a gap over 0.5 s starts over."""
        way_x = way_y = turned = 0.0
        if self.ready:
            last_time, _, _, last_yaw, way_x, way_y, turned = self._rows[self._end - 1].tolist()
            dt = time - last_time
            if -0.5 < dt <= 0.0:
                return
            yaw = last_yaw + wrap(yaw - last_yaw)
            if not -0.5 < dt <= 0.5:
                self._first = self._end = 0
            else:
                blend = 1.0 - math.exp(-dt / LAG)
                self.velocity = self.velocity + blend * (self._command - self.velocity)
                vx, vy, wz = self.velocity.tolist()
                c, s = math.cos(yaw), math.sin(yaw)
                way_x, way_y = way_x + dt * (c * vx - s * vy), way_y + dt * (s * vx + c * vy)
                turned += dt * wz
        if self._end == len(self._rows):
            self._make_room()
        self._rows[self._end] = (time, x, y, yaw, way_x, way_y, turned)
        self._end += 1
        while self._rows[self._first, 0] < time - MEMORY:
            self._first += 1

    def _make_room(self) -> None:
        kept = self._rows[self._first : self._end]
        if len(kept) > len(self._rows) // 2:
            self._rows = np.zeros((2 * len(self._rows), 7))
        self._rows[: len(kept)] = kept.copy()
        self._first, self._end = 0, len(kept)

    def at(self, time: float) -> Array:
        """Raw pose at a stamp, interpolated; the oldest or newest outside what is kept."""
        return np.asarray(_at(self._rows[self._first : self._end], time))

    def mean(self) -> Array:
        """Sway-free present pose: mean over the last gait cycle of each pose moved on by the model."""
        rows = self._rows[self._first : self._end]
        return np.asarray(_mean(rows, float(rows[-1, 0]) - PERIOD + 1e-6))


def warm() -> None:
    """Compile (or load) the kernels."""
    one = PoseFilter()
    one.odometry(0.0, 0.0, 0.0, 0.0)
    one.mean()
    one.at(0.0)
    placed(np.zeros((1, 2)), np.zeros(3))
