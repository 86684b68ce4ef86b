"""The velocity that the legs are asked for: checked, limited, smooth, zero without a fresh command."""

import math

import numpy as np

from vla_sim.common.errors import InputError
from vla_sim.common.geometry import Array
from vla_sim.robot.body import CONTROL_PERIOD

LARGEST = np.array([1.0, 0.6, 1.0])
"""Forward and left [m/s], turn [rad/s]. The policy was trained within 1 of each."""
RISE, FALL = np.array([1.0, 1.0, 2.0]), np.array([2.5, 2.5, 5.0])
"""Largest change a second when going faster and slower."""
TIMEOUT = 0.1
"""[s] after which an old command counts as zero."""


class VelocityCommand:
    """`value` (3,) follows what was asked last, at the limits' pace."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.value, self._asked = np.zeros(3), np.zeros(3)
        self._time = -math.inf

    def ask(self, vx: float, vy: float, wz: float, time: float) -> None:
        """Take a command at `time` [s]; past the limits it is cut. Raises `InputError` on NaN or infinity,
        and the robot then stops."""
        if not (math.isfinite(vx) and math.isfinite(vy) and math.isfinite(wz)):
            self._asked[:] = 0.0
            raise InputError(f"velocity ({vx}, {vy}, {wz}) must be finite numbers; the robot stops")
        self._asked = np.clip((vx, vy, wz), -LARGEST, LARGEST)
        self._time = time

    def update(self, time: float) -> Array:
        """`value` one control period on."""
        if time - self._time > TIMEOUT:
            self._asked[:] = 0.0
        slower = (np.abs(self._asked) < np.abs(self.value)) | (self._asked * self.value < 0.0)
        most = np.where(slower, FALL * CONTROL_PERIOD, RISE * CONTROL_PERIOD)
        self.value += np.clip(self._asked - self.value, -most, most)
        return self.value
