"""How much room the robot's body takes: the outlines that navigation, manipulation and safety keep free.

Lengths in metres, in `base_link` (the pelvis) where nothing else is said, from the robot's profile. Each
outline is the one of its model in the pose that its use implies, with the clearance that this use wants; a
test holds them against the model.
"""

import numpy as np

from vla_sim.common.geometry import Array
from vla_sim.robot.facts import PROFILE
from vla_sim.world.world_file import OBSTACLE_HEIGHTS

_SIZE = PROFILE.size
TRUNK = _SIZE.trunk
"""x0, x1, y0, y1 of an upright box whose points, in an image, are of the robot's own trunk and legs."""
SWAY = _SIZE.sway
"""By which the pelvis sways to either side of its mean way, once a stride."""
HANDS = _SIZE.hands
"""Half the width between the hands' outer sides, which swing beside the hips: the widest part of the walking
body. Measured over the collisions in MuJoCo, from the pelvis, while standing, walking at 0.25 to 0.7 m/s,
backwards, to the side, in arcs and on the spot. An arm that carries something reaches no farther out."""
SWATH = HANDS + SWAY
"""Half the width that the walking robot needs, seen from its mean way, also with something carried."""
LEGS_SWATH = _SIZE.legs_swath
"""Likewise of the legs alone, which is all that is below `ARMS_HEIGHTS`."""
FRONT, BACK = _SIZE.front, _SIZE.back
"""What the velocity gate keeps free ahead and behind, seen from the mean pose, and `SWATH` to each side:
torso and toes ahead, heels behind. At the speeds of walking the way to halt keeps more free than the hands
and a stepping foot reach."""
DOCKED_FRONT, DOCKED_BACK = _SIZE.docked_front, _SIZE.docked_back
"""What must be free where the robot stands at furniture, whose edge may reach over its toes; and to each
side `SWATH`, for it steps until it stands."""
LOW_FRONT = DOCKED_FRONT + 0.02
"""As `FRONT`, for what the depth camera sees, the edge of a table before the robot among it."""
TURNING_RADIUS = _SIZE.turning_radius
"""Turning on the spot with the arms in the walking pose sweeps this disc, sway included."""
TRUNK_RADIUS = _SIZE.trunk_radius
"""Of an upright cylinder around the pelvis, where a coarse outline is enough."""


def _arms() -> Array:
    """Discs of both arms; none reaches farther out than `SWATH`."""
    left = [(x, min(y, SWATH - r), r) for x, y, r in _SIZE.arms]
    return np.array([(x, sign * y, r) for x, y, r in left for sign in (1.0, -1.0)])


LEGS = np.array(_SIZE.legs)
"""(n, 3): centre x, y and radius of discs that cover an outline."""
ARMS = _arms()
"""In the walking pose, seen from the mean pose: elbows, hands out to `SWATH`, and what they carry."""
ARMS_AHEAD = float((ARMS[:, 0] + ARMS[:, 2]).max())
"""How far they reach ahead."""
WALKING_BODY = np.concatenate([LEGS, ARMS])
DOCKING_BODY = np.array(_SIZE.docking)
"""At furniture: toes and knees go under the top and the arms are above it, so the trunk counts."""
PIVOTING_BODY = np.array([(0.0, 0.0, TURNING_RADIUS)])

ARMS_HEIGHTS = (_SIZE.arms_height, OBSTACLE_HEIGHTS[1])
"""Above the floor: from the hands in the walking pose, with some room below, to the head."""
SOLE_BELOW_ANKLE = PROFILE.legs.sole
"""From the foot link's origin, the ankle, down to the sole."""

LIMB_RADIUS = _SIZE.limb_radius
"""Around the axes of upper arm and forearm, to tell the robot's own arms from obstacles in an image."""
HAND_RADIUS = _SIZE.hand_radius
"""Around the hand likewise: what it holds is as wide as its fingers open."""
HELD_RADIUS = _SIZE.held_radius
"""Around a hand that holds something: lidar hits in it are on the hand or what it holds."""
