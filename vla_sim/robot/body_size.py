"""How much room the G1's body takes: the outlines that navigation, manipulation and safety keep free.

Lengths in metres, in `base_link` (the pelvis) where nothing else is said. Each outline is the one of
`models/g1/model.sdf` in the pose that its use implies, with the clearance that this use wants; a test holds
them against the model.
"""

import numpy as np

from vla_sim.common.geometry import Array
from vla_sim.world.semantic_map import OBSTACLE_HEIGHTS

FRONT, BACK, HALF_WIDTH = 0.17, 0.16, 0.27
"""What the velocity gate keeps free of contact: torso and toes ahead, heels behind, elbows at the sides."""
DOCKED_FRONT, DOCKED_BACK = 0.13, 0.20
"""What must be free where the robot stands at furniture, whose edge may reach over its toes; and to each
side `ELBOWS`."""
ELBOWS = 0.28
"""Half the width at the elbows, arms in the walking pose: a disc of this radius passes where it does."""
TURNING_RADIUS = 0.36
"""Turning on the spot with the arms in the walking pose sweeps this disc."""
TRUNK_RADIUS = 0.25
"""Of an upright cylinder around the pelvis, where a coarse outline is enough."""


def _discs(*rows: tuple[float, float, float]) -> Array:
    return np.array(rows, dtype=np.float64)


LEGS = _discs((0.00, 0.00, 0.18))
"""(n, 3): centre x, y and radius of discs that cover an outline."""
ARMS = _discs(
    (-0.03, 0.19, 0.09), (-0.03, -0.19, 0.09), (0.14, 0.18, 0.08), (0.14, -0.18, 0.08),
    (0.26, 0.17, 0.07), (0.26, -0.17, 0.07),
)  # fmt: skip
"""In the walking pose: elbows 0.28 m to either side, hands 0.33 m ahead."""
WALKING_BODY = np.concatenate([LEGS, ARMS])
DOCKING_BODY = _discs((0.00, 0.00, 0.16), (-0.03, 0.19, 0.09), (-0.03, -0.19, 0.09))
"""At furniture: toes and knees go under the top and the arms are above it, so the trunk counts."""
PIVOTING_BODY = _discs((0.0, 0.0, TURNING_RADIUS))

ARMS_HEIGHTS = (0.60, OBSTACLE_HEIGHTS[1])
"""Above the floor: from the hands in the walking pose, with some room below, to the head."""
SOLE_BELOW_ANKLE = 0.037
"""From the ankle roll joint down to the sole."""

LIMB_RADIUS = 0.10
"""Around the axes of upper arm and forearm, to tell the robot's own arms from obstacles in an image."""
HAND_RADIUS = 0.13
"""Around the hand likewise: the fingers open 0.10 m, and what they hold is as wide."""
HELD_RADIUS = 0.12
"""Around a hand that holds something: lidar hits in it are on the hand or what it holds."""
