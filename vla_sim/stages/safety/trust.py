"""Whether a sensor is to be believed: fresh by its own stamp and by the steady clock, in order, plausible.

Times are [s]: `now` and stamps of the ROS clock, `mono` of the steady one, which cannot go back.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array, wrap
from vla_sim.robot import facts

AHEAD = 0.1
"""[s] by which a stamp may lie ahead of this node's clock: the message that sets it is under way, too."""
MOST_AHEAD = 1.0
"""[s] by which what is asked for may: what is ahead by more is of before the clock was set back."""
STEADY = 1.0
"""[s] of silence on the steady clock, on top of the sensor's own timeout: simulated time may pass more
slowly, but not stand still."""
FASTEST, QUICKEST = 1.5, 3.0
"""[m/s], [rad/s] The most that the legs could do; what odometry reports beyond that is a jump."""
SLACK, SLACK_TURN = 0.06, 0.12
"""[m], [rad] of sway and noise on top of that."""
CONSISTENT = 10
"""Plausible steps in a row after which odometry is believed again: 0.2 s of it."""
FROZEN = 0.6
"""[s] of not one changed digit after which odometry is frozen, if the robot is asked to walk."""
FROZEN_SCANS, FROZEN_WAY = 3, 0.10
"""Identical scans in a row, and [m] walked during them, after which the lidar is frozen."""
LEAST_VALID = 0.5
"""Share of the beams of a scan, and of a sector, that must be numbers: a lidar that is nearly blind is
blind."""
SECTOR = math.radians(15.0)
UNEXPLAINED = 0.05
"""[rad] that a joint may step beyond what its speeds explain: noise, and acceleration between samples."""
UNKNOWN = 0.3
"""[s] of silence after which a joint may be anywhere."""
BELIEVED = 5.0
"""[s] of explained steps after which joints that have jumped are believed where they are."""


def of_now(stamp: float, now: float, age: float) -> bool:
    """Whether a stamp is neither of the future nor older than `age` [s]."""
    return stamp <= now + AHEAD and now - stamp <= age


@dataclass
class Freshness:
    """Of one sensor. age: of a message's stamp when it comes, at most; timeout: of silence since then."""

    age: float
    timeout: float
    stamp: float = -math.inf
    """Of the newest message that was taken."""
    taken: float = -math.inf
    """When it came, on the ROS clock."""
    received: float = -math.inf
    """Likewise on the steady clock."""

    def take(self, stamp: float, now: float, mono: float) -> bool:
        """A message; False if it is out of order, from the future, or too old to be of use."""
        if not (self.stamp < stamp and of_now(stamp, now, self.age)):
            return False
        self.stamp, self.taken, self.received = stamp, now, mono
        return True

    def fresh(self, now: float, mono: float) -> bool:
        return 0.0 <= now - self.taken <= self.timeout and mono - self.received <= self.timeout + STEADY

    def forget(self) -> None:
        """Nothing has come yet: time began anew."""
        self.stamp = self.taken = self.received = -math.inf


class OdometryTrust:
    """Plausible steps, and signs of life while the robot is asked to walk."""

    def __init__(self) -> None:
        self._pose: tuple[float, float, float, float] | None = None
        """Stamp, x, y, yaw."""
        self._steps = CONSISTENT
        self._changed = -math.inf
        self._stood = self._asked = -math.inf
        """When the legs last stood, and were last asked to walk."""
        self.frozen = False

    @property
    def consistent(self) -> bool:
        return self._steps >= CONSISTENT

    def take(self, stamp: float, x: float, y: float, yaw: float) -> bool:
        """A pose in `odom`; False if the robot cannot have walked there."""
        before, self._pose = self._pose, (stamp, x, y, yaw)
        if before is None:
            self._changed = stamp
            return True
        dt = max(0.0, stamp - before[0])
        way, turn = math.hypot(x - before[1], y - before[2]), abs(wrap(yaw - before[3]))
        if way or turn:
            self._changed, self.frozen = stamp, False
        plausible = way <= SLACK + FASTEST * dt and turn <= SLACK_TURN + QUICKEST * dt
        self._steps = self._steps + 1 if plausible else 0
        return plausible

    def legs(self, walking: bool, asked: bool, now: float) -> None:
        """Whether they may walk now, and whether anybody asks for it. Odometry that does not change by a
        digit while they walk is frozen, until it does or nothing has been asked for a second."""
        if asked:
            self._asked = now
        self.frozen = self.frozen and now - self._asked <= 1.0
        if not walking:
            self._stood = now
        self.frozen = self.frozen or now - max(self._changed, self._stood) > FROZEN


