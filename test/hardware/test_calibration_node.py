"""What `vla-sim calibrate` and `vla-sim map` hear of the drivers."""

from array import array

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")
pytestmark = pytest.mark.ros

from nav_msgs.msg import Odometry  # noqa: E402
from sensor_msgs.msg import CameraInfo, Image, Imu, JointState  # noqa: E402

from vla_sim.common.errors import StackError  # noqa: E402
from vla_sim.hardware import calibration_node  # noqa: E402
from vla_sim.hardware.calibration_node import ENOUGH, SensorListener  # noqa: E402
from vla_sim.hardware.mapping_node import MappingNode  # noqa: E402
from vla_sim.hardware.params import CAMERA, LidarParams  # noqa: E402
from vla_sim.robot import facts  # noqa: E402
from vla_sim.ros import conversions  # noqa: E402
from vla_sim.ros.messages import to_stamp  # noqa: E402

NAMED = {"cloud": LidarParams().cloud, **CAMERA}


def image(encoding, data, stamp):
    out = Image(height=data.shape[0], width=data.shape[1], encoding=encoding, step=data.strides[0])
    out.data = array("B", data.tobytes())
    out.header.stamp = to_stamp(stamp)
    return out


def test_it_waits_for_enough_of_what_is_measured(ros_node):
    node = ros_node(SensorListener, NAMED, 0.015)
    assert set(NAMED.values()) <= set(node.subscribed)
    assert node.missing(lidar=True, camera=False) == ["joint states", "the IMU", "the lidar's clouds"]
    node.on_joints(JointState(name=list(facts.JOINTS), position=facts.DEFAULT_POSE.tolist()))
    imu = Imu()
    imu.orientation.w = 1.0
    node.on_imu(imu)
    cloud = conversions.point_cloud(np.ones((5, 3)), to_stamp(1.0), "livox_frame")
    for _ in range(ENOUGH):
        node.on_cloud(cloud)
    assert node.missing(lidar=True, camera=False) == []
    assert node.missing(lidar=True, camera=True) == ["the camera's info", "the camera's images"]
    node.on_camera_info(CameraInfo(width=4, height=3, k=[2.0, 0.0, 1.5, 0.0, 2.0, 1.0, 0.0, 0.0, 1.0]))
    for k in range(ENOUGH):
        node.on_depth(image("16UC1", np.full((3, 4), 700, np.uint16), 0.1 * k))
        node.on_color(image("rgb8", np.zeros((3, 4, 3), np.uint8), 0.1 * k + 0.005))
    assert node.missing(lidar=True, camera=True) == []
    assert node.images[0][1] == pytest.approx(0.7)


def test_what_cannot_be_read_is_counted_by_its_reason(ros_node):
    node = ros_node(SensorListener, NAMED, 0.015)
    for k in range(3):
        node.on_depth(image("mono16", np.zeros((3, 4), np.uint16), 0.1 * k))
        node.on_color(image("rgb8", np.zeros((3, 4, 3), np.uint8), 0.1 * k))
    node.on_camera_info(CameraInfo(width=4, height=3))
    assert not node.images
    assert sorted(node.bad.values()) == [1, 3]


def test_in_a_silent_domain_it_says_what_does_not_come(ros_domain):
    with pytest.raises(StackError, match="nothing, or too little, comes of joint states, the IMU, the lidar"):
        calibration_node.listen(ros_domain, NAMED, 0.015, lidar=True, camera=False, timeout=0.3)


def test_a_scan_is_added_where_odometry_was_at_its_time(ros_node):
    node = ros_node(MappingNode)
    scan = conversions.laser_scan(np.full(360, 2.0), to_stamp(5.0), 0.1)
    node.on_scan(scan)
    assert (node.mapper.added, node.unplaced) == (0, 1)
    odom = Odometry()
    odom.pose.pose.orientation.w, odom.header.stamp = 1.0, to_stamp(5.02)
    node.on_odom(odom)
    odom.pose.pose.position.x = float("nan")
    node.on_odom(odom)
    node.on_scan(scan)
    assert node.status()["scans added"] == "1"
    assert node.mapper.grid().occupied.any()
