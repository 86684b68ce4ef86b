"""What a gripper's opening says: still moving, empty, or closed on something."""

from collections import deque
from dataclasses import dataclass, field

from vla_sim.contract.records import Arm, DetectedObject
from vla_sim.stages.manipulation.grasp import Target

EMPTY = 0.008
"""Opening [m] below which nothing is between the pads."""
STILL = 0.0008
"""[m] that a gripper which has come to rest moves within `SETTLE` at most."""
SETTLE = 0.16
"""[s]"""
LOST_TIME = 0.15
"""[s] for which the width must say "empty" before an object counts as lost."""


@dataclass
class Held:
    """What an arm holds. ahead, up [m]: the object's centre from the tool along the level approach and
    vertically; pitch [rad]: of the tool, downwards, when it closed; width [m] then."""

    arm: Arm
    item: DetectedObject
    target: Target
    ahead: float
    up: float
    pitch: float
    width: float


@dataclass
class GripperMonitor:
    """One gripper's opening over time."""

    width: float = 0.0
    _past: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=200))
    _empty_since: float | None = None

    def update(self, time: float, width: float) -> None:
        self.width = width
        if self._past and time < self._past[-1][0]:
            self._past.clear()
            self._empty_since = None
        self._past.append((time, width))

    def still(self) -> bool:
        """The opening has not changed for `SETTLE`."""
        now = self._past[-1][0] if self._past else 0.0
        recent = [w for t, w in self._past if t >= now - SETTLE]
        old_enough = bool(self._past) and self._past[0][0] <= now - SETTLE
        return old_enough and max(recent) - min(recent) < STILL

    def fits(self, expected: float) -> bool:
        """The opening is that of a gripper closed on something about `expected` [m] wide."""
        return max(EMPTY, 0.5 * expected) < self.width < expected + 0.025

    def lost(self, expected: float) -> bool:
        """Something this wide is not between the pads any more; call it once an update."""
        now = self._past[-1][0] if self._past else 0.0
        if self.width > max(EMPTY, 0.35 * expected):
            self._empty_since = None
            return False
        if self._empty_since is None:
            self._empty_since = now
        return now - self._empty_since >= LOST_TIME
