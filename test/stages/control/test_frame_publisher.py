"""The frames of /tf: map, odom, base_link and the robot's links, as REP-105 has them."""

import sys
import types
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy", reason="rclpy is not installed")
pytestmark = [pytest.mark.ros]

from geometry_msgs.msg import TransformStamped  # noqa: E402

from vla_sim.common.geometry import pose7, quaternion_from_yaw, transform  # noqa: E402
from vla_sim.common.params import StageParams  # noqa: E402
from vla_sim.contract import topics  # noqa: E402
from vla_sim.robot import facts, frame_tree  # noqa: E402
from vla_sim.robot.body import RobotState  # noqa: E402
from vla_sim.robot.kinematics import Kinematics  # noqa: E402
from vla_sim.ros.messages import message_class, to_stamp  # noqa: E402
from vla_sim.ros.stage_node import StageNode  # noqa: E402
from vla_sim.stages.control import frame_publisher  # noqa: E402

KINEMATICS = Kinematics.load()
MAP_TO_ODOM = transform((1.0, 2.0, 0.0), quaternion_from_yaw(0.5))


@dataclass
class TFMessageStandIn:
    """In place of tf2_msgs/TFMessage, which the wheels of ROS have not."""

    transforms: list = field(default_factory=list)


def state():
    joints = facts.DEFAULT_POSE.copy()
    joints[facts.WAIST_INDEX] = 0.2, 0.1, -0.1
    still = np.zeros(len(facts.JOINTS)), np.zeros(len(facts.JOINTS))
    turned = quaternion_from_yaw(-0.3)
    return RobotState(
        1.0, joints, *still, turned, np.zeros(3), np.zeros(3), np.array([3.0, -1.0, 0.77]), turned,
        np.zeros(3),
    )  # fmt: skip


def chain(edges, child):
    """(4, 4) from the root to a frame."""
    by = {name: (parent, pose) for parent, name, pose in edges}
    out = np.eye(4)
    while child in by:
        child, pose = by[child]
        out = pose @ out
    return child, out


def test_every_frame_is_found_from_the_map():
    now = state()
    edges = [*frame_publisher.tree(now, KINEMATICS, MAP_TO_ODOM), *frame_tree.fixed(KINEMATICS)]
    assert len({child for _, child, _ in edges}) == len(edges)
    base = MAP_TO_ODOM @ transform(now.odom_position, now.odom_orientation)
    for name in ("base_link", "pelvis", "head_lidar", "left_tool", "right_wrist_yaw_link"):
        root, pose = chain(edges, name)
        assert root == "map"
        own = np.eye(4) if name == "base_link" else KINEMATICS.frame(name, now.joint_position)
        np.testing.assert_allclose(pose, base @ own, atol=1e-9)


def test_before_the_robot_is_located_odom_is_the_root():
    root, _ = chain(list(frame_publisher.tree(state(), KINEMATICS, None)), "base_link")
    assert root == "odom"


def test_a_message_holds_an_edge():
    pose = transform((1.0, 2.0, 3.0), quaternion_from_yaw(0.4))
    out = frame_publisher.stamped(("a", "b", pose), to_stamp(2.5))
    assert (out.header.frame_id, out.child_frame_id, out.header.stamp.sec) == ("a", "b", 2)
    at, turn = out.transform.translation, out.transform.rotation
    np.testing.assert_allclose([at.x, at.y, at.z, turn.w, turn.x, turn.y, turn.z], pose7(pose))


@pytest.fixture
def node(ros_domain):
    rclpy.init(domain_id=ros_domain)
    made: Any = StageNode("frames", StageParams)
    made.sent, made.logged = {}, []

    class Sent:
        def __init__(self, name):
            self.sent = made.sent.setdefault(name, [])
            self.publish = self.sent.append

        def get_subscription_count(self):
            return 1

    made.publish = lambda topic: Sent(topic.name)
    made.get_logger = lambda: types.SimpleNamespace(info=made.logged.append)
    yield made
    made.destroy_node()
    rclpy.try_shutdown()


def test_without_tf2_msgs_the_description_is_published_and_one_line_logged(node, monkeypatch):
    monkeypatch.setattr(frame_publisher.importlib.util, "find_spec", lambda name: None)
    made = frame_publisher.FramePublisher(node, KINEMATICS)
    made.tick(state(), to_stamp(1.0))
    [(name, [text])] = node.sent.items()
    assert name == topics.ROBOT_DESCRIPTION.name
    assert text.data.startswith(f'<robot name="{facts.NAME}">')
    assert len(node.logged) == 1


def test_with_tf2_msgs_frames_follow_the_state_and_the_localisation(node, monkeypatch):
    monkeypatch.setattr(frame_publisher.importlib.util, "find_spec", lambda name: object())
    stand_in: Any = types.ModuleType("tf2_msgs.msg")
    stand_in.TFMessage = TFMessageStandIn
    monkeypatch.setitem(sys.modules, "tf2_msgs.msg", stand_in)
    message_class.cache_clear()
    heard = {}
    node.listen = lambda topic, callback: heard.setdefault(topic.name, callback)
    made = frame_publisher.FramePublisher(node, KINEMATICS)
    [static] = node.sent[topics.TF_STATIC.name]
    assert {one.child_frame_id for one in static.transforms} >= {"pelvis", "head_camera_optical"}
    located = TransformStamped()
    located.transform.translation.x, located.transform.rotation.w = 1.5, 1.0
    heard[topics.MAP_TO_ODOM.name](located)
    made.tick(state(), to_stamp(7.0))
    [message] = node.sent[topics.TF.name]
    first = message.transforms[0]
    assert (first.header.frame_id, first.child_frame_id) == ("map", "odom")
    assert (first.transform.translation.x, first.header.stamp.sec) == (1.5, 7)
    assert len(message.transforms) == 2 + len(frame_tree.moving(KINEMATICS, facts.DEFAULT_POSE))
    message_class.cache_clear()
