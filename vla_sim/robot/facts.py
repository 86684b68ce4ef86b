"""The facts of the robot that this process is of: joint order and groups, poses, frames.

They are those of its profile (`robot.profile`), which the environment variable VLA_SIM_ROBOT names for a
process and all that it starts, or the G1's. Link frames, masses, limits and effort are in the SDF and are
read from there.
"""

import numpy as np

from vla_sim.common import assets
from vla_sim.robot import profile

FILE = assets.chosen_robot()
NAME = FILE.stem
PROFILE = profile.load(FILE)
HAND = None if PROFILE.hand == "none" else PROFILE.hand
"""None: it has no hand, and carries nothing."""
NO_HAND = "I have no hand, so I cannot take or carry anything"
"""What a robot without a hand says of itself."""

SIDES = ("left", "right")
HANDS = SIDES if HAND else ()
"""Sides on which it has a hand."""


def _of(group: object) -> dict[str, tuple[str, ...]]:
    return {side: tuple(getattr(group, side)) for side in SIDES}


WAIST_JOINTS = tuple(PROFILE.waist)
"""Between the base and the arms; none where the arms hang on the base."""
ARM_JOINTS = _of(PROFILE.arms.joints)
FINGER_JOINTS: dict[str, tuple[str, ...]] = _of(HAND.fingers) if HAND else dict.fromkeys(SIDES, ())
"""Each finger slides outward from 0 (closed, pads touching) to `FINGER_STROKE`."""

BODY_JOINTS = tuple(PROFILE.joints)
"""Those of the body, in the policy's order."""
JOINTS = (*BODY_JOINTS, *FINGER_JOINTS["left"], *FINGER_JOINTS["right"])
"""All joints, of the body and the fingers, in the order of every joint array of the project."""

INDEX: dict[str, int] = {name: i for i, name in enumerate(JOINTS)}


def _index(names: tuple[str, ...]) -> np.ndarray:
    return np.array([INDEX[name] for name in names], dtype=np.int64)


WAIST_INDEX = _index(WAIST_JOINTS)
ARM_INDEX: dict[str, np.ndarray] = {side: _index(ARM_JOINTS[side]) for side in SIDES}
FINGER_INDEX: dict[str, np.ndarray] = {side: _index(FINGER_JOINTS[side]) for side in SIDES}

FINGER_STROKE = HAND.stroke if HAND else 0.0
"""Largest travel of one finger [m]."""
WIDEST = 2.0 * FINGER_STROKE
"""Opening of the gripper [m]."""

POLICIES = tuple(PROFILE.policy.networks)
"""Names of its walking policies; the first is the one that it walks by."""
BASE_LINK = PROFILE.base
"""The SDF link that ROS calls `base_link`."""
FOOT_LINK: dict[str, str] = {side: getattr(PROFILE.legs.feet, side) for side in SIDES}
TOOL_FRAME: dict[str, str] = {side: getattr(PROFILE.arms.tools, side) for side in SIDES}
"""SDF frames between the finger pads: x out of the hand, y across the fingers' opening, z up when
the arm hangs forward with the thumb side up."""
STANDING_HEIGHT = PROFILE.standing_height
"""Pelvis above the floor when standing under the policy [m]."""
FALLEN_TILT = PROFILE.fallen_tilt
"""[rad] between the pelvis's z and the vertical from which no step saves the robot."""
FALL_TIME = 0.1
"""[s] for which a sign of a fall must last."""

DEFAULT_POSE = np.zeros(len(JOINTS))
"""The policy's default joint positions [rad]; fingers closed."""
for _name, _value in PROFILE.posture.items():
    DEFAULT_POSE[INDEX[_name]] = _value
