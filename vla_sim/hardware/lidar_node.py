"""A lidar's cloud as the stack wants it: a level scan, and points in the pelvis frame, without the robot."""

from typing import Any

import numpy as np

from vla_sim.common.errors import InputError
from vla_sim.common.geometry import moved
from vla_sim.contract import topics
from vla_sim.contract.topics import Topic
from vla_sim.hardware.params import LidarParams
from vla_sim.hardware.posture import Posture
from vla_sim.hardware.self_filter import others
from vla_sim.robot import facts, level_scan
from vla_sim.robot.extrinsics import LIDAR, calibrated
from vla_sim.ros import conversions
from vla_sim.ros.spin import spin
from vla_sim.ros.stage_node import StageNode
from vla_sim.stages.perception.depth_scan import own_capsules

PERIOD = 0.1
"""[s] of one turn, as the scan says."""


class LidarNode(Posture, StageNode[LidarParams]):
    """Parameters: `LidarParams`.

    Subscribes the cloud of a lidar's driver (sensor_msgs/PointCloud2, its points beginning with x, y, z as
    float32 in the lidar's own frame), /joint_states and /imu. Publishes /scan and /points, with the cloud's
    stamp. Before joints and attitude are known nothing is published, and nothing of a cloud without a
    point that is not the robot's.
    """

    def __init__(self) -> None:
        super().__init__("lidar", LidarParams)
        p = self.params
        self.kinematics = calibrated(p.extrinsics)
        self.bad = 0
        """Clouds that could not be read."""
        self.blind = 0
        """Clouds without a point that is not the robot's."""
        self.publish(topics.SCAN)
        self.publish(topics.POINTS)
        others(
            np.zeros((1, 3)), own_capsules(self.kinematics, np.zeros(len(facts.JOINTS)))
        )  # compiled before the first cloud
        self.listen(topics.JOINT_STATES, self.on_joints)
        self.listen(topics.IMU, self.on_imu)
        self.listen(Topic(p.cloud, "sensor_msgs/msg/PointCloud2", topics.POINTS.qos), self.on_cloud)

    def on_cloud(self, message: Any) -> None:
        if self.joints is None or self.attitude is None:
            return
        try:
            points = conversions.cloud_points(message)
        except InputError as error:
            self.bad += 1
            self.get_logger().warning(str(error), throttle_duration_sec=5.0)
            return
        points = points[np.isfinite(points).all(axis=1) & points.any(axis=1)]  # a Livox has zeros for no echo
        points = moved(points, self.kinematics.frame(LIDAR, self.joints))
        points = points[others(points, own_capsules(self.kinematics, self.joints))]
        if not len(points):  # where not even the floor is seen nothing is known to be free
            self.blind += 1
            return
        ranges = level_scan.ranges(points, self.attitude, self.joints, self.kinematics)
        stamp = message.header.stamp
        self.published[topics.SCAN.name].publish(conversions.laser_scan(ranges, stamp, PERIOD))
        if self.published[topics.POINTS.name].get_subscription_count():
            self.published[topics.POINTS.name].publish(conversions.point_cloud(points, stamp))

    def status(self) -> dict[str, str]:
        return {"clouds not read": str(self.bad), "clouds without a point": str(self.blind)}


def main() -> int:
    return spin(LidarNode)


if __name__ == "__main__":
    raise SystemExit(main())
