"""A lidar's cloud, as a driver sends it, becomes the scan that the simulator would have made."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")
pytestmark = [pytest.mark.ros, pytest.mark.integration]
from sensor_msgs.msg import Imu, JointState, PointCloud2, PointField  # noqa: E402

from vla_sim.common.assets import find_world  # noqa: E402
from vla_sim.contract import topics  # noqa: E402
from vla_sim.hardware.lidar_node import LidarNode  # noqa: E402
from vla_sim.robot import facts, level_scan  # noqa: E402
from vla_sim.robot.extrinsics import LIDAR, calibrated  # noqa: E402
from vla_sim.robot.kinematics import Kinematics  # noqa: E402
from vla_sim.simulation.registry import import_mujoco  # noqa: E402

MOUNTED = "head_lidar: 0.02 0 0.46 3.14159265 0.04 0"
"""In the torso: upside down and tilted, as on the robot's head."""
KINEMATICS = Kinematics.load()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(MOUNTED)
    return path


@pytest.fixture
def node(ros_node, file):
    made = ros_node(LidarNode, words=(f"extrinsics:={file}",))
    made.sent = {topics.SCAN.name: [], topics.POINTS.name: []}
    for name, sent in made.sent.items():
        made.published[name].publish = sent.append
        made.published[name].get_subscription_count = lambda: 1
    return made


def livox(points):
    """As its driver sends it: 26 bytes a point, an intensity, a tag, a line and a time behind x, y and z."""
    kind = np.dtype({
        "names": ["x", "y", "z", "intensity", "tag", "line", "timestamp"],
        "formats": ["<f4", "<f4", "<f4", "<f4", "u1", "u1", "<f8"], "offsets": [0, 4, 8, 12, 16, 17, 18],
        "itemsize": 26,
    })  # fmt: skip
    rows = np.zeros(len(points), kind)
    for k, name in enumerate("xyz"):
        rows[name] = points[:, k]
    out = PointCloud2(height=1, width=len(rows), point_step=26, row_step=26 * len(rows), is_dense=True)
    out.fields = [
        PointField(name=name, offset=offset, datatype=PointField.FLOAT32, count=1)
        for name, offset in (("x", 0), ("y", 4), ("z", 8), ("intensity", 12))
    ]
    out.data = rows.tobytes()
    out.header.stamp.sec = 7
    return out


def feel(node):
    node.on_joints(JointState(name=list(facts.JOINTS), position=facts.DEFAULT_POSE.tolist()))
    message = Imu()
    message.orientation.w = 1.0
    node.on_imu(message)


def test_the_scan_is_the_simulators_and_the_robot_is_not_in_it(node, file):
    import_mujoco()
    from vla_sim.simulation.mujoco.simulator import MujocoSimulator

    simulator = MujocoSimulator(find_world("corridor"), sensors="software", noise=False)
    points = level_scan.points_in_pelvis(simulator.scan())
    attitude = np.array([1.0, 0.0, 0.0, 0.0])
    expected = level_scan.ranges(points, attitude, facts.DEFAULT_POSE, KINEMATICS)
    hands = [KINEMATICS.frame(facts.TOOL_FRAME[side], facts.DEFAULT_POSE)[:3, 3] for side in facts.SIDES]
    seen = np.vstack([points, hands, np.full((1, 3), np.nan)])
    pose = calibrated(str(file)).frame(LIDAR, facts.DEFAULT_POSE)
    local = (seen - pose[:3, 3]) @ pose[:3, :3]
    cloud = livox(np.vstack([local, np.zeros((3, 3))]))

    node.on_cloud(cloud)
    assert not node.sent[topics.SCAN.name]  # it does not know yet how the robot stands
    feel(node)
    node.on_cloud(cloud)
    [scan], [sent] = node.sent[topics.SCAN.name], node.sent[topics.POINTS.name]
    assert (scan.header.frame_id, scan.header.stamp.sec) == ("base_link", 7)
    got = np.asarray(scan.ranges)
    np.testing.assert_array_equal(np.isfinite(got), np.isfinite(expected))
    np.testing.assert_allclose(got[np.isfinite(got)], expected[np.isfinite(expected)], atol=0.02)
    assert sent.width == len(points)


def test_a_cloud_that_cannot_be_read_costs_itself_alone(node):
    feel(node)
    cloud = livox(np.ones((4, 3)))
    cloud.data = cloud.data[:-1]
    node.on_cloud(cloud)
    assert node.status() == {"clouds not read": "1", "clouds without a point": "0"}
    node.on_cloud(livox(np.ones((4, 3))))
    assert len(node.sent[topics.SCAN.name]) == 1


@pytest.mark.parametrize("points", [np.zeros((0, 3)), np.zeros((9, 3)), np.full((9, 3), np.nan)])
def test_a_lidar_that_sees_nothing_at_all_does_not_say_that_the_way_is_free(node, points):
    feel(node)
    node.on_cloud(livox(points))
    assert node.sent == {topics.SCAN.name: [], topics.POINTS.name: []}
    assert node.status()["clouds without a point"] == "1"


def test_a_lidar_that_is_covered_sees_the_robot_alone_and_does_not_say_that_the_way_is_free(node, file):
    feel(node)
    cover = [[0.0, 0.0, 0.55], [0.02, 0.02, 0.55], [0.0, 0.05, 0.5]]  # in the pelvis frame
    pose = calibrated(str(file)).frame(LIDAR, facts.DEFAULT_POSE)
    node.on_cloud(livox((np.array(cover) - pose[:3, 3]) @ pose[:3, :3]))
    assert node.sent == {topics.SCAN.name: [], topics.POINTS.name: []}
    assert node.status()["clouds without a point"] == "1"
