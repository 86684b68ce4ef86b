"""What a robot has for a hand: two fingers that slide together to an opening, at a speed, with a limited
force; or nothing."""

import math
from typing import Protocol

import numpy as np

from vla_sim.common.errors import InputError
from vla_sim.common.geometry import Array
from vla_sim.robot import facts
from vla_sim.robot.body import CONTROL_PERIOD

_HAND = facts.HAND
ROUNDING = 2e-3
"""Metres that an opening may lie past its range; it is put on the range."""
STIFFNESS = _HAND.stiffness if _HAND else 0.0
"""[N/m] of each finger."""
FORCE = _HAND.force if _HAND else 0.0
"""[N] Each finger's largest push on what it holds."""
SPEED = _HAND.speed if _HAND else 0.0
"""[m/s] How fast the opening changes."""
REACH = FORCE / STIFFNESS if _HAND else 0.0


class Hand(Protocol):
    """What the controller asks of a hand."""

    def reset(self) -> None:
        """As new."""

    def move(self, opening: float) -> None:
        """Go to an opening [m]. Raises `InputError` for one that it cannot have."""

    def update(self, finger_position: Array) -> Array:
        """Targets [m] of the fingers at `finger_position`, once a control period."""

    def holding(self, finger_position: Array) -> bool:
        """Whether something keeps the fingers from closing to where they were sent."""


class NoHand:
    """Of a robot that has none."""

    def reset(self) -> None:
        pass

    def move(self, opening: float) -> None:
        raise InputError(f"{facts.NO_HAND}; gripper opening {opening} m")

    def update(self, finger_position: Array) -> Array:
        return finger_position

    def holding(self, finger_position: Array) -> bool:
        return False


class Gripper:
    """The target moves at `SPEED`, but never further from a finger than `REACH`: a finger that something
    stops pushes with `FORCE` and no more. Before the first `move` it stays as it is."""

    def __init__(self) -> None:
        self.opening: float | None = None
        self._reference: float | None = None

    def reset(self) -> None:
        self.opening = self._reference = None

    def move(self, opening: float) -> None:
        """Go to an opening [m]. Raises `InputError` unless it is from 0 to `facts.WIDEST`."""
        if not (math.isfinite(opening) and -ROUNDING <= opening <= facts.WIDEST + ROUNDING):
            raise InputError(f"gripper opening {opening} m must be from 0 to {facts.WIDEST}")
        self.opening = min(max(opening, 0.0), facts.WIDEST)

    def update(self, finger_position: Array) -> Array:
        """Targets (2,) [m] of the fingers at `finger_position` (2,)."""
        width = float(finger_position.sum())
        if self._reference is None:
            self._reference = min(max(width, 0.0), facts.WIDEST)
        if self.opening is not None:
            step = SPEED * CONTROL_PERIOD
            self._reference += min(max(self.opening - self._reference, -step), step)
            # Not further ahead than the force needs, so that it opens at once after a long squeeze.
            self._reference = min(max(self._reference, width - 2.0 * REACH), width + 2.0 * REACH)
        return np.clip(0.5 * self._reference, finger_position - REACH, finger_position + REACH)

    def holding(self, finger_position: Array) -> bool:
        """Whether something keeps the fingers from closing to where they were sent."""
        if self.opening is None or self._reference is None:
            return False
        return self._reference < float(finger_position.sum()) - REACH


def make_hand() -> Hand:
    """One hand of the process's robot."""
    return Gripper() if facts.HAND else NoHand()
