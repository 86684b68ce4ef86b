"""How this humanoid answers a velocity command.

The controller knows what to ask of the walking policy (`control.calibration`), so that on the mean of a
gait cycle it walks what it is told, from a few mm/s up: while it steps there is no dead band, and any
command but zero keeps it stepping. Measured in MuJoCo, policy fastsac:

    sway            pelvis +-0.028 m sideways and +-0.015 rad in heading, once a cycle of 1 s
    lag             0.3 s
    stop            from stepping on the spot it comes to stand 0.035 m ahead of the cycle's mean pose and
                    0.012 m to the right of it, with 0.01 m and 0.025 rad of scatter, still after 1.3 to
                    1.9 s; from 0.25 m/s 0.05 m ahead, from 0.4 m/s 0.13 m
    start           the first step to the side takes 0.05 m to the right
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vla_sim.common.arrays import Array


@dataclass(frozen=True)
class Gait:
    """gain, offset: walked velocity = gain * command + offset, for x, y [m/s] and yaw [rad/s], while
    stepping. lag: time constant [s]. period: one gait cycle [s]. idle: least command [m/s] that keeps it
    stepping. stop_shift: (3,) where it comes to stand relative to the cycle's mean pose when stepping on
    the spot; settle: seconds until it is still."""

    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    lag: float = 0.3
    period: float = 1.0
    idle: float = 0.005
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
        return bool(np.max(np.abs(command)) < 1e-6)

    def stop_ahead(self, speed: float) -> float:
        """How far ahead [m] of the mean pose it stands after a stop from `speed` [m/s]."""
        return self.stop_shift[0] + 0.3 * max(0.0, speed - 0.12)


GAIT = Gait()
