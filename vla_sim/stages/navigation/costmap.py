"""The layered costmap: what the world file knows, and what the sensors see beyond it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array
from vla_sim.common.numba_cache import kernel
from vla_sim.robot.body_size import ARMS_HEIGHTS
from vla_sim.stages.navigation.distance_field import (
    DistanceField,
    FieldArgs,
    clearance_field,
    sample,
    signed_field,
)
from vla_sim.world.occupancy_grid import Grid
from vla_sim.world.semantic_map import World

RESOLUTION = 0.025
"""Cell size [m]: half of the global planner's, so that door frames are not fattened by a whole cell."""
SURE = 3
"""Evidence from which a cell is occupied."""
EXPLAINED = 0.12
"""[m] from something in the map, nearer than which what is seen is that."""


@dataclass(frozen=True)
class StaticMap:
    """clearance: to fixed things and forbidden zones. physical: to fixed things alone. high: as clearance,
    to what is as high as the arms: they pass above a coffee table that the legs have to pass beside.
    landmarks: signed distance to what is as tall as the lidar (walls, door frames, wardrobes), which
    the scan sees where it really is; low furniture is seen on its top, behind its edge."""

    clearance: DistanceField
    physical: DistanceField
    landmarks: DistanceField
    high: DistanceField

    @staticmethod
    def from_world(world: World, resolution: float = RESOLUTION) -> StaticMap:
        return StaticMap.from_grids(
            world.rasterise(resolution), world.rasterise(resolution, 1.0, 1.3), world.forbidden,
            world.rasterise(resolution, *ARMS_HEIGHTS),
        )  # fmt: skip

    @staticmethod
    def from_grids(
        grid: Grid,
        tall: Grid | None = None,
        forbidden: tuple[tuple[float, float, float, float], ...] = (),
        high: Grid | None = None,
    ) -> StaticMap:
        """grid: at the robot's height; tall: at the lidar's, high: at the arms', the same without. All of the
        same cells."""
        tall, high = tall or grid, high or grid
        blocked, raised = grid.occupied.copy(), high.occupied.copy()
        for x_low, y_low, x_high, y_high in forbidden:
            c0, c1 = ((x - grid.x0) / grid.resolution for x in (x_low, x_high))
            r0, r1 = ((y - grid.y0) / grid.resolution for y in (y_low, y_high))
            rows = slice(max(0, int(np.floor(r0))), max(0, int(np.ceil(r1))))
            columns = slice(max(0, int(np.floor(c0))), max(0, int(np.ceil(c1))))
            blocked[rows, columns] = raised[rows, columns] = True
        place = (grid.x0, grid.y0, grid.resolution)
        return StaticMap(
            DistanceField(clearance_field(blocked, grid.resolution), *place),
            DistanceField(clearance_field(grid.occupied, grid.resolution), *place),
            DistanceField(signed_field(tall.occupied, tall.resolution), *place),
            DistanceField(clearance_field(raised, grid.resolution), *place),
        )


