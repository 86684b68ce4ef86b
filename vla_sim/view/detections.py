"""Where what perception has found is in the head camera's picture."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np

from vla_sim.common.geometry import Array, inverse, quaternion_from_yaw, rotation_from_quaternion, transform
from vla_sim.contract.records import DetectedObject
from vla_sim.robot import facts
from vla_sim.robot.body import SENSOR_FROM_OPTICAL
from vla_sim.robot.extrinsics import CAMERA
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.perception.camera import Intrinsics
from vla_sim.view.state import Picture, matrix

NEAREST = 0.05
"""[m] before the camera; what is nearer, or behind it, is not in the picture."""
_CORNERS = np.array(list(product((-0.5, 0.5), repeat=3)))


class Box(NamedTuple):
    """left, top, right, bottom [px]. age: since it was last seen [s]."""

    label: str
    confidence: float
    age: float
    left: float
    top: float
    right: float
    bottom: float


def boxes(
    picture: Picture, found: list[DetectedObject], camera: Intrinsics, kinematics: Kinematics
) -> list[Box]:
    """Around those of the objects that lie in the picture, whether or not something hides them."""
    if picture.base is None or not picture.joints.keys() >= set(facts.JOINTS):
        return []
    joints = np.array([picture.joints[name] for name in facts.JOINTS])
    optical = matrix(picture.base) @ kinematics.frame(CAMERA, joints) @ SENSOR_FROM_OPTICAL
    into = inverse(optical)
    out = []
    for one in found:
        box = _around(one, into, camera)
        if box is not None:
            label = f"{one.colour} {one.kind}".strip()
            out.append(Box(label, one.confidence, max(0.0, picture.stamp - one.last_seen), *box))
    return out


def _around(one: DetectedObject, into: Array, camera: Intrinsics) -> list[float] | None:
    """Left, top, right, bottom [px] within the picture; None if it is not in it."""
    pose = transform(one.position, rotation_from_quaternion(quaternion_from_yaw(one.yaw)))
    corners = np.column_stack([_CORNERS * one.size, np.ones(8)]) @ pose.T @ into.T
    if corners[:, 2].min() < NEAREST:
        return None
    u = camera.fx * corners[:, 0] / corners[:, 2] + camera.cx
    v = camera.fy * corners[:, 1] / corners[:, 2] + camera.cy
    left, right = np.clip([u.min(), u.max()], 0.0, camera.width - 1.0).tolist()
    top, bottom = np.clip([v.min(), v.max()], 0.0, camera.height - 1.0).tolist()
    return [left, top, right, bottom] if right - left >= 1.0 and bottom - top >= 1.0 else None
