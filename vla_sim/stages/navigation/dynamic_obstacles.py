"""People and other things that move: found in the scan, tracked, and given way to.

What the map does not explain in a scan is clustered; clusters are tracked from scan to scan by an
alpha-beta filter. A cluster that really travels is a moving obstacle: the rollouts avoid where it will be,
and a path that crosses its way is entered only just after it has passed.
"""

import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array
from vla_sim.stages.navigation.distance_field import DistanceField

REACH = 4.5  # [m] within which clusters are followed
GAP = 0.25  # [m] between neighbouring beams' hits that parts two clusters
WIDEST = 0.9  # [m] across; larger clusters are furniture
SPEED = 0.15  # [m/s] from which a cluster moves
TRAVEL = 0.4  # [m] it must have gone to be believed: passing a box shifts what is seen of it by less
STRIDE = 0.25  # [m] that a moving obstacle goes in the last 1.5 s
FORGET = 1.0  # [s] without a sighting
RETURN = 6.0  # [s] for which one who walked out of sight is expected back
TRAIL = 20.0  # [s] of its way that are remembered: there and back through a room
CROSSING_SPEED = 0.35  # [m/s] at which this robot crosses a way, from standing
MARGIN = 1.0  # [s] between this robot's leaving a way and the obstacle's coming back
INSIDE = 0.40  # [m] from its way to the robot: too late to wait, the rollouts must get it through
NEAR = 0.60  # [m] from its way to the path that counts as crossing it
RADIUS = 0.28  # [m] of a person, seen from one side or not


@dataclass(eq=False)
class Track:
    """position, velocity: (2,) in map. trail: (time, x, y) of the last seconds."""

    position: Array
    velocity: Array
    seen: float
    born: Array
    trail: deque[tuple[float, float, float]] = field(default_factory=deque)
    moved: float = -math.inf
    """When it last moved."""
    heading: Array = field(default_factory=lambda: np.zeros(2))
    believed: bool = False
    """It has been seen to travel."""
    reversals: int = 0
    """How often it turned round: one who does will come back."""

    def moving(self, time: float) -> bool:
        """Whether it moved within the last two seconds: one who turns round stands for a moment."""
        return time - self.moved < 2.0


def clusters(points: Array, known: DistanceField) -> list[Array]:
    """Centres (2,) of what the map does not explain in the hits (n, 2) of one scan in beam order."""
    out: list[Array] = []
    group: list[Array] = []

    def close() -> None:
        if len(group) >= 3:
            low, high = np.min(group, axis=0), np.max(group, axis=0)
            if math.hypot(*(high - low)) < WIDEST:
                out.append(np.asarray(0.5 * (low + high)))
        group.clear()

    for point in points[known.along(points) >= 0.15]:
        if group and math.hypot(*(point - group[-1])) > GAP:
            close()
        group.append(point)
    close()
    return out


