"""What the robot senses as a policy's mapping wants it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vla_sim.common.geometry import Array, pose7
from vla_sim.robot import facts
from vla_sim.stages.manipulation.planning_scene import Observation
from vla_sim.stages.perception.camera import Images
from vla_sim.stages.policy.errors import PolicyError
from vla_sim.stages.policy.mapping import Entry, Gripper, Mapping, Value

COUNTS = {"joints": len(facts.JOINTS), "body_joints": len(facts.BODY_JOINTS), "base": 7, "camera": 4}


def width(value: Value) -> int:
    """How many numbers it is."""
    return COUNTS.get(value, 7 if value.endswith("_arm") else 1)


def observe(mapping: Mapping, senses: Observation, thing: str) -> dict[str, Any]:
    """What is sent. thing: the name of what is to be taken. Raises `PolicyError` while there is no image."""
    out: dict[str, Any] = {}
    for entry in mapping.observation:
        inner = out
        for key in entry.path[:-1]:
            inner = inner.setdefault(key, {})
        inner[entry.path[-1]] = _entry(mapping, entry, senses, thing)
    return out


def _entry(mapping: Mapping, entry: Entry, senses: Observation, thing: str) -> Any:
    if entry.text is not None:
        return entry.text.replace("{object}", thing)
    if entry.values is not None:
        parts = [_value(mapping, value, senses) for value in entry.values]
        return np.concatenate(parts).astype(np.float32 if "time" not in entry.values else np.float64)
    images = _images(senses)
    if entry.image == "depth":
        return images.depth
    color = images.color if entry.size is None else scaled(images.color, *entry.size)
    return np.ascontiguousarray(color.transpose(2, 0, 1)) if entry.channels_first else color


def _value(mapping: Mapping, value: Value, senses: Observation) -> Array:
    q = senses.joint_position
    if value == "joints":
        return q
    if value == "body_joints":
        return q[: len(facts.BODY_JOINTS)]
    if value == "base":
        return pose7(senses.base)
    if value == "camera":
        return np.array(_images(senses).camera.pinhole)
    if value == "time":
        return np.array([senses.time])
    side, _, part = value.partition("_")
    if part == "arm":
        return q[facts.ARM_INDEX[side]] / mapping.radians
    return np.array([from_opening(mapping.gripper, float(q[facts.FINGER_INDEX[side]].sum()))])


def _images(senses: Observation) -> Images:
    if senses.images is None:
        raise PolicyError("the policy wants images, and my camera sends none")
    return senses.images


def from_opening(gripper: Gripper, opening: float) -> float:
    """The policy's number for an opening [m]."""
    return gripper.closed + (gripper.open - gripper.closed) * opening / facts.WIDEST


def to_opening(gripper: Gripper, number: Array) -> Array:
    """Openings (n,) [m] of the policy's numbers; what lies past open or closed is that."""
    share = (number - gripper.closed) / (gripper.open - gripper.closed)
    return facts.WIDEST * np.clip(share, 0.0, 1.0)


def scaled(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """(height, width, 3): the whole image (h, w, 3) in its proportions, in the middle, black around it."""
    h, w = image.shape[:2]
    share = min(height / h, width / w)
    rows, columns = max(1, round(h * share)), max(1, round(w * share))
    small = np.asarray(Image.fromarray(image).resize((columns, rows), Image.Resampling.BILINEAR))
    out = np.zeros((height, width, 3), np.uint8)
    top, left = (height - rows) // 2, (width - columns) // 2
    out[top : top + rows, left : left + columns] = small
    return out
