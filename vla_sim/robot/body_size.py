"""How much room the G1's body takes: the outlines that navigation, manipulation and safety keep free.

Lengths in metres, in `base_link` (the pelvis) where nothing else is said. Each outline is the one of
`models/g1/model.sdf` in the pose that its use implies, with the clearance that this use wants; a test holds
them against the model.
"""

import numpy as np

from vla_sim.common.geometry import Array
from vla_sim.world.semantic_map import OBSTACLE_HEIGHTS

SWAY = 0.03
"""By which the pelvis sways to either side of its mean way, once a stride."""
HANDS = 0.305
"""Half the width between the hands' outer sides, which swing beside the hips: the widest part of the walking
body. Measured over the collisions in MuJoCo, from the pelvis, while standing, walking at 0.25 to 0.7 m/s,
backwards, to the side, in arcs and on the spot: 0.293 to 0.310. An arm that carries something has its elbow
0.29 out, and what it holds no farther."""
SWATH = HANDS + SWAY
"""Half the width that the walking robot needs, seen from its mean way. Measured likewise: 0.326 to 0.335
empty-handed, at any speed, and the same with something carried."""
LEGS_SWATH = 0.245
"""Likewise of the legs alone, which is all that is below `ARMS_HEIGHTS`: measured 0.21 straight on, 0.245 to
the side and turning."""
FRONT, BACK = 0.19, 0.18
"""What the velocity gate keeps free ahead and behind, seen from the mean pose, and `SWATH` to each side:
torso and toes ahead, heels behind. At the speeds of walking the way to halt keeps more free than the hands
and a stepping foot reach, 0.24 ahead."""
DOCKED_FRONT, DOCKED_BACK = 0.13, 0.20
"""What must be free where the robot stands at furniture, whose edge may reach over its toes; and to each
side `SWATH`, for it steps until it stands."""
LOW_FRONT = DOCKED_FRONT + 0.02
"""As `FRONT`, for what the depth camera sees, the edge of a table before the robot among it."""
TURNING_RADIUS = 0.38
"""Turning on the spot with the arms in the walking pose sweeps this disc: measured 0.35, and the sway."""
TRUNK_RADIUS = 0.25
"""Of an upright cylinder around the pelvis, where a coarse outline is enough."""


def _discs(*rows: tuple[float, float, float]) -> Array:
    return np.array(rows, dtype=np.float64)


LEGS = _discs((0.00, 0.00, 0.18))
"""(n, 3): centre x, y and radius of discs that cover an outline."""
ARMS = _discs(
    (0.00, 0.19, 0.09), (0.00, -0.19, 0.09), (0.09, 0.235, 0.08), (0.09, -0.235, 0.08),
    (0.17, SWATH - 0.08, 0.08), (0.17, 0.08 - SWATH, 0.08), (0.26, 0.17, 0.07), (0.26, -0.17, 0.07),
)  # fmt: skip
"""In the walking pose, seen from the mean pose: elbows 0.28 m to either side, hands `SWATH`,
what they carry 0.33 m ahead."""
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