@kernel
def _integrate(
    evidence: NDArray[np.int8], seen: Array, cells: NDArray[np.int32],
    listed: NDArray[np.bool_], count: int, known: FieldArgs, pose: Array, ranges: NDArray[np.float32],
    angle_min: float, angle_increment: float, reach: float, near: float, explained: float, time: float,
) -> int:  # fmt: skip
    """One scan into the evidence grid: cells a beam passes lose 1, the cell it ends in gains 2. Returns the
    count of `cells`, to which each cell (flat index) that gains and is not `listed` is added.

    A hit within `explained` [m] of something in `known` is the known thing. Beams longer than `reach`
    clear up to it and mark nothing; NaN is no measurement."""
    rows, columns = evidence.shape
    _, x0, y0, resolution = known
    origin_x, origin_y, yaw = pose[0], pose[1], pose[2]
    step = 0.7 * resolution
    for i in range(ranges.size):
        distance = float(ranges[i])
        if np.isnan(distance) or distance < near:
            continue
        angle = yaw + angle_min + i * angle_increment
        dx, dy = np.cos(angle), np.sin(angle)
        hit = distance <= reach
        # A hit is not certain to a cell: do not clear the last two before it.
        free = distance - 2.0 * resolution if hit else reach
        last_r, last_c = -1, -1
        for k in range(int(max(0.0, free) / step)):
            c = math.floor((origin_x + k * step * dx - x0) / resolution)
            r = math.floor((origin_y + k * step * dy - y0) / resolution)
            if r < 0 or c < 0 or r >= rows or c >= columns:
                break
            if (r != last_r or c != last_c) and evidence[r, c] > 0:
                evidence[r, c] -= 1
            last_r, last_c = r, c
        if not hit:
            continue
        x, y = origin_x + distance * dx, origin_y + distance * dy
        if sample(known, x, y) < explained:
            continue
        c, r = math.floor((x - x0) / resolution), math.floor((y - y0) / resolution)
        if 0 <= r < rows and 0 <= c < columns:
            # The beam may have passed a neighbour's cell more than once: marking outweighs clearing.
            evidence[r, c] = min(6, evidence[r, c] + 2)
            seen[r, c] = max(seen[r, c], time)
            if not listed[r, c]:
                listed[r, c] = True
                cells[count] = r * columns + c
                count += 1
    return count


@kernel
def _occupied(
    evidence: NDArray[np.int8], seen: Array, cells: NDArray[np.int32],
    listed: NDArray[np.bool_], count: int, oldest: float, out: NDArray[np.bool_],
) -> tuple[int, int]:  # fmt: skip
    """Add cells with enough and fresh evidence to `out`; forget the stale ones, and take what has none off
    the list of `cells`. Returns how many were added and how many are still listed."""
    columns = evidence.shape[1]
    added, kept = 0, 0
    for i in range(count):
        r, c = cells[i] // columns, cells[i] % columns
        if seen[r, c] < oldest:
            evidence[r, c] = 0
        if evidence[r, c] == 0:
            listed[r, c] = False
            continue
        cells[kept] = cells[i]
        kept += 1
        if evidence[r, c] >= SURE:
            out[r, c] = True
            added += 1
    return added, kept


class SensedLayer:
    """Obstacles that one sensor sees and the map does not know.

    Each sensor has its own layer: the lidar's rings can pass over a low box that the camera sees, and
    must not erase it. reach: farthest hit that is believed [m]. decay: seconds after which a cell
    that was not seen again is forgotten."""

    def __init__(self, static: StaticMap, reach: float, decay: float, near: float = 0.25) -> None:
        self._static = static.physical
        shape = static.physical.values.shape
        self._evidence = np.zeros(shape, np.int8)
        self._seen = np.zeros(shape)  # a float32 tells no seconds apart of a robot's clock
        # The cells with evidence, so that a scan does not search the whole map for them.
        self._cells, self._listed = np.empty(shape[0] * shape[1], np.int32), np.zeros(shape, np.bool_)
        self._count = 0
        self.reach, self.decay, self.near = reach, decay, near

    def integrate(
        self, pose: Array, ranges: NDArray[np.float32], angle_min: float, angle_increment: float, time: float
    ) -> None:
        """pose: (3,) x, y, yaw of the scan's frame in map when it was taken. ranges: (n,) [m], inf
        where nothing was hit. Two agreeing scans make an obstacle."""
        self._count = _integrate(
            self._evidence, self._seen, self._cells, self._listed, self._count, self._static.args(),
            np.asarray(pose, dtype=np.float64), np.ascontiguousarray(ranges, dtype=np.float32),
            float(angle_min), float(angle_increment), self.reach, self.near, EXPLAINED, float(time),
        )  # fmt: skip

    def add_to(self, occupied: NDArray[np.bool_], time: float) -> int:
        """Set this layer's occupied cells in `occupied`; how many they are."""
        added, self._count = _occupied(
            self._evidence, self._seen, self._cells, self._listed, self._count, float(time) - self.decay,
            occupied,
        )  # fmt: skip
        return int(added)

    def forget(self, x: float, y: float, radius: float) -> None:
        """Clear the square around (x, y) with this half side [m]."""
        self._evidence[self._square(x, y, radius)] = 0

    def hold(self, x: float, y: float, radius: float, until: float) -> None:
        """What is in that square is seen until then [s], unless a beam passes through it."""
        square = self._square(x, y, radius)
        self._seen[square][self._evidence[square] >= SURE] = until

    def _square(self, x: float, y: float, radius: float) -> tuple[slice, slice]:
        """Rows and columns around (x, y) with this half side [m]."""
        field = self._static
        h = field.resolution
        r0, r1 = int((y - radius - field.y0) / h), int((y + radius - field.y0) / h) + 1
        c0, c1 = int((x - radius - field.x0) / h), int((x + radius - field.x0) / h) + 1
        return slice(max(0, r0), max(0, r1)), slice(max(0, c0), max(0, c1))


