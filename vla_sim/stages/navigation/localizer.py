"""Scan matching: where `odom` lies in `map`, by laying the scan on the map's walls.

Gauss-Newton on the signed distance to tall fixed things, with Tukey weights so that people, chairs and
opened drawers pull little. It only ever corrects: a match that is poor, ambiguous or far off changes
nothing.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array, wrap
from vla_sim.common.numba_cache import kernel
from vla_sim.robot.kinematics_kernels import cholesky_solve
from vla_sim.stages.navigation.distance_field import DistanceField, FieldArgs, sample
from vla_sim.stages.navigation.gait import compose, relative


@dataclass(frozen=True)
class Match:
    """pose: (3,) in map. inliers: share of the points within 8 cm of the map. residual: their mean
    absolute distance [m]. count: points that were used."""

    pose: Array
    inliers: float
    residual: float
    count: int


@kernel
def _align(
    points: Array, pose: Array, field: FieldArgs, everything: FieldArgs, cutoff: float, prior: float,
    rounds: int,
) -> tuple[Array, float, float]:  # fmt: skip
    """Pose that lays `points` (n, 2) on the field's zero line; share of inliers; their mean distance.

    everything: clearance to all fixed things, low ones too.
    prior: weight, in points, that holds the pose where it was in directions no wall is seen in. A common
    error of all ranges is estimated along: the nearest of several noisy hits a beam is too near, and the
    map's cells are too large, both by about a centimetre."""
    out = pose.copy()
    longer = 0.0
    h = field[3]
    n = len(points)
    for turn in range(rounds + 1):
        hessian = np.zeros((4, 4))
        gradient = np.zeros(4)
        hits, total = 0, 0.0
        cos, sin = math.cos(out[2]), math.sin(out[2])
        width = cutoff if turn > 3 else 2.0 * cutoff
        for i in range(n):
            rx = cos * points[i, 0] - sin * points[i, 1]
            ry = sin * points[i, 0] + cos * points[i, 1]
            distance = max(1e-6, math.hypot(rx, ry))
            ux, uy = rx / distance, ry / distance
            rx += longer * ux
            ry += longer * uy
            x, y = out[0] + rx, out[1] + ry
            d = sample(field, x, y)
            # Low furniture before a wall is known too, and is not the wall.
            if d > sample(everything, x, y) + 0.06:
                continue
            if abs(d) < 0.08:
                hits += 1
                total += abs(d)
            if abs(d) >= width:
                continue
            gx = (sample(field, x + h, y) - sample(field, x - h, y)) / (2.0 * h)
            gy = (sample(field, x, y + h) - sample(field, x, y - h)) / (2.0 * h)
            weight = (1.0 - (d / width) ** 2) ** 2
            j = np.array([gx, gy, -gx * ry + gy * rx, gx * ux + gy * uy])
            for a in range(4):
                gradient[a] += weight * j[a] * d
                for b in range(4):
                    hessian[a, b] += weight * j[a] * j[b]
        if turn == rounds:
            return out, hits / max(1, n), total / max(1, hits)
        for a in range(3):
            hessian[a, a] += prior
            gradient[a] += prior * (out[a] - pose[a])
        hessian[3, 3] += 10.0 * prior
        gradient[3] += 10.0 * prior * (longer - 0.012)
        step = cholesky_solve(hessian, gradient)
        out = out - step[:3]
        longer = min(0.04, max(-0.02, longer - step[3]))
    return out, 0.0, 1.0


class Localizer:
    """Keeps `map_to_odom` (3,): x, y, yaw of the odom frame in map."""

    JUMP = 0.15
    """Corrections beyond this [m] (or as many rad) must repeat before they are believed."""

    def __init__(self, landmarks: DistanceField, everything: DistanceField | None = None) -> None:
        """landmarks: signed distance to tall fixed things; everything: clearance to all of them."""
        self._field = landmarks
        self._everything = everything or landmarks
        self.map_to_odom = np.zeros(3)
        self.last: Match | None = None
        self.corrected = 0.0
        """[m] by which the last match that was believed was off."""
        self.accepted = 0
        self.refused = 0
        self._jump: Array | None = None
        self._repeats = 0

    def match(self, ranges: NDArray[np.float32], angle_min: float, increment: float, guess: Array) -> Match:
        """The pose in map that fits a scan best near `guess` (3,)."""
        angles = angle_min + increment * np.arange(len(ranges))
        good = np.isfinite(ranges) & (ranges > 0.4) & (ranges < 10.0)
        r = np.asarray(ranges, dtype=np.float64)[good]
        points = np.ascontiguousarray(np.stack([r * np.cos(angles[good]), r * np.sin(angles[good])], axis=1))
        if len(points) < 40:
            return Match(np.array(guess), 0.0, 1.0, len(points))
        start = np.asarray(guess, dtype=np.float64)
        pose, inliers, residual = _align(
            points, start, self._field.args(), self._everything.args(), 0.15, 3.0, 12
        )
        return Match(pose, float(inliers), float(residual), len(points))

    def update(
        self, ranges: NDArray[np.float32], angle_min: float, increment: float, odom_pose: Array
    ) -> bool:
        """Match one scan taken at `odom_pose` (3,); whether `map_to_odom` changed."""
        guess = compose(self.map_to_odom, np.asarray(odom_pose, dtype=np.float64))
        found = self.match(ranges, angle_min, increment, guess)
        self.last = found
        if found.count < 60 or found.inliers < 0.4 or found.residual > 0.045:
            self.refused += 1
            return False
        step = np.array([*(found.pose[:2] - guess[:2]), wrap(found.pose[2] - guess[2])])
        share = 0.5
        if math.hypot(step[0], step[1]) > self.JUMP or abs(step[2]) > self.JUMP:
            repeated = self._jump is not None and float(np.max(np.abs(step - self._jump))) < 0.06
            self._repeats = self._repeats + 1 if repeated else 1
            self._jump = step
            if self._repeats < 4 or found.inliers < 0.6:
                self.refused += 1
                return False
            share = 1.0
        self._jump, self._repeats = None, 0
        self.corrected = math.hypot(step[0], step[1])
        target = compose(found.pose, relative(np.asarray(odom_pose, dtype=np.float64), np.zeros(3)))
        change = np.array([*(target[:2] - self.map_to_odom[:2]), wrap(target[2] - self.map_to_odom[2])])
        self.map_to_odom = self.map_to_odom + share * change
        self.map_to_odom[2] = wrap(self.map_to_odom[2])
        self.accepted += 1
        return True
