"""People and other things that move: found in the scan, tracked, and given way to.

What the map does not explain in a scan is clustered; clusters are tracked from scan to scan by an
alpha-beta filter. A cluster that really travels is a moving obstacle: the rollouts avoid where it will be,
and a path that crosses its way is entered only where the two will not meet.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

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
STARTS, CROSSING_SPEED = 0.5, 0.35  # [s] until this robot walks, and [m/s] at which it crosses a way
MARGIN = 0.5  # [s] by which an obstacle may be earlier or later than predicted
PATIENCE = 10.0  # [s] of waiting that halve that margin: what fits into no gap waits for ever
PACE_SCANS, COURSE_SCANS = 30, 10  # of the trail, from which it is known how fast somebody walks, and where
STRAIGHT = 0.12  # [m] by which a trail that is a line leaves it, root mean square
NEAR = 0.62  # [m] from its way, nearer than which it touches the robot: half the widths of both
RADIUS = 0.28  # [m] of a person, seen from one side or not
NOBODY = np.zeros((0, 2))


class Crossing(NamedTuple):
    """Where not to go on. ahead: way [m] along the path to where a moving obstacle's way crosses it;
    infinite: the robot may go. way: (n, 2) in map. retreats: the robot is on it and must get off, back."""

    ahead: float = math.inf
    way: Array = NOBODY
    retreats: bool = False


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

    @property
    def pace(self) -> float:
        """[m/s] at which it walks, also while it turns round."""
        t, x, y = np.array(self.trail)[-PACE_SCANS:].T
        gone = np.hypot(np.diff(x), np.diff(y)) / np.maximum(np.diff(t), 0.05)
        return max(SPEED, float(np.median(gone))) if len(gone) else SPEED

    def course(self) -> Array:
        """(2,) where it walks, a unit vector: along the line on which it goes to and fro, or as in the last
        second. The filter's velocity alone turns by half a right angle with what is seen of a body."""
        trail = np.array(self.trail)[:, 1:]
        if len(trail) < COURSE_SCANS:
            return np.asarray(self.velocity / max(math.hypot(*self.velocity), 1e-6))
        _, spread, axes = np.linalg.svd(trail - trail.mean(axis=0), full_matrices=False)
        straight = spread[-1] < STRAIGHT * math.sqrt(len(trail))
        line = axes[0] if straight else trail[-1] - trail[-COURSE_SCANS:][0]
        line = line / max(math.hypot(*line), 1e-6)
        return np.asarray(-line if line @ self.velocity < 0.0 else line)

    def predicted(self, times: Array) -> Array:
        """(n, 2) where it will be in `times` (n,) [s]: straight on, and back where it turned before."""
        way, course = self.pace * times, self.course()
        if self.reversals:
            along = (np.array(self.trail)[:, 1:] - self.position) @ course
            left, right = max(0.0, float(along.max())), max(0.0, float(-along.min()))
            length = max(left + right, 1e-6)
            way = length - np.abs((way + right) % (2.0 * length) - length) - right
        return np.asarray(self.position + way[:, None] * course)

    def meets(self, points: Array, spacing: float, margin: float) -> bool:
        """Whether it touches this robot, if that walks along `points` (n, 2) now, when it is `margin` [s]
        early or late or in between."""
        times = STARTS + spacing / CROSSING_SPEED * np.arange(len(points))
        offs = np.array([[-margin], [0.0], [margin]]) if margin else np.zeros((1, 1))
        there = self.predicted(np.maximum(0.0, times + offs).ravel()).reshape(len(offs), -1, 2)
        return bool((np.hypot(*(points - there).T) < NEAR).any())


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

    def crossing(self, points: Array, waited: float = 0.0) -> Crossing:
        """The first place along `points` (n, 2), evenly spaced from the robot on, at which the way of a
        moving obstacle crosses it and it is not yet time to go.

        The robot may enter that way when it meets nobody there, though he be a little early or late. One who
        walked out of sight (behind something, or close to furniture, where the scan does not tell them apart)
        may come back at any moment. Once on the way it goes on if it meets nobody, or if that is the shorter
        way out; nowhere on it does it stand and wait. waited: for how long others were let pass [s]."""
        result, margin = Crossing(), MARGIN / (1.0 + waited / PATIENCE)
        tracks = [(track, False) for track in self.moving()] + [(track, True) for track in self._gone]
        for track, gone in tracks:
            trail = np.array([(x, y) for _, x, y in track.trail])
            way = np.concatenate([trail, track.predicted(np.linspace(0.5, 6.0, 12))])
            apart = np.sqrt(((points[:, None] - way) ** 2).sum(axis=2)).min(axis=1)
            near = apart < NEAR
            if not near.any():
                continue
            inside = bool(near[0])
            spacing = float(np.hypot(*(points[1] - points[0]))) if len(points) > 1 else 0.0
            enter = int(np.argmax(near)) * spacing
            leave = (len(near) - int(np.argmax(near[::-1]))) * spacing
            if inside:
                goes = gone or leave < NEAR - apart[0] or not track.meets(points, spacing, 0.0)
            else:
                goes = not gone and not track.meets(points, spacing, margin)
            if not goes and enter < result.ahead:
                result = Crossing(enter, way, inside)
        return result


def _direction(heading: Array, velocity: Array) -> tuple[Array, bool]:
    """The heading (2,) followed on, and whether it turned round; slow motion has no heading."""
    speed = math.hypot(*velocity)
    if speed < SPEED:
        return heading, False
    now = velocity / speed
    return now, bool(now @ heading < -0.5)
