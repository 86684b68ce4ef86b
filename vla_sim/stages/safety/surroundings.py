"""What lidar and depth camera see around the robot, kept where it is while the robot walks on.

Points stand in `odom`, so that a scan is as good later as when it was taken, but for what moves; they are
given in the mean pose of the gait, free of its sway, from which the body's outlines are measured.
"""

import math

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array
from vla_sim.common.numba_cache import kernel
from vla_sim.robot.body_size import ARMS_HEIGHTS, BACK, FRONT, LOW_FRONT, SWATH
from vla_sim.stages.navigation import gait
from vla_sim.stages.navigation.gait import PoseFilter
from vla_sim.stages.safety.trust import SECTOR, all_around, unknown_sectors

REACH = 2.0
"""[m] within which the lidar's points matter."""
LOW_REACH = 1.2
"""[m] likewise for the depth camera's: farther off the gait's pitch takes the floor for something low."""
NOTHING = np.zeros((0, 2))


class Surroundings:
    """Feed odometry and scans, with their stamps [s] and poses (3,) x, y, yaw; ask `points`."""

    def __init__(self) -> None:
        self.gait = PoseFilter()
        self._lidar = NOTHING
        self._low = self._at_arms = NOTHING
        self._kept, self._kept_at_arms = NOTHING, NOTHING
        """What perception keeps of the floor near the robot, and what of that is as high as the arms."""
        self._unknown, self._low_unknown = np.zeros(0), np.zeros(0)
        """(k,) middles of the sectors that are not known [rad], in base_link."""

    @property
    def placeable(self) -> bool:
        """Whether it is known from where scans are taken."""
        return self.gait.ready

    def odometry(self, stamp: float, x: float, y: float, yaw: float) -> None:
        """Pelvis pose in `odom`."""
        self.gait.odometry(stamp, x, y, yaw)

    def scan(self, stamp: float, ranges: NDArray[np.float32], angle_min: float, step: float) -> None:
        """ranges: (n,) [m] in base_link; what is no positive number is no point. Where there are no beams
        nothing is known."""
        self._lidar = self._placed(stamp, hits(ranges, angle_min, step, REACH))
        self._unknown = unknown_sectors(all_around(ranges, step), angle_min, step)

    def depth_scan(
        self, stamp: float, ranges: NDArray[np.float32], angle_min: float, step: float,
        at_arms: NDArray[np.float32],
    ) -> None:  # fmt: skip
        """As `scan`; at_arms: the ranges of what stands at the height of the arms."""
        self._low_unknown = unknown_sectors(ranges, angle_min, step)
        self._low, self._at_arms = (
            self._placed(stamp, hits(seen, angle_min, step, LOW_REACH)) for seen in (ranges, at_arms)
        )

    def low_obstacles(self, points: Array) -> None:
        """What lies near the robot, in the picture or not. points: (n, 3) x, y in `odom`, and height [m]."""
        self._kept = np.ascontiguousarray(points[:, :2])
        self._kept_at_arms = self._kept[points[:, 2] >= ARMS_HEIGHTS[0]]

    def points(self) -> tuple[Array, Array, Array]:
        """(n, 2) of the lidar, (m, 2) of the depth camera, now and before, and (k, 2) what of that stands at
        the height of the arms [m], from the mean pose now. In a sector that is not known something stands
        before the body."""
        pose = self.gait.mean() if self.placeable else np.zeros(3)
        lidar, low, at_arms = (
            _seen_from(points, pose)
            for points in (
                self._lidar, np.concatenate([self._low, self._kept]),
                np.concatenate([self._at_arms, self._kept_at_arms]),
            )
        )  # fmt: skip
        if len(self._unknown):
            lidar = np.concatenate([lidar, edge(self._unknown, FRONT)])
        if len(self._low_unknown):
            at_arms = np.concatenate([at_arms, edge(self._low_unknown, LOW_FRONT)])
        return lidar, low, at_arms

    def at(self, stamp: float) -> Array:
        """Pelvis pose (3,) in `odom`; zero before any odometry."""
        return self.gait.at(stamp) if self.placeable else np.zeros(3)

    def _placed(self, stamp: float, points: Array) -> Array:
        """(n, 2) of base_link at `stamp` in `odom`."""
        return np.asarray(gait.placed(points, self.at(stamp)))


def hits(ranges: NDArray[np.float32], angle_min: float, step: float, reach: float) -> Array:
    """(n, 2) [m] where the beams end within `reach`."""
    with np.errstate(invalid="ignore"):
        near = np.flatnonzero((ranges > 0.0) & (ranges < reach))
    angles, r = angle_min + step * near, ranges[near].astype(np.float64)
    return np.column_stack((r * np.cos(angles), r * np.sin(angles)))


def edge(bearings: Array, front: float) -> Array:
    """(n, 2) just outside of the walking body's footprint, in these sectors [rad]."""
    angles = (bearings[:, None] + SECTOR * np.array([-0.4, -0.2, 0.0, 0.2, 0.4])).ravel()
    x, y = np.cos(angles), np.sin(angles)
    ahead = np.where(x > 0.0, front, BACK) / np.maximum(np.abs(x), 1e-9)
    r = np.minimum(ahead, SWATH / np.maximum(np.abs(y), 1e-9)) + 0.005
    return np.column_stack((r * x, r * y))


@kernel
def _seen_from(points: Array, pose: Array) -> Array:
    """(n, 2) of `odom` in the frame of a pose (3,) in it."""
    out = np.empty((len(points), 2))
    c, s = math.cos(pose[2]), math.sin(pose[2])
    for i in range(len(points)):
        dx, dy = points[i, 0] - pose[0], points[i, 1] - pose[1]
        out[i, 0], out[i, 1] = c * dx + s * dy, c * dy - s * dx
    return out


def warm() -> None:
    """Compile (or load) the kernels before the first scan."""
    gait.warm()
    around = Surroundings()
    around.odometry(0.0, 0.0, 0.0, 0.0)
    around.scan(0.0, np.ones(8, np.float32), 0.0, 0.1)
    around.points()
