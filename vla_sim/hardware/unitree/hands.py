"""A hand of motors, as the Dex3-1, mapped to a gripper: as far as its fingers are bent, that is closed.

Its topics, and where its motors are when it is closed, stand in the robot's profile (`hand.motors`).
"""

import numpy as np

from vla_sim.common.geometry import Array
from vla_sim.robot import facts

_MOTORS = facts.HAND.motors if facts.HAND else None
CLOSED: dict[str, Array] = {
    side: np.array(getattr(_MOTORS.closed, side)) for side in facts.HANDS if _MOTORS is not None
}
"""(n,) [rad] of the motors of each side's hand when it is closed; open is 0. Empty where none has motors."""


def topic(side: str, what: str) -> str:
    """Name of a hand's topic; what: "cmd" or "state"."""
    assert _MOTORS is not None
    return f"{_MOTORS.topics}/{side}/{what}"


def mode(motor: int) -> int:
    """Of a hand's motor that is on, in a command: its number in 4 bits, above them 1 for on in 3
    (`RIS_Mode_t` of `g1_dex3_example.cpp` in the vendor's unitree_sdk2). The last bit, for a watchdog of the
    hand's own, is 0: what it holds it holds also where we are silent."""
    return motor & 0x0F | 1 << 4


def opening(side: str, q: Array) -> float | None:
    """The gripper's opening [m] for motors at q (n,) [rad]; None if these are not as many numbers."""
    closed = CLOSED[side]
    if q.shape != closed.shape or not np.isfinite(q).all():
        return None
    bends = closed != 0.0
    share = float(np.clip(q[bends] / closed[bends], 0.0, 1.0).mean())
    return facts.WIDEST * (1.0 - share)


def motors(side: str, wide: float) -> Array:
    """(n,) [rad] of the hand's motors for a gripper that is open by `wide` [m]."""
    return CLOSED[side] * (1.0 - min(max(wide / facts.WIDEST, 0.0), 1.0))
