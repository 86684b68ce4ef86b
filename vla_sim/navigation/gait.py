"""How this humanoid answers a velocity command, and the room its body takes.

Measured with the walking policy in MuJoCo at 2 ms steps, mean of several gait cycles:

    commanded   0.05  0.10  0.15  0.20  0.30  0.50  0.70 m/s ahead
    walked      0.02  0.06  0.10  0.15  0.24  0.41  0.57
    commanded   0.10  0.20  0.30  0.50 m/s to the left (0.2 to the right: 0.12)
    walked      0.04  0.10  0.16  0.25
    commanded   0.05  0.10  0.20  0.40  0.70 rad/s
    turned      0.05  0.10  0.19  0.37  0.64

So the answer is a line with a small offset: there is no dead band while it steps, but it steps only if
told at least 0.01 in some axis. A stop from stepping on the spot carries the pelvis 0.035 m ahead of
the gait cycle's mean and 0.012 m to the right, and takes 1.3 to 1.9 s until all is still.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Gait:
    """walked velocity = gain * command + offset for x, y [m/s] and yaw [rad/s] while stepping.

    lag: time constant [s]. period: one gait cycle [s], over which the pelvis sways 0.03 m to either
    side. idle: least command [m/s] that keeps it stepping. stop_shift: (3,) where it comes to stand
    relative to the cycle's mean pose when stepping on the spot; settle: seconds until it is still."""

    gain: tuple[float, float, float] = (0.87, 0.53, 0.93)
    offset: tuple[float, float, float] = (-0.022, -0.013, 0.008)
    lag: float = 0.3
    period: float = 1.0
    idle: float = 0.015
    stop_shift: tuple[float, float, float] = (0.035, -0.012, 0.0)
    settle: float = 1.8

    def velocity(self, command: Array) -> Array:
        """(3,) steady velocity for a (3,) command."""
        if self.standing(command):
            return np.zeros(3)
        return np.asarray(command) * self.gain + self.offset

    def command(self, velocity: Array) -> Array:
        """(3,) command for a wanted steady (3,) velocity; never so small that the feet stop."""
        out = (np.asarray(velocity, dtype=np.float64) - self.offset) / self.gain
        if np.hypot(out[0], out[1]) < self.idle:
            out[0] = self.idle
        return np.asarray(out)

    @staticmethod
    def standing(command: Array) -> bool:
        """Whether the policy stands still under this command."""
        return bool(np.hypot(command[0], command[1]) < 0.01 and abs(command[2]) < 0.01)

    def stop_ahead(self, speed: float) -> float:
        """How far ahead [m] of the mean pose it stands after a stop from `speed` [m/s]."""
        return self.stop_shift[0] + 0.3 * max(0.0, speed - 0.12)


GAIT = Gait()


def discs(*rows: tuple[float, float, float]) -> Array:
    """(n, 3): centre x, y in base_link [m] and radius [m] of discs that cover the body's outline."""
    return np.array(rows, dtype=np.float64)


WALKING_BODY = discs(
    (0.00, 0.00, 0.18),
    (-0.03, 0.19, 0.09),
    (-0.03, -0.19, 0.09),
    (0.14, 0.18, 0.08),
    (0.14, -0.18, 0.08),
    (0.26, 0.17, 0.07),
    (0.26, -0.17, 0.07),
)
"""Arms in the walking pose: elbows 0.28 m to either side, hands 0.33 m ahead."""

DOCKING_BODY = discs((0.00, 0.00, 0.16), (-0.03, 0.19, 0.09), (-0.03, -0.19, 0.09))
"""At furniture: toes and knees go under the top and the arms are above it, so the trunk counts."""

TURNING_RADIUS = 0.36
"""Turning on the spot with the arms in the walking pose sweeps this disc [m]."""
