"""A map made on the spot: the robot is driven about, and each scan is laid on what the scans before it saw.

The grid holds log odds (Moravec and Elfes 1985, "High resolution maps from wide angle sonar"): a beam makes
the cells that it passes likelier free and the one that it ends in likelier taken. A scan is matched by the
localizer, which will use the map. There is no closing of loops: by what odometry and matching are off at the
end of a way, walls are double there. A home is small enough for that, a long bare corridor is not.
"""

import math

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array, wrap
from vla_sim.stages.navigation.distance_field import DistanceField, clearance_field
from vla_sim.stages.navigation.gait import compose, relative
from vla_sim.stages.navigation.localizer import Localizer
from vla_sim.world.occupancy_grid import Grid

RESOLUTION = 0.05
"""[m] of a cell."""
HALF = 40.0
"""[m] from the start to the grid's edges: what is farther is not mapped."""
HIT, MISS, SURE = 0.9, 0.35, 6.0
"""Log odds that a beam adds to the cell it ends in and takes from one it passes; no cell is surer."""
REACH = 8.0
"""[m] beyond which a beam marks nothing: a degree is 14 cm there."""
OPEN = 3.0
"""[m] up to which a beam that met nothing clears."""
STEP, TURN = 0.15, 0.10
"""[m], [rad] that the robot goes on before a scan is added."""
FIRST = 5
"""Scans that are added as odometry has them: before, there is no map to lay one on."""
INLIERS = 0.5
"""Of a scan, to be laid on the map."""


class Mapper:
    """pose (3,): of the robot in the map, which begins where the robot was at its first scan: x, y [m], yaw
    [rad]. added, doubted: scans that were added to the map, and those of them that did not fit it and were
    added where odometry has them."""

    def __init__(self) -> None:
        self._size = round(2.0 * HALF / RESOLUTION)
        self._odds = np.zeros((self._size, self._size), np.float32)
        self._map_to_odom = np.zeros(3)
        self._last: Array | None = None
        self.pose = np.zeros(3)
        self.added = self.doubted = 0

    def scan(self, ranges: NDArray[np.float32], angle_min: float, increment: float, odom: Array) -> bool:
        """A level scan of beams (n,) [m], inf: nothing there, taken at the pose `odom` (3,) of odometry.
        Whether it was added."""
        if self._last is None:
            self._map_to_odom = relative(odom, np.zeros(3))
        self.pose = compose(self._map_to_odom, odom)
        if self._last is not None and self.added >= FIRST:
            moved = relative(self._last, odom)
            if math.hypot(moved[0], moved[1]) < STEP and abs(wrap(float(moved[2]))) < TURN:
                return False
        self._last = odom.copy()
        if self.added >= FIRST:
            self._lay_on(ranges, angle_min, increment, odom)
        self._integrate(np.asarray(ranges, dtype=float), angle_min, increment)
        self.added += 1
        return True

    def _lay_on(self, ranges: NDArray[np.float32], angle_min: float, increment: float, odom: Array) -> None:
        """Correct where odometry lies by the map as it is."""
        grid = self.grid()
        # From the cells' middles: hits lie there on average. From their edges each match would be off by some
        # millimetres towards where fewer walls are seen, and the next scan is laid on that.
        middles = clearance_field(grid.occupied, RESOLUTION) + np.float32(0.5 * RESOLUTION)
        field = DistanceField(middles, grid.x0, grid.y0, RESOLUTION)
        found = Localizer(field).match(ranges, angle_min, increment, self.pose)
        off = relative(self.pose, found.pose)
        if found.inliers < INLIERS or math.hypot(off[0], off[1]) > Localizer.JUMP:
            self.doubted += 1
            return
        self.pose = found.pose
        self._map_to_odom = compose(found.pose, relative(odom, np.zeros(3)))

    def _integrate(self, ranges: Array, angle_min: float, increment: float) -> None:
        angles = self.pose[2] + angle_min + increment * np.arange(len(ranges))
        known = ~np.isnan(ranges) & (ranges > 0.2)
        hit = known & (ranges < REACH)
        free = np.where(hit, ranges - 1.5 * RESOLUTION, np.where(np.isinf(ranges), OPEN, REACH))
        along = np.arange(0.0, REACH, 0.7 * RESOLUTION)
        passed = (along < free[:, None]) & known[:, None]
        beams, steps = np.nonzero(passed)
        clear = self._cells(along[steps], angles[beams])
        ends = self._cells(ranges[hit], angles[hit])
        clear = np.setdiff1d(clear, ends)  # a cell counts once a scan
        flat = self._odds.reshape(-1)
        flat[clear] = np.maximum(flat[clear] - MISS, -SURE)
        flat[ends] = np.minimum(flat[ends] + HIT, SURE)

    def _cells(self, distance: Array, angle: Array) -> NDArray[np.int64]:
        """Flat indices, each once, of the cells at these ends of beams."""
        x = self.pose[0] + distance * np.cos(angle)
        y = self.pose[1] + distance * np.sin(angle)
        cells = np.floor((np.stack([y, x]) + HALF) / RESOLUTION).astype(np.int64)
        inside = ((cells >= 0) & (cells < self._size)).all(axis=0)
        return np.unique(cells[0, inside] * self._size + cells[1, inside])

    def grid(self) -> Grid:
        """What was seen, with half a metre around it."""
        rows, columns = (np.flatnonzero(self._odds.any(axis=axis)) for axis in (1, 0))
        margin = round(0.5 / RESOLUTION)
        first = [max(0, int(ends[0]) - margin) if len(ends) else 0 for ends in (rows, columns)]
        last = [min(self._size, int(ends[-1]) + margin + 1) if len(ends) else 1 for ends in (rows, columns)]
        odds = self._odds[first[0] : last[0], first[1] : last[1]]
        y0, x0 = (round(one * RESOLUTION - HALF, 9) for one in first)
        return Grid(odds > 0.0, x0, y0, RESOLUTION, unknown=odds == 0.0)