class DynamicObstacles:
    """Feed each scan to `update`; ask `discs` and `crossing`."""

    def __init__(self, known: DistanceField) -> None:
        self._known = known
        self.tracks: list[Track] = []
        self._gone: list[Track] = []
        self._time = 0.0

    def update(
        self, pose: Array, ranges: NDArray[np.float32], angle_min: float, increment: float, time: float
    ) -> None:
        """One scan taken at pose (3,) in map."""
        self._time = time
        good = np.nonzero(np.isfinite(ranges) & (ranges > 0.3) & (ranges < REACH))[0]
        angles = pose[2] + angle_min + increment * good
        r = np.asarray(ranges, dtype=np.float64)[good]
        points = np.stack([pose[0] + r * np.cos(angles), pose[1] + r * np.sin(angles)], axis=1)
        free = clusters(points, self._known)
        for track in self.tracks:
            dt = time - track.seen
            guess = track.position + track.velocity * dt
            if not free:
                continue
            distances = [math.hypot(*(c - guess)) for c in free]
            i = int(np.argmin(distances))
            if distances[i] > 0.4 or dt <= 0.0:
                continue
            self._correct(track, guess, free.pop(i), dt, time)
        lost = [t for t in self.tracks if time - t.seen >= FORGET]
        self._gone = [t for t in [*self._gone, *lost] if t.believed and time - t.seen < RETURN]
        self.tracks = [t for t in self.tracks if time - t.seen < FORGET]
        self.tracks += [Track(c, np.zeros(2), time, c.copy()) for c in free]

    @staticmethod
    def _correct(track: Track, guess: Array, centre: Array, dt: float, time: float) -> None:
        error = centre - guess
        track.position = guess + 0.5 * error
        track.velocity = track.velocity + 0.2 * error / max(dt, 0.05)
        track.seen = time
        track.trail.append((time, float(track.position[0]), float(track.position[1])))
        while track.trail[0][0] < time - TRAIL:
            track.trail.popleft()
        past = track.trail[max(0, len(track.trail) - 15)]
        gone = math.hypot(track.position[0] - past[1], track.position[1] - past[2])
        far = math.hypot(*(track.position - track.born)) > TRAVEL
        track.heading, turned = _direction(track.heading, track.velocity)
        track.reversals += turned
        track.believed |= far and gone > STRIDE
        if track.believed and math.hypot(*track.velocity) > SPEED:
            track.moved = time

    def moving(self) -> list[Track]:
        """What moves now."""
        return [t for t in self.tracks if t.moving(self._time)]

    def discs(self) -> Array:
        """(m, 5): x, y, vx, vy, radius of what moves now."""
        rows = [(*t.position, *t.velocity, RADIUS) for t in self.moving()]
        return np.array(rows, dtype=np.float64).reshape(-1, 5)

    def crossing(self, points: Array) -> float:
        """Way [m] along `points` (n, 2), evenly spaced from the robot on, to where the way of a moving
        obstacle crosses it and it is not yet time to go; infinite if the robot may go.

        It may go when the obstacle moves away from the path, and, if it has turned round before and so will
        come back, when this robot is across by then. One who walked out of sight (behind something, or
        close to furniture, where the scan does not tell them apart) may come back at any moment."""
        result = math.inf
        for track in [*self.moving(), *self._gone]:
            trail = np.array([(x, y) for _, x, y in track.trail])
            ahead = track.position + np.outer(np.linspace(0.25, 2.0, 8), track.velocity)
            way = np.concatenate([trail, ahead])
            apart = np.sqrt(((points[:, None] - way) ** 2).sum(axis=2)).min(axis=1)
            near = apart < NEAR
            if not near.any() or apart[0] < INSIDE:
                continue
            enter = int(np.argmax(near))
            spacing = float(np.hypot(*(points[1] - points[0])))
            leave = len(near) - int(np.argmax(near[::-1]))
            if track in self._gone or not self._passed(
                track, points[near], leave * spacing / CROSSING_SPEED + MARGIN
            ):
                result = min(result, enter * spacing)
        return result

    @staticmethod
    def _passed(track: Track, crossing: Array, needed: float) -> bool:
        """Whether the obstacle has left the crossing stretch (n, 2) of the path, for good or `needed` [s]."""
        offsets = crossing - track.position
        i = int(np.argmin(np.hypot(offsets[:, 0], offsets[:, 1])))
        distance = math.hypot(*offsets[i])
        away = -float(offsets[i] @ track.velocity) / max(distance, 1e-6)
        if away <= 0.1 or distance <= 0.45:
            return False
        return track.reversals == 0 or _absence(track, distance) > needed


def _absence(track: Track, distance: float) -> float:
    """Seconds until an obstacle that goes to and fro, and is now `distance` [m] past and moving away, is
    back: it turns where it turned before."""
    speed = math.hypot(*track.velocity)
    direction = track.velocity / max(speed, 1e-6)
    trail = np.array([(x, y) for _, x, y in track.trail])
    left = max(0.0, float(((trail - track.position) @ direction).max()))
    return (2.0 * left + distance - INSIDE) / max(speed, SPEED)


def _direction(heading: Array, velocity: Array) -> tuple[Array, bool]:
    """The heading (2,) followed on, and whether it turned round; slow motion has no heading."""
    speed = math.hypot(*velocity)
    if speed < SPEED:
        return heading, False
    now = velocity / speed
    return now, bool(now @ heading < -0.5)
