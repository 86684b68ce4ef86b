"""Distance fields: how far each point of the plane, or the body's outline, is from the nearest obstacle.

The exact Euclidean distance transform is the two-pass lower-envelope method of Felzenszwalb and
Huttenlocher, "Distance Transforms of Sampled Functions" (2012), linear in the number of cells. An outline
is discs (n, 3): centre x, y in base_link [m] and radius [m], see `robot.body_size`.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array
from vla_sim.common.numba_cache import kernel
from vla_sim.stages.navigation import gait

Field = NDArray[np.float32]
FieldArgs = tuple[Field, float, float, float]
"""A field as kernels take it: values (rows, columns) [m]; x0, y0, resolution as in `DistanceField`."""

FAR = 10.0
"""Distance [m] that stands for "nothing near": fields are capped here."""
STEP = 0.1
"""Time step of predictions [s]."""


@kernel
def _squared_cells(occupied: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(rows, columns) squared distance in cells to the nearest occupied cell's centre; 2^40 if none."""
    rows, columns = occupied.shape
    big = 2.0**40  # which a float32 can be
    out = np.empty((rows, columns), np.float32)
    for c in range(columns):  # along each column: distance to the nearest occupied cell in it
        last = -1.0e6
        for r in range(rows):
            if occupied[r, c]:
                last = r
            out[r, c] = r - last
        last = 1.0e6
        for r in range(rows - 1, -1, -1):
            if occupied[r, c]:
                last = r
            out[r, c] = min(out[r, c], last - r)
    for r in range(rows):
        for c in range(columns):
            d = out[r, c]
            out[r, c] = big if d > 5e5 else d * d
    site = np.empty(columns, np.int64)
    start = np.empty(columns + 1, np.float64)
    line = np.empty(columns, np.float64)
    for r in range(rows):  # along each row: lower envelope of the parabolas
        k = -1
        for c in range(columns):
            line[c] = out[r, c]
            if line[c] >= big:
                continue
            s = -np.inf
            while k >= 0:
                v = site[k]
                s = ((line[c] + c * c) - (line[v] + v * v)) / (2.0 * (c - v))
                if s > start[k]:
                    break
                k -= 1
            if k < 0:
                s = -np.inf
            k += 1
            site[k] = c
            start[k] = s
        if k < 0:
            continue
        count = k + 1
        k = 0
        for c in range(columns):
            while k + 1 < count and start[k + 1] < c:
                k += 1
            v = site[k]
            out[r, c] = (c - v) * (c - v) + line[v]
    return out


@kernel
def clearance_field(occupied: NDArray[np.bool_], resolution: float) -> Field:
    """(rows, columns) float32 [m] from each cell's centre to the nearest obstacle's edge, capped at
    `FAR`. Half a cell is taken off the centre distance, so occupied cells have -resolution / 2."""
    out = _squared_cells(occupied)
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            out[r, c] = min(FAR, np.sqrt(out[r, c]) * resolution - 0.5 * resolution)
    return out


@kernel
def sample(field: FieldArgs, x: float, y: float) -> float:
    """Field at (x, y) [m], bilinear between cell centres; the border's value
    outside. -inf, which is no room at all, where a coordinate is NaN."""
    values, x0, y0, resolution = field
    rows, columns = values.shape
    if math.isnan(x) or math.isnan(y):
        return -np.inf
    u = min(max((x - x0) / resolution - 0.5, 0.0), columns - 1.0)
    v = min(max((y - y0) / resolution - 0.5, 0.0), rows - 1.0)
    c, r = int(u), int(v)
    c1, r1 = min(c + 1, columns - 1), min(r + 1, rows - 1)
    a, b = u - c, v - r
    low = (1.0 - a) * values[r, c] + a * values[r, c1]
    high = (1.0 - a) * values[r1, c] + a * values[r1, c1]
    return (1.0 - b) * low + b * high


@kernel
def sample_many(field: FieldArgs, points: Array) -> Array:
    """`sample` at each of (n, 2) points."""
    out = np.empty(len(points))
    for i in range(len(points)):
        out[i] = sample(field, points[i, 0], points[i, 1])
    return out


