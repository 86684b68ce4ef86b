"""Legged odometry: the true motion, step by step, with a scale error and a wandering heading."""

import math

import numpy as np

from vla_sim.common.arrays import Array
from vla_sim.common.geometry import wrap

SCALE_STDDEV = 0.005
"""Share by which every distance is misjudged, drawn once a run."""
HEADING_WALK = math.radians(0.3)
"""Heading error after one metre [rad]; it grows with the square root of the distance."""
TURN_STDDEV = 0.005
"""Share by which every turn is misjudged, drawn once a run."""
VELOCITY_STDDEV = 0.01
"""[m/s]"""


class Odometry:
    """x, y, yaw in `odom`, which begins at the true pose. Height, roll and pitch do not drift: the
    attitude sensor sees gravity, and the stance leg knows the height."""

    def __init__(self, rng: np.random.Generator, x: float, y: float, yaw: float, drift: float = 1.0) -> None:
        self.rng, self.drift = rng, drift
        self.scale = 1.0 + drift * SCALE_STDDEV * float(rng.standard_normal())
        self.turn_scale = 1.0 + drift * TURN_STDDEV * float(rng.standard_normal())
        self.x, self.y, self.yaw = x, y, yaw
        self._true = (x, y, yaw)

    def update(self, x: float, y: float, yaw: float) -> None:
        """Take the true pose [m], [m], [rad] one step later."""
        x0, y0, yaw0 = self._true
        self._true = (x, y, yaw)
        distance = math.hypot(x - x0, y - y0)
        bearing = math.atan2(y - y0, x - x0) - yaw0 + self.yaw
        self.x += self.scale * distance * math.cos(bearing)
        self.y += self.scale * distance * math.sin(bearing)
        walk = self.drift * HEADING_WALK * math.sqrt(distance) * float(self.rng.standard_normal())
        self.yaw = wrap(self.yaw + self.turn_scale * wrap(yaw - yaw0) + walk)

    def velocity(self, true_velocity_base: Array) -> Array:
        """(3,) linear velocity in the pelvis frame [m/s] as odometry measures it."""
        noise = self.drift * VELOCITY_STDDEV * self.rng.standard_normal(3)
        return true_velocity_base * self.scale + noise
