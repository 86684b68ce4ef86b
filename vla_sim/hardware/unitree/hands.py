"""The Dex3-1 hand's topics, mapped to a gripper: how far its two fingers are bent is how far that is closed.

Seven motors: thumb (0 to 2), middle finger (3, 4), index finger (5, 6). Their ranges are those of the
vendor's `g1_dex3_example.cpp` (unitree_sdk2). The thumb has no counterpart and is reported at rest.
"""

import numpy as np

from vla_sim.common.geometry import Array
from vla_sim.stages.control.gripper import WIDEST

MOTORS = 7
FINGERS = slice(3, MOTORS)
BENT = {side: sign * np.array([1.57, 1.75, 1.57, 1.75]) for side, sign in (("left", -1.0), ("right", 1.0))}
"""(4,) [rad] of the fingers' motors when they are closed; open is 0."""


def opening(side: str, q: Array) -> float | None:
    """The gripper's opening [m] for motors at q (7,) [rad]; None if these are no seven numbers."""
    if q.shape != (MOTORS,) or not np.isfinite(q).all():
        return None
    closed = float(np.clip(q[FINGERS] / BENT[side], 0.0, 1.0).mean())
    return WIDEST * (1.0 - closed)


def motors(side: str, wide: float) -> Array:
    """(7,) [rad] of the hand's motors for a gripper that is open by `wide` [m]."""
    out = np.zeros(MOTORS)
    out[FINGERS] = BENT[side] * (1.0 - min(max(wide / WIDEST, 0.0), 1.0))
    return out
