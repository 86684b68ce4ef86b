"""The velocity that the legs are asked for, and what to ask of a walking policy so that it walks that.

A policy answers a steady velocity command with a steady but different velocity: less, and with a
small drift. The answer is close to linear in each axis, so that its inverse is a gain and an offset.
"""

import math
from dataclasses import dataclass

import numpy as np

from vla_sim.common.errors import InputError
from vla_sim.common.geometry import Array
from vla_sim.robot import facts
from vla_sim.robot.body import CONTROL_PERIOD
from vla_sim.stages.control.policy import STAND_BELOW

TRAINED = 1.0
"""[m/s], [rad/s] The largest commands that the policy was trained with."""


START_TIME = 0.4
"""[s]"""


@dataclass(frozen=True)
class VelocityCalibration:
    """walked = gain * commanded + drift, for forward, left [m/s] and turn [rad/s]. start: velocity to the
    left [m/s] that is added during the first `START_TIME` of a walk."""

    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    drift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    start: float = 0.0

    def command(self, velocity: Array, walked: float = math.inf) -> Array:
        """The policy's command (3,) for a wanted velocity (3,). Zero stays zero: that is standing. walked:
        for how long the legs have walked [s]."""
        if np.abs(velocity).max() < 1e-9:
            return np.zeros(3)
        wanted = (velocity - np.array(self.drift)) / np.array(self.gain)
        if walked < START_TIME:
            wanted[1] += self.start / self.gain[1]
        out: Array = np.clip(wanted, -TRAINED, TRAINED)
        if np.abs(out).max() < STAND_BELOW:  # walking on the spot, not standing
            out[0] = STAND_BELOW
        return out


IDENTITY = VelocityCalibration()

CALIBRATION: dict[str, VelocityCalibration] = {
    name: VelocityCalibration(one.gain, one.drift, one.start)
    for name, one in facts.PROFILE.policy.calibration.items()
}
"""Of the robot's policies, as its profile has them measured."""


LARGEST = np.array(facts.PROFILE.speed)
"""Forward and left [m/s], turn [rad/s]."""
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
