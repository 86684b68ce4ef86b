"""What `vla-sim map` listens to: odometry and the level scan become a map."""

import threading
from collections import deque
from typing import Any

import numpy as np

from vla_sim.common.geometry import Array, yaw_from_quaternion
from vla_sim.common.params import StageParams
from vla_sim.contract import topics
from vla_sim.ros import conversions
from vla_sim.ros.messages import to_seconds
from vla_sim.ros.stage_node import StageNode
from vla_sim.stages.navigation.mapper import Mapper

APART = 0.06
"""[s] between a scan and the odometry that it is taken at."""


class MappingNode(StageNode[StageParams]):
    """mapper: to be read while `lock` is held. unplaced: scans without an odometry of their time."""

    def __init__(self) -> None:
        super().__init__("mapping", StageParams)
        self.mapper, self.lock, self.unplaced = Mapper(), threading.Lock(), 0
        self._odometry: deque[tuple[float, Array]] = deque(maxlen=50)
        self.listen(topics.ODOM, self.on_odom)
        self.listen(topics.SCAN, self.on_scan)

    def on_odom(self, message: Any) -> None:
        if conversions.finite(message.pose.pose):
            (x, y, _), q = conversions.pose_parts(message.pose.pose)
            self._odometry.append(
                (to_seconds(message.header.stamp), np.array([x, y, yaw_from_quaternion(q)]))
            )

    def on_scan(self, message: Any) -> None:
        time = to_seconds(message.header.stamp)
        stamp, pose = min(self._odometry, key=lambda one: abs(one[0] - time), default=(-1.0, np.zeros(3)))
        if abs(stamp - time) > APART:
            self.unplaced += 1
            return
        ranges = np.asarray(message.ranges, dtype=np.float32)
        with self.lock:
            self.mapper.scan(ranges, message.angle_min, message.angle_increment, pose)

    def status(self) -> dict[str, str]:
        return {
            "scans added": str(self.mapper.added), "scans that did not fit": str(self.mapper.doubted),
            "scans without odometry": str(self.unplaced),
        }  # fmt: skip