class JointTrust:
    """Whether waist and arms are where they are said to be: an encoder that slips or lies moves a joint by
    more than its speed does. Once it is back where the speeds led it, it is believed again."""

    JOINTS = np.concatenate([facts.WAIST_INDEX, *facts.ARM_INDEX.values()])

    def __init__(self) -> None:
        self._stamp = self._jumped = -math.inf
        self._position = self._velocity = self._expected = np.zeros(0)
        """(n,) of the message before, and where the speeds since the last believed one lead."""
        self.doubted = False

    def take(self, stamp: float, position: Array, velocity: Array | None) -> bool:
        """Whether these are to be used. position, velocity: (joints,) [rad], [rad/s]; what is older than
        the message before is not, and without speeds everything is."""
        if velocity is None:
            return True
        q, v = position[self.JOINTS], velocity[self.JOINTS]
        dt = stamp - self._stamp
        if -UNKNOWN < dt <= 0.0 or not (np.isfinite(q).all() and np.isfinite(v).all()):
            return False
        if 0.0 < dt <= UNKNOWN:
            way = 0.5 * dt * (self._velocity + v)
            if (np.abs(q - self._position - way) > UNEXPLAINED).any():
                self.doubted, self._jumped = True, stamp
            self._expected = self._expected + way
            back = bool((np.abs(q - self._expected) <= UNEXPLAINED).all())
            self.doubted = self.doubted and not back and stamp - self._jumped <= BELIEVED
        else:
            self.doubted = False
        self._stamp, self._position, self._velocity = stamp, q, v
        if not self.doubted:
            self._expected = q
        return not self.doubted


class ScanTrust:
    """Enough beams, and signs of life while the robot walks."""

    def __init__(self) -> None:
        self._last: NDArray[np.float32] | None = None
        self._where = (0.0, 0.0)
        self._same = 0
        self.frozen = False

    def take(self, ranges: NDArray[np.float32], x: float, y: float, walking: bool) -> None:
        """A scan that was taken at (x, y) in `odom`. One without any hit says nothing about freezing, and
        where odometry goes while the legs stand is no way. Frozen it stays until a scan differs."""
        if self._last is not None and np.array_equal(self._last, ranges) and np.isfinite(ranges).any():
            self._same += 1
            if not walking:
                self._where = (x, y)
            way = math.hypot(x - self._where[0], y - self._where[1])
            self.frozen = self.frozen or (self._same >= FROZEN_SCANS and way > FROZEN_WAY)
            return
        self._last, self._where, self._same, self.frozen = ranges.copy(), (x, y), 0, False


def valid_beams(ranges: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(n,) which beams say something: a distance, or infinity for nothing there."""
    return ~np.isnan(ranges) & (ranges > 0.0)


def sees(ranges: NDArray[np.float32], angle_min: float, step: float, around: bool = False) -> bool:
    """Whether enough beams say something, and their angles are angles, no farther apart than a sector is
    wide. around: whether there should be beams all around."""
    if not (math.isfinite(angle_min) and 0.0 < abs(step) <= SECTOR and ranges.size):
        return False
    whole = max(len(ranges), round(math.tau / abs(step))) if around else len(ranges)
    return bool(valid_beams(ranges).sum() >= LEAST_VALID * whole)


def all_around(ranges: NDArray[np.float32], step: float) -> NDArray[np.float32]:
    """(m,) these ranges (n,), and no numbers where a whole turn has no beams."""
    missing = round(math.tau / abs(step)) - len(ranges)
    return np.append(ranges, np.full(missing, np.nan, np.float32)) if missing > 0 else ranges


def unknown_sectors(ranges: NDArray[np.float32], angle_min: float, step: float) -> NDArray[np.float64]:
    """(k,) middles [rad] of the sectors in which too few beams say anything."""
    beams = max(1, round(SECTOR / abs(step)))
    valid = valid_beams(ranges)
    starts = np.arange(0, len(ranges), beams)
    count = np.diff(np.append(starts, len(ranges)))
    share = np.add.reduceat(valid.astype(float), starts) / count
    return angle_min + step * (starts + (count - 1) / 2)[share < LEAST_VALID]
