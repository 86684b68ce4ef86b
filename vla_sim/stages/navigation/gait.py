"""How this humanoid answers a velocity command.

The controller is calibrated (`control.calibration`), so that the mean velocity over a gait cycle is the
commanded one from a few mm/s up: while it steps there is no dead band, and any command but zero keeps it
stepping. Measured in MuJoCo, policy fastsac:

    sway            pelvis +-0.028 m sideways and +-0.015 rad in heading, once a cycle of 1 s
    lag             0.3 s
    stop            from stepping on the spot it comes to stand 0.035 m ahead of the cycle's mean pose and
                    0.012 m to the right of it, with 0.01 m and 0.025 rad of scatter, still after 1.3 to
                    1.9 s; from 0.25 m/s 0.05 m ahead, from 0.4 m/s 0.13 m
    start           the first step to the side takes 0.05 m to the right
"""

import numpy as np

from vla_sim.common.geometry import Array

LAG = 0.3
"""Time constant [s] with which the walked velocity follows the command."""
PERIOD = 1.0
"""One gait cycle [s]."""
IDLE = 0.005
"""Least command [m/s] that keeps it stepping."""
STOP_SHIFT = (0.035, -0.012, 0.0)
"""(3,) where it comes to stand relative to the cycle's mean pose when stepping on the spot [m], [rad]."""
SETTLE_TIME = 1.8
"""Seconds until it is still after a stop."""


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
