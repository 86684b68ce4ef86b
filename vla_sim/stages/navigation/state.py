"""What navigation knows of the robot and of what surrounds it, from odometry and scans."""

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array, wrap
from vla_sim.robot.body_size import ARMS, LEGS
from vla_sim.stages.navigation import gait
from vla_sim.stages.navigation.costmap import Costmap, StaticMap
from vla_sim.stages.navigation.distance_field import body_room, clearance_ahead
from vla_sim.stages.navigation.dynamic_obstacles import DynamicObstacles
from vla_sim.stages.navigation.gait import PoseFilter, compose, relative
from vla_sim.stages.navigation.localizer import Localizer

LOCALISE_PERIOD = 0.5
"""Seconds between two matches of the scan against the map, while odometry holds."""
SLIDING = 0.02
"""[m] of correction from which on each scan is matched: odometry slides away."""
COARSE_PERIOD = 0.15
"""Least seconds between two maps of what surrounds the robot, under load: every second scan of 10 Hz."""

BLIND = 0.55
"""[m] from the pelvis, nearer than which something low is under the camera's picture, or was a moment ago."""
SET_BACK = 1.0
"""[s] by which a clock was set back and stamps are not merely out of order."""
MOVING = 0.4
"""[m] to each side of what moves, where nothing is taken to stand."""


class NavigationState:
    """Localisation, costmap and moving obstacles of one robot. time [s]: of the present tick. fine: whether
    all candidate velocities are weighed and each scan makes a map; else a third, and every second one."""

    def __init__(self, static: StaticMap, localise: bool = True) -> None:
        self.costmap = Costmap(static)
        self.dynamic_obstacles = DynamicObstacles(static.physical)
        self.localizer = Localizer(static.landmarks, static.physical)
        self.filter = PoseFilter()
        self.time = 0.0
        self.fine = True
        self._low = np.zeros((0, 2))
        """What lies near the robot (n, 2), in `odom`."""
        self._scanned = self._mapped = -math.inf
        self._localise = localise
        self._matched = -math.inf
        self._frames: deque[tuple[float, Array]] = deque()
        """Stamps, and `map_to_odom` then, over one cycle of the gait."""

    def odometry(self, time: float, x: float, y: float, yaw: float) -> None:
        """Pelvis pose in `odom` at `time`."""
        self.filter.odometry(time, x, y, yaw)

    def place(self, x: float, y: float, yaw: float) -> bool:
        """The robot is here in the map [m], [rad], whatever was thought before; False before any odometry.
        What it saw from where it was thought to be is forgotten."""
        if not self.filter.ready:
            return False
        here = relative(self.filter.mean(), np.zeros(3))
        self.localizer.map_to_odom = compose(np.array([x, y, yaw]), here)
        self._forget_seen()
        self._frames.clear()
        return True

    def _forget_seen(self) -> None:
        self.costmap = Costmap(self.costmap.static)
        self.dynamic_obstacles = DynamicObstacles(self.costmap.static.physical)
        self._matched = self._mapped = -math.inf

    def scan(self, time: float, ranges: NDArray[np.float32], angle_min: float, increment: float) -> None:
        """The lidar's level scan taken at `time`; ranges (n,) [m], inf: nothing there."""
        if not self.filter.ready:
            return
        if time < self._scanned - SET_BACK:  # what was seen would be there until that time has come again
            self._forget_seen()
        self._scanned = time
        odom = self.filter.at(time)
        period = LOCALISE_PERIOD if self.localizer.corrected < SLIDING else 0.0
        if self._localise and not 0.0 <= time - self._matched < period:
            self._matched = time
            self.localizer.update(ranges, angle_min, increment, odom)
        self._frames.append((time, self.localizer.map_to_odom))
        while not 0.0 <= time - self._frames[0][0] < gait.PERIOD:
            self._frames.popleft()
        pose = compose(self.localizer.map_to_odom, odom)
        self.costmap.lidar.integrate(pose, ranges, angle_min, increment, time)
        self.dynamic_obstacles.update(pose, ranges, angle_min, increment, time)
        # What moves is avoided where it will be, not where it is.
        for track in self.dynamic_obstacles.moving():
            for layer in (self.costmap.lidar, self.costmap.depth):
                layer.forget(float(track.position[0]), float(track.position[1]), MOVING)
        if self.fine or not 0.0 <= time - self._mapped < COARSE_PERIOD:
            self._mapped = time
            self.costmap.keep(self._unmoving(gait.placed(self._low, self.localizer.map_to_odom)))
            self.costmap.update(float(pose[0]), float(pose[1]), time)

    def depth_scan(
        self, time: float, ranges: NDArray[np.float32], angle_min: float, increment: float
    ) -> None:
        """The depth camera's level scan; the costmap uses it from the next lidar scan on."""
        if self.filter.ready:
            pose = compose(self.localizer.map_to_odom, self.filter.at(time))
            self.costmap.depth.integrate(pose, ranges, angle_min, increment, time)

    def low_obstacles(self, points: Array) -> None:
        """What perception keeps in mind of the floor near the robot, used likewise.

        points: (n, 3) x, y in `odom`, and height [m]; those that are no numbers are none."""
        kept = points[np.isfinite(points).all(axis=1), :2]
        self._low = np.ascontiguousarray(kept, dtype=np.float64)

    @property
    def hides_ahead(self) -> bool:
        """Whether something that the map does not know is kept in mind before the feet, where the camera does
        not see it from here."""
        x, y, yaw = self.pose
        away = self.costmap.low - (x, y)
        ahead = away @ (math.cos(yaw), math.sin(yaw)) > 0.0
        return bool((ahead & (np.hypot(away[:, 0], away[:, 1]) < BLIND)).any())

    def _unmoving(self, points: Array) -> Array:
        """Those of (n, 2) points in map where nobody walks."""
        for track in self.dynamic_obstacles.moving():
            points = points[np.abs(points - track.position).max(axis=1) > MOVING]
        return points

    @property
    def pose(self) -> Array:
        """Sway-free pose (3,) in map; yaw unwrapped."""
        return compose(self.mean_frame, self.filter.mean())

    @property
    def mean_frame(self) -> Array:
        """(3,) `map_to_odom`, mean over the cycle that `filter.mean` is of: what odometry has slid within it
        is in both, and cancels."""
        now = self.localizer.map_to_odom
        if not self._frames:
            return now
        off = np.array([frame for _, frame in self._frames]) - now
        off[:, 2] = (off[:, 2] + math.pi) % (2 * math.pi) - math.pi
        return np.asarray(now + off.mean(axis=0))

    def nearest_turn(self, x: float, y: float, yaw: float) -> Array:
        """(3,) a goal in map with its yaw on the present pose's branch, so that the shorter turn is taken."""
        now = float(self.pose[2])
        return np.array([x, y, now + wrap(float(yaw) - now)])

    def guard(self, command: Array, body: Array | None) -> Array:
        """The command, slower or zero if the body would come too close to something within 0.8 s. None:
        legs and arms each at their height, and never nearer than they are where they touch already."""
        if gait.standing(command):
            return command
        local, high = self.costmap.local, self.costmap.high
        parts = [(local, LEGS), (high, ARMS)] if body is None else [(local, body)]
        least, worse = (0.0, 0.003) if body is None else (0.01, 0.015)
        for share in (1.0, 0.5):
            scaled = command * share
            if all(
                clearance_ahead(field, self.pose, self.filter.velocity, scaled, part, 0.8)
                > min(least, body_room(field, self.pose, part) - worse)
                for field, part in parts
            ):
                return np.asarray(scaled)
        return np.zeros(3)