class Costmap:
    """Static map, lidar layer, depth-camera layer and what perception keeps in mind under one distance field.
    low: (n, 2) of the latter in map, but for what the map knows."""

    WINDOW = 3.0
    """Half side [m] of the square around the robot in which the local field is kept current."""
    HOLD = 0.5
    """Half side [m] of the square that is held."""

    def __init__(self, static: StaticMap) -> None:
        self.static = static
        self.lidar = SensedLayer(static, reach=5.0, decay=8.0)
        self.depth = SensedLayer(static, reach=2.5, decay=15.0)
        self.low = np.zeros((0, 2))
        self._occupied = np.zeros(static.physical.values.shape, np.bool_)
        self._count = 0
        self.local = static.clearance
        self.high = static.high

    def update(self, x: float, y: float, time: float) -> None:
        """Recompute `local` and `high`, the fields around (x, y), from the layers at `time` [s]. What is
        sensed counts as high as the robot."""
        self._occupied[:] = False
        count = self.lidar.add_to(self._occupied, time) + self.depth.add_to(self._occupied, time)
        count += self._add_low()
        self._count = count
        if count == 0:
            self.local, self.high = self.static.clearance, self.static.high
            return
        field = self.static.clearance
        rows, columns = field.values.shape
        half = int(self.WINDOW / field.resolution)
        c, r = int((x - field.x0) / field.resolution), int((y - field.y0) / field.resolution)
        r0, r1 = max(0, r - half), min(rows, r + half)
        c0, c1 = max(0, c - half), min(columns, c + half)
        if r0 >= r1 or c0 >= c1:
            self.local, self.high = field, self.static.high
            return
        sensed = clearance_field(np.ascontiguousarray(self._occupied[r0:r1, c0:c1]), field.resolution)
        place = field.x0 + c0 * field.resolution, field.y0 + r0 * field.resolution, field.resolution
        self.local, self.high = (
            DistanceField(np.minimum(sensed, static.values[r0:r1, c0:c1]), *place)
            for static in (field, self.static.high)
        )

    def hold(self, point: Array, until: float) -> None:
        """What is seen within `HOLD` of `point` (2,) is believed until then [s], also out of sight."""
        for layer in (self.lidar, self.depth):
            layer.hold(float(point[0]), float(point[1]), self.HOLD, until)

    def keep(self, points: Array) -> None:
        """What perception keeps in mind now (n, 2), in map."""
        self.low = points[self.static.physical.along(points) >= EXPLAINED]

    def _add_low(self) -> int:
        """Set the cells of `low`; how many points that is."""
        field = self.static.physical
        rows, columns = field.values.shape
        cells = np.floor((self.low - (field.x0, field.y0)) / field.resolution)
        within = ((cells >= 0) & (cells < np.array([columns, rows]))).all(axis=1)
        inside = cells[within].astype(int)
        self._occupied[inside[:, 1], inside[:, 0]] = True
        return len(inside)

    def whole(self) -> DistanceField:
        """The field of the whole map with all sensed obstacles, for planning."""
        field = self.static.clearance
        if self._count == 0:
            return field
        sensed = clearance_field(self._occupied, field.resolution)
        return DistanceField(np.minimum(sensed, field.values), field.x0, field.y0, field.resolution)
