"""The robot's arms and trunk as spheres and capsules, fitted into the collision shapes of its SDF.

All of it is in the pelvis frame, metres. Manipulation plans with these shapes and safety judges by them: they
are the robot's; what each does with them is its own.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vla_sim.common.geometry import Array, inverse
from vla_sim.robot import facts
from vla_sim.robot.kinematics import WAIST, Kinematics
from vla_sim.world.sdf import elements

HAND = WAIST + 7
"""Index of the tool's frame in `ArmChain.frames`."""
_OWN_LINKS = tuple(facts.PROFILE.trunk)


BodyArgs = tuple[NDArray[np.int64], Array, Array, Array, NDArray[np.bool_]]
"""`ArmBody` as kernels take it."""


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


class BodyModel:
    """Collision shapes of the robot, read from its SDF."""

    def __init__(self, kinematics: Kinematics) -> None:
        self.kinematics = kinematics
        self.arm = {side: _arm_body(kinematics, side) for side in facts.SIDES}
        model = kinematics.model
        self._own = [
            (link, *_capsule(shape))
            for link in _OWN_LINKS
            for shape in model.link(link).collisions
            if shape.geometry.shape in ("capsule", "sphere")
        ]

    def trunk(self, joint_position: ArrayLike) -> Array:
        """(c, 7) trunk, head and thighs, for joints (n,)."""
        out = []
        frames = self.kinematics.poses(_OWN_LINKS, joint_position)
        for link, a, b, radius in self._own:
            t = frames[link]
            out.append([*(t[:3, :3] @ a + t[:3, 3]), *(t[:3, :3] @ b + t[:3, 3]), radius])
        return np.array(out)

    def own_capsules(self, joint_position: ArrayLike, side: str) -> Array:
        """(c, 7) the trunk and the other arm, for the arm of `side`."""
        q = np.asarray(joint_position, dtype=float)
        out = []
        other = "left" if side == "right" else "right"
        chain, body = self.kinematics.arm[other], self.arm[other]
        waist = q[facts.WAIST_INDEX]
        frames = chain.frames(q[facts.ARM_INDEX[other]], waist)
        for i in np.flatnonzero(body.limb):
            p = frames[body.joint[i]][:3, :3] @ body.centre[i] + frames[body.joint[i]][:3, 3]
            out.append([*p, *p, body.radius[i]])
        return np.vstack([self.trunk(q), out])


def _capsule(shape: elements.Collision) -> tuple[Array, Array, float]:
    """Both ends in the link, and the radius."""
    size = shape.geometry.size
    half = 0.5 * size[1] if shape.geometry.shape == "capsule" else 0.0
    axis = shape.pose[:3, 2] * half
    return shape.pose[:3, 3] - axis, shape.pose[:3, 3] + axis, size[0]


def _arm_body(kinematics: Kinematics, side: str) -> ArmBody:
    model, chain = kinematics.model, kinematics.arm[side]
    zero, waist = np.zeros(len(facts.JOINTS)), np.zeros(WAIST)
    frames = chain.frames(np.zeros(7), waist)
    parts = [(WAIST + i, name, i >= 3) for i, name in enumerate(facts.ARM_JOINTS[side])]
    parts += [(HAND - 1, name, True) for name in facts.FINGER_JOINTS[side]]
    rows: list[tuple[int, Array, float, float, bool]] = []
    for frame, name, limb in parts:
        joint, to_joint = model.joint(name), inverse(frames[frame])
        assert joint.axis is not None
        slide = joint.axis.xyz[1] if name in facts.FINGER_JOINTS[side] else 0.0
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
