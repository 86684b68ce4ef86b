"""What lies on the floor, kept until its place is seen free: before its feet the robot does not see.

A grid that moves with the robot holds, for each cell of the floor, how many looks found something low there.
A look that sees the cell's floor takes one away; a cell that no pixel reached, hidden by a hand or under the
picture, stays as it was. Only what reaches up to the arms is kept for a moment: the lidar sees that as well,
and it may be somebody who walks on.

The grid lies in `map`: where odometry slides, localisation finds it, and what is kept stays where it lies.
"""

import math

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array, wrap
from vla_sim.common.numba_cache import kernel
from vla_sim.robot.body import planar_base_in_map
from vla_sim.robot.body_size import ARMS_HEIGHTS
from vla_sim.stages.perception.camera import Intrinsics, Pinhole
from vla_sim.stages.perception.depth_scan import HIGH, LOW, of_robot, seen_at

CELL = 0.05
"""[m]"""
SIZE = 64
"""Cells each way, the robot in the middle."""
REACH = 1.2
"""[m] from the pelvis: farther off the gait's pitch takes the floor for something low."""
LEAST = 3
"""Pixels in a cell that say something: a lone one between fore- and background does not."""
CONFIRMED, MOST = 3, 5
"""Looks after which something is kept, and that are counted at most."""
TALL_MEMORY = 4.0
"""[s] for which what is as high as the arms is kept."""
WAY = 3.0
"""[m] of walking after which a place is not known any more: by odometry that is off by 5 % it has moved by
0.15 m, more than a cup is wide."""
TURN = 0.3
"""[m] of way that a turn of 1 rad counts as."""
STEP, STEP_TURN = 0.05, 0.1
"""[m], [rad] from where it was counted last, from which on the robot walks and does not merely sway."""
BACK = 1.0
"""[s]: an image that is older than the last by more is of a time that began anew."""
FASTEST, SLACK = 1.5, 0.2
"""[m/s], [m]: what odometry reports beyond is a jump, after which nothing is where it was."""


@kernel
def _look(
    depth: NDArray[np.float32], stride: int, pinhole: Pinhole, pose: Array, base: Array, capsules: Array,
    reach: float, cell: float, things: Array, floor: NDArray[np.int32],
) -> None:  # fmt: skip
    """Add up what one image shows of each cell: things (size, size, 4), of x and y in `map`, one, and the
    greatest height; floor (size, size): pixels on the floor. base: (3,) level base frame in `map`."""
    rows, columns = depth.shape
    size = len(floor)
    c, s = math.cos(base[2]), math.sin(base[2])
    for v in range(0, rows, stride):
        for u in range(0, columns, stride):
            d = np.float64(depth[v, u])
            if not (d > 0.0 and d < 5.0):
                continue
            x, y, z = seen_at(pinhole, pose, u, v, d)
            if z > HIGH or z < -LOW or x * x + y * y > reach * reach:
                continue
            if z > LOW and of_robot(capsules, x, y, z):
                continue
            mx, my = base[0] + c * x - s * y, base[1] + s * x + c * y
            i, k = math.floor(mx / cell) % size, math.floor(my / cell) % size
            if z <= LOW:
                floor[i, k] += 1
                continue
            one = things[i, k]
            one[0] += mx
            one[1] += my
            one[2] += 1.0
            one[3] = max(one[3], z)


class LowObstacles:
    """Call it with each depth image.

    The grid's cells lie on each other like a torus's: what the robot leaves behind makes room for what is
    ahead."""

    def __init__(self) -> None:
        self._looks = np.zeros((SIZE, SIZE), np.int8)
        self._points = np.zeros((SIZE, SIZE, 3))
        """x, y in `map` and the height [m] of what was seen in a cell last."""
        self._seen = np.zeros((SIZE, SIZE, 2))
        """When [s], and after how much way [m]."""
        self._way = 0.0
        self._counted: Array | None = None
        """(3,) pose up to which the way is counted."""
        self._last: tuple[float, Array] | None = None

    def __call__(
        self, stamp: float, depth: NDArray[np.float32], camera: Intrinsics, pose: Array, capsules: Array,
        odom_base: Array, map_odom: Array,
    ) -> Array:  # fmt: skip
        """(n, 3) x, y in `odom` and height [m] of what is kept.

        stamp: [s]. depth, camera, pose, capsules: see `depth_scan.depth_scan`. odom_base, map_odom: (4, 4),
        of the pelvis in `odom` and of `odom` in `map`.
        """
        base = np.array(planar_base_in_map(map_odom, odom_base))
        self._follow(stamp, base)
        things, floor = np.zeros((SIZE, SIZE, 4)), np.zeros((SIZE, SIZE), np.int32)
        stride = max(1, camera.width // 160)
        _look(depth, stride, camera.pinhole, pose, base, capsules, REACH, CELL, things, floor)
        found = things[..., 2] >= LEAST
        self._looks[~found & (floor >= LEAST) & (self._looks > 0)] -= 1
        self._looks[found] = np.minimum(MOST, self._looks[found] + 1)
        self._points[found, :2] = things[found, :2] / things[found, 2:3]
        self._points[found, 2] = things[found, 3]
        self._seen[found] = stamp, self._way
        kept = self._kept(stamp)
        kept[:, :2] = (kept[:, :2] - map_odom[:2, 3]) @ map_odom[:2, :2]
        return kept

    def _kept(self, stamp: float) -> Array:
        """(n, 3) x, y in `map` and height [m]."""
        seen, way = self._seen[..., 0], self._seen[..., 1]
        tall = self._points[..., 2] >= ARMS_HEIGHTS[0]
        self._looks[(self._way - way > WAY) | (tall & (stamp - seen > TALL_MEMORY))] = 0
        return self._points[self._looks >= CONFIRMED]

    def _follow(self, stamp: float, base: Array) -> None:
        """The robot is here now: what is too far from it, or after too long a way, is forgotten."""
        if self._last is not None:
            before, there = self._last
            step = math.hypot(base[0] - there[0], base[1] - there[1])
            if stamp < before - BACK or step > SLACK + FASTEST * abs(stamp - before):
                self._looks[:] = 0
        self._last = stamp, base.copy()
        counted = self._counted
        if counted is None:
            self._counted = base.copy()
        else:
            step, turn = math.hypot(*(base - counted)[:2]), abs(wrap(float(base[2] - counted[2])))
            if step > STEP or turn > STEP_TURN:
                self._way += step + TURN * turn
                self._counted = base.copy()
        off = np.abs(self._points[..., :2] - base[:2]).max(axis=-1)
        self._looks[off > 0.5 * CELL * SIZE - 2.0 * CELL] = 0
