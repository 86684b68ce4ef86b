"""The clearance of the body's outline now and along a predicted motion.

An outline is discs (n, 3): centre x, y in base_link [m] and radius [m], see `robot.body_size`.
"""

import math

import numpy as np

from vla_sim.common.geometry import Array
from vla_sim.common.numba_cache import kernel
from vla_sim.stages.navigation import gait
from vla_sim.stages.navigation.distance_field import DistanceField, FieldArgs, sample

STEP = 0.1
"""Time step of predictions [s]."""


@kernel
def body_clearance(field: FieldArgs, x: float, y: float, yaw: float, discs: Array) -> float:
    """Smallest distance [m] from the discs at a pose in map to an obstacle of the field (see
    `DistanceField.args`); negative where one overlaps."""
    cos, sin = math.cos(yaw), math.sin(yaw)
    worst = 1e9
    for i in range(len(discs)):
        px = x + cos * discs[i, 0] - sin * discs[i, 1]
        py = y + sin * discs[i, 0] + cos * discs[i, 1]
        d = sample(field, px, py) - discs[i, 2]
        if d < worst:
            worst = d
    return worst


@kernel
def disc_clearance(x: float, y: float, yaw: float, discs: Array, obstacles: Array, after: float) -> float:
    """Smallest gap [m] between the robot's discs at a pose and obstacle discs, where these will be `after`
    seconds; negative where two overlap, 1e9 if there are none.

    obstacles: (m, 5) x, y, vx, vy in map and radius."""
    cos, sin = math.cos(yaw), math.sin(yaw)
    worst = 1e9
    for j in range(len(obstacles)):
        ox, oy = obstacles[j, 0] + after * obstacles[j, 2], obstacles[j, 1] + after * obstacles[j, 3]
        for i in range(len(discs)):
            px = x + cos * discs[i, 0] - sin * discs[i, 1]
            py = y + sin * discs[i, 0] + cos * discs[i, 1]
            worst = min(worst, math.hypot(ox - px, oy - py) - obstacles[j, 4] - discs[i, 2])
    return worst


@kernel
def _rollout_clearance(
    field: FieldArgs, pose: Array, velocity: Array, target: Array, lag: float, discs: Array, steps: int
) -> float:
    """Smallest clearance [m] on the way under a velocity (3,) that goes from `velocity` to `target`."""
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
        worst = min(worst, body_clearance(field, x, y, yaw, discs))
    return worst


def body_room(field: DistanceField, pose: Array, discs: Array) -> float:
    """Clearance [m] of the body standing at pose (3,) x, y, yaw in map; negative: it overlaps."""
    return float(body_clearance(field.args(), float(pose[0]), float(pose[1]), float(pose[2]), discs))


def clearance_ahead(
    field: DistanceField, pose: Array, velocity: Array, command: Array, discs: Array, horizon: float
) -> float:
    """Smallest clearance [m] of the body within `horizon` [s] if `command` (3,) were given now.

    velocity: (3,) present velocity in base_link (x, y, yaw)."""
    steps = max(1, round(horizon / STEP))
    pose, velocity = np.asarray(pose, dtype=np.float64), np.asarray(velocity, dtype=np.float64)
    target = gait.steady_velocity(command)
    return float(_rollout_clearance(field.args(), pose, velocity, target, gait.LAG, discs, steps))