@dataclass
class DistanceField:
    """values: (rows, columns) float32, or float64, [m]; (x0, y0): outer corner of cell (0, 0) in map [m]."""

    values: Field
    x0: float
    y0: float
    resolution: float

    def at(self, x: float, y: float) -> float:
        """Clearance [m] at a point of the map."""
        return float(sample(self.args(), x, y))

    def along(self, points: Array) -> Array:
        """(n,) clearance [m] at (n, 2) points of the map."""
        return np.asarray(sample_many(self.args(), np.ascontiguousarray(points, dtype=np.float64)))

    def args(self) -> FieldArgs:
        return self.values, self.x0, self.y0, self.resolution


def signed_field(occupied: NDArray[np.bool_], resolution: float) -> Field:
    """(rows, columns) float32 [m]: positive outside obstacles, negative inside, zero at the edge."""
    outside = clearance_field(occupied, resolution)
    inside = clearance_field(~occupied, resolution)
    return np.ascontiguousarray(np.where(occupied, -inside, outside).astype(np.float32))


@kernel
def body_clearance(field: FieldArgs, x: float, y: float, yaw: float, discs: Array) -> float:
    """Smallest distance [m] from the discs at a pose in map to an obstacle of the field (see
    `DistanceField.args`); negative where one overlaps."""
    cos, sin = math.cos(yaw), math.sin(yaw)
    worst = 1e9
    for i in range(len(discs)):
        px = x + cos * discs[i, 0] - sin * discs[i, 1]
        py = y + sin * discs[i, 0] + cos * discs[i, 1]
        d = sample(field, px, py) - discs[i, 2]
        if d < worst:
            worst = d
    return worst


@kernel
def disc_clearance(x: float, y: float, yaw: float, discs: Array, obstacles: Array, after: float) -> float:
    """Smallest gap [m] between the robot's discs at a pose and obstacle discs, where these will be `after`
    seconds; negative where two overlap, 1e9 if there are none.

    obstacles: (m, 5) x, y, vx, vy in map and radius."""
    cos, sin = math.cos(yaw), math.sin(yaw)
    worst = 1e9
    for j in range(len(obstacles)):
        ox, oy = obstacles[j, 0] + after * obstacles[j, 2], obstacles[j, 1] + after * obstacles[j, 3]
        for i in range(len(discs)):
            px = x + cos * discs[i, 0] - sin * discs[i, 1]
            py = y + sin * discs[i, 0] + cos * discs[i, 1]
            worst = min(worst, math.hypot(ox - px, oy - py) - obstacles[j, 4] - discs[i, 2])
    return worst


@kernel
def _rollout_clearance(
    field: FieldArgs, pose: Array, velocity: Array, target: Array, lag: float, discs: Array, steps: int
) -> float:
    """Smallest clearance [m] on the way under a velocity (3,) that goes from `velocity` to `target`."""
    x, y, yaw = pose[0], pose[1], pose[2]
    v = velocity.copy()
    blend = 1.0 - math.exp(-STEP / lag)
    worst = 1e9
    for _ in range(steps):
        v += blend * (target - v)
        cos, sin = math.cos(yaw), math.sin(yaw)
        x += STEP * (cos * v[0] - sin * v[1])
        y += STEP * (sin * v[0] + cos * v[1])
        yaw += STEP * v[2]
        worst = min(worst, body_clearance(field, x, y, yaw, discs))
    return worst


def body_room(field: DistanceField, pose: Array, discs: Array) -> float:
    """Clearance [m] of the body standing at pose (3,) x, y, yaw in map; negative: it overlaps."""
    return float(body_clearance(field.args(), float(pose[0]), float(pose[1]), float(pose[2]), discs))


def clearance_ahead(
    field: DistanceField, pose: Array, velocity: Array, command: Array, discs: Array, horizon: float
) -> float:
    """Smallest clearance [m] of the body within `horizon` [s] if `command` (3,) were given now.

    velocity: (3,) present velocity in base_link (x, y, yaw)."""
    steps = max(1, round(horizon / STEP))
    pose, velocity = np.asarray(pose, dtype=np.float64), np.asarray(velocity, dtype=np.float64)
    target = np.asarray(command, dtype=np.float64)
    return float(_rollout_clearance(field.args(), pose, velocity, target, gait.LAG, discs, steps))
