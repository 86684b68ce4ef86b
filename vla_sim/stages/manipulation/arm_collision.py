"""Distance of an arm and what it holds to furniture, other objects and the robot's own body.

The arm is a set of spheres fitted into its SDF collision shapes; the world is boxes and capsules. All
of it is in the pelvis frame, metres.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vla_sim.common.geometry import Array, inverse, transform
from vla_sim.common.numba_cache import kernel
from vla_sim.robot import g1
from vla_sim.robot.kinematics import WAIST, ArmChain, Kinematics
from vla_sim.world.sdf import elements
from vla_sim.world.semantic_map import Surface

HAND = WAIST + 7
"""Index of the tool's frame in `ArmChain.frames`."""
_OWN_LINKS = ("torso_link", g1.BASE_LINK, "left_hip_roll_link", "right_hip_roll_link")


BodyArgs = tuple[NDArray[np.int64], Array, Array, Array, NDArray[np.bool_]]
"""`ArmBody` as kernels take it."""
ObstacleArgs = tuple[Array, Array, Array, Array]
"""`Obstacles` as kernels take them."""


@kernel
def clearances(frames: Array, body: BodyArgs, opening: float, obstacles: ObstacleArgs) -> tuple[float, float]:
    """(to the world, to the own body): the smallest gaps [m] of an arm's spheres; inf without things.

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
        for b in range(boxes.shape[0]):
            outside, inside = 0.0, -np.inf
            for r in range(3):
                v = boxes[b, r, 0] * p[0] + boxes[b, r, 1] * p[1] + boxes[b, r, 2] * p[2] + boxes[b, r, 3]
                over = abs(v) - halves[b, r]
                inside = max(inside, over)
                if over > 0.0:
                    outside += over * over
            gap = math.sqrt(outside) if outside > 0.0 else inside
            world = min(world, gap - radius[i])
        for c in range(capsules.shape[0]):
            world = min(world, _to_capsule(p, capsules[c]) - radius[i])
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


class ArmBody(NamedTuple):
    """An arm's spheres: sphere i has `centre[i]` [m] in frame `joint[i]` of the chain and `radius[i]` [m],
    slides by `finger[i] * opening / 2` along y, and meets the own body if `limb[i]`."""

    joint: NDArray[np.int64]
    centre: Array
    radius: Array
    finger: Array
    limb: NDArray[np.bool_]

    def holding(self, size: ArrayLike, offset: ArrayLike) -> ArmBody:
        """With an upright object of `size` (3,) whose centre is at `offset` (3,) in the tool frame."""
        x, y, z = np.asarray(size, dtype=float)
        r = 0.5 * max(min(x, y), 0.02)
        reach = max(0.5 * z - r, 0.0)
        heights = np.linspace(-reach, reach, max(2, math.ceil(reach / r) + 1))
        n = len(heights)
        return ArmBody(
            np.concatenate([self.joint, np.full(n, HAND)]),
            np.vstack([self.centre, np.asarray(offset, dtype=float) + np.outer(heights, (0.0, 0.0, 1.0))]),
            np.concatenate([self.radius, np.full(n, r)]),
            np.concatenate([self.finger, np.zeros(n)]),
            np.concatenate([self.limb, np.ones(n, dtype=np.bool_)]),
        )


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


class BodyModel:
    """Collision shapes of the robot, read from its SDF."""

    def __init__(self, kinematics: Kinematics) -> None:
        self.kinematics = kinematics
        self.arm = {side: _arm_body(kinematics, side) for side in g1.SIDES}
        model = kinematics.model
        self._own = [
            (link, *_capsule(shape))
            for link in _OWN_LINKS
            for shape in model.link(link).collisions
            if shape.geometry.shape in ("capsule", "sphere")
        ]

    def own_capsules(self, joint_position: ArrayLike, side: str) -> Array:
        """(c, 7) torso, head, pelvis, thighs and the other arm, for the arm of `side`."""
        q = np.asarray(joint_position, dtype=float)
        out = []
        for link, a, b, radius in self._own:
            t = self.kinematics.frame(link, q)
            out.append([*(t[:3, :3] @ a + t[:3, 3]), *(t[:3, :3] @ b + t[:3, 3]), radius])
        other = "left" if side == "right" else "right"
        chain, body = self.kinematics.arm[other], self.arm[other]
        waist = q[[g1.INDEX[name] for name in g1.WAIST_JOINTS]]
        frames = chain.frames(q[g1.ARM_INDEX[other]], waist)
        for i in np.flatnonzero(body.limb):
            p = frames[body.joint[i]][:3, :3] @ body.centre[i] + frames[body.joint[i]][:3, 3]
            out.append([*p, *p, body.radius[i]])
        return np.array(out)


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


def _capsule(shape: elements.Collision) -> tuple[Array, Array, float]:
    """Both ends in the link, and the radius."""
    size = shape.geometry.size
    half = 0.5 * size[1] if shape.geometry.shape == "capsule" else 0.0
    axis = shape.pose[:3, 2] * half
    return shape.pose[:3, 3] - axis, shape.pose[:3, 3] + axis, size[0]


def _arm_body(kinematics: Kinematics, side: str) -> ArmBody:
    model, chain = kinematics.model, kinematics.arm[side]
    zero, waist = np.zeros(len(g1.JOINTS)), np.zeros(WAIST)
    frames = chain.frames(np.zeros(7), waist)
    parts = [(WAIST + i, name, i >= 3) for i, name in enumerate(g1.ARM_JOINTS[side])]
    parts += [(HAND - 1, name, True) for name in g1.FINGER_JOINTS[side]]
    rows: list[tuple[int, Array, float, float, bool]] = []
    for frame, name, limb in parts:
        joint, to_joint = model.joint(name), inverse(frames[frame])
        assert joint.axis is not None
        slide = joint.axis.xyz[1] if name in g1.FINGER_JOINTS[side] else 0.0
        for shape in model.link(joint.child).collisions:
            for centre, radius in _spheres(shape.geometry):
                p = to_joint @ kinematics.frame(joint.child, zero) @ shape.pose @ [*centre, 1.0]
                rows.append((frame, p[:3], radius, slide, limb))
    joint_index, centres, radii, fingers, limbs = (np.array(column) for column in zip(*rows, strict=True))
    return ArmBody(joint_index, centres, radii, fingers, limbs)


def _spheres(geometry: elements.Geometry) -> list[tuple[Array, float]]:
    """Spheres in a row that fill a shape: a capsule's own radius; half a box's middle extent."""
    if geometry.shape == "sphere":
        return [(np.zeros(3), geometry.size[0])]
    if geometry.shape in ("capsule", "cylinder"):
        radius, half = geometry.size[0], 0.5 * geometry.size[1]
        axis = 2
    elif geometry.shape == "box":
        order = np.argsort(geometry.size)
        axis, radius = int(order[2]), 0.5 * geometry.size[order[1]]
        half = max(0.0, 0.5 * geometry.size[axis] - radius)
    else:
        return []
    direction = np.eye(3)[axis]
    places = np.linspace(-half, half, max(1, math.ceil(2.0 * half / radius)) + 1)
    return [(direction * p, radius) for p in places]


def table_box(surface: Surface) -> tuple[Array, Array]:
    """(pose, size) in map of a surface as a box that is solid down to the floor.

    A table is open below, but no arm has business there.
    """
    half = surface.yaw / 2
    pose = transform((surface.x, surface.y, 0.5 * surface.height), (math.cos(half), 0.0, 0.0, math.sin(half)))
    return pose, np.array([surface.length, surface.width, surface.height])
