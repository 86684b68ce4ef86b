"""The Unitree G1's facts that are not in `models/g1/model.sdf`: joint order and groups, gains, poses.

Sources. Joint order, leg, waist and arm gains: metadata of the walking policy's ONNX file
(`holosoma-inference` 0.1.3). Default pose: the same policy's configuration. Link frames, masses,
limits, effort and damping are in the SDF and are read from there.
"""

import numpy as np

SIDES = ("left", "right")

LEG_JOINTS = tuple(
    f"{side}_{name}_joint"
    for side in SIDES
    for name in ("hip_pitch", "hip_roll", "hip_yaw", "knee", "ankle_pitch", "ankle_roll")
)
WAIST_JOINTS = ("waist_yaw_joint", "waist_roll_joint", "waist_pitch_joint")
_ARM = ("shoulder_pitch", "shoulder_roll", "shoulder_yaw", "elbow", "wrist_roll", "wrist_pitch", "wrist_yaw")
ARM_JOINTS: dict[str, tuple[str, ...]] = {
    side: tuple(f"{side}_{name}_joint" for name in _ARM) for side in SIDES
}
FINGER_JOINTS: dict[str, tuple[str, str]] = {
    side: (f"{side}_finger_left_joint", f"{side}_finger_right_joint") for side in SIDES
}
"""Each finger slides outward from 0 (closed, pads touching) to `FINGER_STROKE`."""

BODY_JOINTS = (*LEG_JOINTS, *WAIST_JOINTS, *ARM_JOINTS["left"], *ARM_JOINTS["right"])
"""The 29 joints in the policy's order."""
JOINTS = (*BODY_JOINTS, *FINGER_JOINTS["left"], *FINGER_JOINTS["right"])
"""All 33 joints in the order of every joint array of the project."""

INDEX: dict[str, int] = {name: i for i, name in enumerate(JOINTS)}
WAIST_INDEX = np.array([INDEX[j] for j in WAIST_JOINTS])
ARM_INDEX: dict[str, np.ndarray] = {s: np.array([INDEX[j] for j in ARM_JOINTS[s]]) for s in SIDES}
FINGER_INDEX: dict[str, np.ndarray] = {s: np.array([INDEX[j] for j in FINGER_JOINTS[s]]) for s in SIDES}

FINGER_STROKE = 0.05
"""Largest travel of one finger [m]; the gripper opens to twice that."""

BASE_LINK = "pelvis"
"""The SDF link that ROS calls `base_link`."""
TOOL_FRAME: dict[str, str] = {side: f"{side}_tool" for side in SIDES}
"""SDF frames between the finger pads: x out of the hand, y across the fingers' opening, z up when
the arm hangs forward with the thumb side up."""
STANDING_HEIGHT = 0.77
"""Pelvis above the floor when standing under the policy [m]."""

DEFAULT_POSE = np.zeros(len(JOINTS))
"""The policy's default joint positions [rad]; fingers closed."""
for _side in SIDES:
    for _name, _value in (("hip_pitch", -0.312), ("knee", 0.669), ("ankle_pitch", -0.363)):
        DEFAULT_POSE[INDEX[f"{_side}_{_name}_joint"]] = _value
    DEFAULT_POSE[ARM_INDEX[_side]] = (0.2, 0.2 if _side == "left" else -0.2, 0.0, 0.6, 0.0, 0.0, 0.0)
