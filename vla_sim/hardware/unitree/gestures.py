"""Gestures with the arms, in the vendor's names and numbers (`g1_arm_action_client.py`), as far as a robot
with grippers can make them. The postures are our own."""

from dataclasses import dataclass

import numpy as np

from vla_sim.common.geometry import Array
from vla_sim.robot import facts

RELEASE = "release arm"
HOME = {side: facts.DEFAULT_POSE[facts.ARM_INDEX[side]] for side in facts.SIDES}


@dataclass(frozen=True)
class Gesture:
    """postures: of the right arm (7,) [rad], one after the other; of both arms where `both`, the left one as
    in a mirror. It ends in the last one, or, where it `returns`, with the arms down again."""

    id: int
    postures: tuple[tuple[float, ...], ...] = ()
    both: bool = False
    returns: bool = False

    def paths(self) -> dict[str, Array]:
        """By side: (n, 7) from the first posture on."""
        sides = facts.SIDES if self.both or not self.postures else ("right",)
        out = {}
        for side in sides:
            rows = [np.array(one) * (MIRROR if side == "left" else 1.0) for one in self.postures]
            out[side] = np.array([*rows, HOME[side]] if self.returns or not rows else rows)
        return out


MIRROR = np.array([1.0, -1.0, -1.0, 1.0, -1.0, 1.0, -1.0])
"""Right to left: pitch joints and the elbow turn about the same axis, the others about its mirror image."""

_UP = (-1.2, -0.5, 0.0, -0.6, 0.0, 0.0, 0.0)
_SWING = tuple((-1.2, roll, 0.0, -0.6, 0.0, 0.0, 0.0) for roll in (-0.3, -0.8, -0.3, -0.8))
GESTURES: dict[str, Gesture] = {
    RELEASE: Gesture(99),
    "hands up": Gesture(15, (_UP,), both=True),
    "high five": Gesture(18, ((-1.5, -0.2, 0.0, -0.4, 0.0, 0.0, 0.0),)),
    "hug": Gesture(19, ((-0.9, -0.5, 0.5, 0.4, 0.0, 0.0, 0.0),), both=True),
    "right hand up": Gesture(23, (_UP,)),
    "face wave": Gesture(25, (_UP, *_SWING), returns=True),
    "high wave": Gesture(26, (_UP, *_SWING), returns=True),
    "shake hand": Gesture(27, ((-0.5, -0.2, 0.0, 0.3, 0.0, 0.0, 0.0),)),
}
