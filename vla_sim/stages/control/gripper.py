"""One gripper: two fingers that slide together to an opening, at a speed, with a limited force."""

import math

import numpy as np

from vla_sim.common.errors import InputError
from vla_sim.common.geometry import Array
from vla_sim.robot import g1
from vla_sim.robot.body import CONTROL_PERIOD

WIDEST = 2.0 * g1.FINGER_STROKE
ROUNDING = 2e-3
"""Metres that an opening may lie past its range; it is put on the range."""
STIFFNESS = 2000.0
"""[N/m] of each finger."""
FORCE = 22.0
"""[N] Each finger's largest push on what it holds."""
SPEED = 0.12
"""[m/s] How fast the opening changes."""
REACH = FORCE / STIFFNESS


class Gripper:
    """The target moves at `SPEED`, but never further from a finger than `REACH`: a finger that something
    stops pushes with `FORCE` and no more. Before the first `move` it stays as it is."""

    def __init__(self) -> None:
        self.opening: float | None = None
        self._reference: float | None = None

    def reset(self) -> None:
        self.opening = self._reference = None

    def move(self, opening: float) -> None:
        """Go to an opening [m]. Raises `InputError` unless it is from 0 to `WIDEST`."""
        if not (math.isfinite(opening) and -ROUNDING <= opening <= WIDEST + ROUNDING):
            raise InputError(f"gripper opening {opening} m must be from 0 to {WIDEST}")
        self.opening = min(max(opening, 0.0), WIDEST)

    def update(self, finger_position: Array) -> Array:
        """Targets (2,) [m] of the fingers at `finger_position` (2,)."""
        width = float(finger_position.sum())
        if self._reference is None:
            self._reference = min(max(width, 0.0), WIDEST)
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
