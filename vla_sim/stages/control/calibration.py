"""What to ask of a walking policy so that it walks what was asked of the robot.

A policy answers a steady velocity command with a steady but different velocity: less, and with a
small drift. The answer is close to linear in each axis, so that its inverse is a gain and an offset.
"""

from dataclasses import dataclass

import numpy as np

from vla_sim.common.geometry import Array
from vla_sim.stages.control.policy import STAND_BELOW


@dataclass(frozen=True)
class VelocityCalibration:
    """walked = gain * commanded + drift, for forward, left [m/s] and turn [rad/s].

    largest: the commands that the policy was trained with.
    """

    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    drift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    largest: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def command(self, velocity: Array) -> Array:
        """The policy's command (3,) for a wanted velocity (3,). Zero stays zero: that is standing."""
        if np.abs(velocity).max() < 1e-9:
            return np.zeros(3)
        wanted = (velocity - np.array(self.drift)) / np.array(self.gain)
        out: Array = np.clip(wanted, -np.array(self.largest), np.array(self.largest))
        if np.abs(out).max() < STAND_BELOW:  # walking on the spot, not standing
            out[0] = STAND_BELOW
        return out


IDENTITY = VelocityCalibration()

CALIBRATION: dict[str, VelocityCalibration] = {
    "fastsac": VelocityCalibration((0.86, 0.56, 0.90), (-0.016, -0.014, 0.012)),
    "ppo": VelocityCalibration((0.78, 0.48, 0.95), (0.036, 0.027, -0.006)),
}
"""Measured in MuJoCo over 6 s of steady walking: 0.03 to 0.5 m/s forward, 0.05 to 0.3 m/s to the side,
0.05 to 1 rad/s. Forward speed flattens above: at most 0.73 m/s (fastsac) and 0.55 m/s (ppo)."""
