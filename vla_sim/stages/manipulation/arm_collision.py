"""Distance of an arm and what it holds to furniture, other objects and the robot's own body.

The arm is a set of spheres (`robot.arm_body`); the world is boxes and capsules. All of it is in the pelvis
frame, metres.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from vla_sim.common.geometry import Array, inverse, quaternion_from_yaw, transform
from vla_sim.common.numba_cache import kernel
from vla_sim.robot.arm_body import HAND, ArmBody, BodyArgs
from vla_sim.robot.kinematics import ArmChain
from vla_sim.world.semantic_map import Surface

SWAY = 0.010
"""Further air [m] that an arm keeps to the world above its hand. The hand is led to its place in odometry
while the body sways by so much; elbow and forearm go where that takes them."""
ObstacleArgs = tuple[Array, Array, Array, Array]
"""`Obstacles` as kernels take them."""


@kernel
def clearances(frames: Array, body: BodyArgs, opening: float, obstacles: ObstacleArgs) -> tuple[float, float]:
    """(to the world, to the own body): the smallest gaps [m] of an arm's spheres; inf without things. To the
    world, those above the hand count as nearer by `SWAY`.

    frames (11, 4, 4) of the chain; opening [m] of the gripper.
    """
    joint, centre, radius, finger, limb = body
    boxes, halves, capsules, own = obstacles
    world, itself = np.inf, np.inf
    p = np.empty(3)
    for i in range(joint.shape[0]):
        t = frames[joint[i]]
        y = centre[i, 1] + finger[i] * 0.5 * opening
        for r in range(3):
            p[r] = t[r, 0] * centre[i, 0] + t[r, 1] * y + t[r, 2] * centre[i, 2] + t[r, 3]
        size = radius[i] + (SWAY if joint[i] < HAND - 1 else 0.0)
        for b in range(boxes.shape[0]):
            outside, inside = 0.0, -np.inf
            for r in range(3):
                v = boxes[b, r, 0] * p[0] + boxes[b, r, 1] * p[1] + boxes[b, r, 2] * p[2] + boxes[b, r, 3]
                over = abs(v) - halves[b, r]
                inside = max(inside, over)
                if over > 0.0:
                    outside += over * over
            gap = math.sqrt(outside) if outside > 0.0 else inside
            world = min(world, gap - size)
        for c in range(capsules.shape[0]):
            world = min(world, _to_capsule(p, capsules[c]) - size)
        if limb[i]:
            for c in range(own.shape[0]):
                itself = min(itself, _to_capsule(p, own[c]) - radius[i])
    return world, itself


@kernel
def _to_capsule(p: Array, capsule: Array) -> float:
    """Distance [m] from a point (3,) to a capsule (7,); negative inside."""
    along, square = 0.0, 0.0
    for r in range(3):
        d = capsule[3 + r] - capsule[r]
        along += d * (p[r] - capsule[r])
        square += d * d
    share = 0.0 if square < 1e-24 else min(max(along / square, 0.0), 1.0)
    total = 0.0
    for r in range(3):
        d = p[r] - capsule[r] - share * (capsule[3 + r] - capsule[r])
        total += d * d
    return math.sqrt(total) - capsule[6]


class Obstacles(NamedTuple):
    """What the arm must not touch, in the pelvis frame. boxes (b, 4, 4): pelvis to box; halves (b, 3): half
    extents [m]. capsules (c, 7): of the world, own (c, 7): of the robot, both ends and radius [m]."""

    boxes: Array = np.zeros((0, 4, 4))
    halves: Array = np.zeros((0, 3))
    capsules: Array = np.zeros((0, 7))
    own: Array = np.zeros((0, 7))

    def with_box(self, pose: Array, size: ArrayLike) -> Obstacles:
        """A box of full extents `size` (3,) at `pose` (4, 4)."""
        return self._replace(
            boxes=np.concatenate([self.boxes, inverse(pose)[None]]),
            halves=np.vstack([self.halves, 0.5 * np.asarray(size, dtype=float)]),
        )

    def with_capsule(self, a: ArrayLike, b: ArrayLike, radius: float) -> Obstacles:
        one = np.array([[*np.asarray(a, dtype=float), *np.asarray(b, dtype=float), radius]])
        return self._replace(capsules=np.vstack([self.capsules, one]))


def check(
    chain: ArmChain, body: ArmBody, q: ArrayLike, waist: ArrayLike, opening: float, obstacles: Obstacles
) -> tuple[float, float]:
    """(to the world, to the own body): smallest gaps [m] with the arm at q (7,)."""
    frames = chain.frames(q, waist)
    world, own = clearances(frames, tuple(body), float(opening), tuple(obstacles))
    return float(world), float(own)


def check_path(
    chain: ArmChain, body: ArmBody, path: Array, waist: ArrayLike, opening: float, obstacles: Obstacles,
    step: float = 0.06,
) -> tuple[float, float]:  # fmt: skip
    """The smallest gaps along a joint path (n, 7), looked at every `step` radians."""
    world, own = math.inf, math.inf
    for a, b in pairwise(path if len(path) > 1 else np.repeat(path, 2, axis=0)):
        pieces = max(1, math.ceil(float(np.abs(b - a).max()) / step))
        for i in range(1, pieces + 1):
            one = check(chain, body, a + (b - a) * i / pieces, waist, opening, obstacles)
            world, own = min(world, one[0]), min(own, one[1])
    return world, own


def table_box(surface: Surface) -> tuple[Array, Array]:
    """(pose, size) in map of a surface as a box that is solid down to the floor.

    A table is open below, but no arm has business there.
    """
    at = (surface.x, surface.y, 0.5 * surface.height)
    pose = transform(at, quaternion_from_yaw(surface.yaw))
    return pose, np.array([surface.length, surface.width, surface.height])
