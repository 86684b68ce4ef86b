"""Whether the robot has fallen, by its IMU's attitude: the same on the robot as in a simulator."""

import math
from collections.abc import Sequence

from vla_sim.robot.facts import FALL_TIME, FALLEN_TILT

UPRIGHT = 0.35
"""[rad] within which it stands again, on its feet or hung up by people."""
AT_ONCE = 0.2
"""[s] in which nothing that lies gets up: the robot was put back to its start."""


class FallWatch:
    """fallen: it lies, and was not set up and released since. tilt: by the newest reading [rad]."""

    def __init__(self) -> None:
        self.fallen, self.tilt = False, 0.0
        self._since, self._lay = math.inf, -math.inf
        """When it began to lie, and when it last did."""

    def take(self, stamp: float, orientation: Sequence[float]) -> None:
        """An attitude (w, x, y, z) at `stamp` [s]; one that is none is no news."""
        w, x, y, z = orientation
        norm = w * w + x * x + y * y + z * z
        if not abs(norm - 1.0) < 0.1:
            return
        self.tilt = math.acos(max(-1.0, min(1.0, 1.0 - 2.0 * (x * x + y * y) / norm)))
        if self.tilt > FALLEN_TILT:
            self._since, self._lay = min(self._since, stamp), stamp
            self.fallen = self.fallen or stamp - self._since >= FALL_TIME
            return
        self._since = math.inf
        if self.tilt < UPRIGHT and 0.0 <= stamp - self._lay <= AT_ONCE:
            self.fallen = False

    def release(self) -> bool:
        """Somebody says that it may go on; False if it does not stand."""
        if self.tilt < UPRIGHT:
            self.fallen = False
        return not self.fallen
