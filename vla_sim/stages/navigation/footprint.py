"""The body's outline against the distance field, now and along a predicted motion."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.arrays import Array
from vla_sim.common.numba_cache import kernel
from vla_sim.stages.navigation.distance_field import DistanceField, sample
from vla_sim.stages.navigation.gait import Gait

STEP = 0.1
"""Time step of predictions [s]."""


@kernel
def body_clearance(
    field: NDArray[np.float32], x0: float, y0: float, resolution: float,
    x: float, y: float, yaw: float, discs: Array,
) -> float:  # fmt: skip
    """Smallest distance [m] from the discs to an obstacle; negative when one overlaps."""
    cos, sin = math.cos(yaw), math.sin(yaw)
    worst = 1e9
    for i in range(len(discs)):
        px = x + cos * discs[i, 0] - sin * discs[i, 1]
        py = y + sin * discs[i, 0] + cos * discs[i, 1]
        d = sample(field, x0, y0, resolution, px, py) - discs[i, 2]
        if d < worst:
            worst = d
    return worst


@kernel
def _travel(
    field: NDArray[np.float32], x0: float, y0: float, resolution: float,
    pose: Array, velocity: Array, target: Array, lag: float, discs: Array, steps: int,
) -> float:  # fmt: skip
    """Smallest clearance [m] on the way under a velocity that goes from `velocity` to `target`."""
    x, y, yaw = pose[0], pose[1], pose[2]
    v = velocity.copy()
    blend = 1.0 - math.exp(-STEP / lag)
    worst = 1e9
    for _ in range(steps):
        v += blend * (target - v)
        cos, sin = math.cos(yaw), math.sin(yaw)
        x += STEP * (cos * v[0] - sin * v[1])
        y += STEP * (sin * v[0] + cos * v[1])
        yaw += STEP * v[2]
        worst = min(worst, body_clearance(field, x0, y0, resolution, x, y, yaw, discs))
    return worst


def body_room(field: DistanceField, pose: Array, discs: Array) -> float:
    """Clearance [m] of the body standing at pose (3,) x, y, yaw in map; negative: it overlaps."""
    return float(body_clearance(*field.args(), float(pose[0]), float(pose[1]), float(pose[2]), discs))


def clearance_ahead(
    field: DistanceField, pose: Array, velocity: Array, command: Array, discs: Array, gait: Gait,
    horizon: float,
) -> float:  # fmt: skip
    """Smallest clearance [m] of the body within `horizon` [s] if `command` (3,) were given now.

    velocity: (3,) present velocity in base_link (x, y, yaw)."""
    return float(
        _travel(
            *field.args(), np.asarray(pose, dtype=np.float64), np.asarray(velocity, dtype=np.float64),
            gait.velocity(command), gait.lag, discs, max(1, round(horizon / STEP)),
        )
    )  # fmt: skip
