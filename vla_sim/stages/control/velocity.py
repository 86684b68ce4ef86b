"""The velocity that the legs are asked for: checked, limited, smooth, zero without a fresh command."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vla_sim.common.arrays import Array
from vla_sim.common.errors import InputError
from vla_sim.robot.state import CONTROL_PERIOD


@dataclass(frozen=True)
class VelocityLimits:
    """Forward and left [m/s], turn [rad/s]. The policy was trained within 1 of each.

    rise, fall: largest change a second when going faster and slower. timeout: seconds after which an
    old command counts as zero.
    """

    largest: tuple[float, float, float] = (1.0, 0.6, 1.0)
    rise: tuple[float, float, float] = (1.0, 1.0, 2.0)
    fall: tuple[float, float, float] = (2.5, 2.5, 5.0)
    timeout: float = 0.1


class VelocityCommand:
    """`value` (3,) follows what was asked last, at the limits' pace."""

    def __init__(self, limits: VelocityLimits) -> None:
        self.limits = limits
        self.value = np.zeros(3)
        self._asked = np.zeros(3)
        self._time = -math.inf
        self._largest = np.array(limits.largest)
        self._rise = np.array(limits.rise) * CONTROL_PERIOD
        self._fall = np.array(limits.fall) * CONTROL_PERIOD

    def reset(self) -> None:
        self.value[:] = 0.0
        self._asked[:] = 0.0
        self._time = -math.inf

    def ask(self, vx: float, vy: float, wz: float, time: float) -> None:
        """Take a command at `time` [s]; past the limits it is cut. Raises `InputError` on NaN or infinity,
        and the robot then stops."""
        if not (math.isfinite(vx) and math.isfinite(vy) and math.isfinite(wz)):
            self._asked[:] = 0.0
            raise InputError(f"velocity ({vx}, {vy}, {wz}) must be finite numbers; the robot stops")
        self._asked[:] = (vx, vy, wz)
        np.clip(self._asked, -self._largest, self._largest, out=self._asked)
        self._time = time

    def update(self, time: float) -> Array:
        """`value` one control period on."""
        if time - self._time > self.limits.timeout:
            self._asked[:] = 0.0
        slower = (np.abs(self._asked) < np.abs(self.value)) | (self._asked * self.value < 0.0)
        most = np.where(slower, self._fall, self._rise)
        self.value += np.clip(self._asked - self.value, -most, most)
        return self.value
