import time
from array import array

import numpy as np
import pytest
from perception_scene import HEAD, RED, Scene
from waiting import wait_for

from vla_sim.common.geometry import transform
from vla_sim.contract import records
from vla_sim.contract.codec import decode, encode
from vla_sim.contract.topics import (
    CAMERA_INFO,
    COLOR,
    DEPTH,
    DEPTH_SCAN,
    INTENT,
    JOINT_STATES,
    LOW_OBSTACLES,
    OBJECTS,
    ODOM,
    TRACE,
)
from vla_sim.robot import facts
from vla_sim.robot.body import SENSOR_FROM_OPTICAL
from vla_sim.robot.kinematics import Kinematics
from vla_sim.ros.kept_state import FOLDER
from vla_sim.stages.perception.pipeline import Frame

pytest.importorskip("rclpy")
pytestmark = pytest.mark.ros

WAIT = 20.0


@pytest.fixture
def pair(ros_node):
    """The perception node and a plain node beside it, in a domain of their own."""
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.node import Node

    from vla_sim.stages.perception.node import PerceptionNode

    node, other = ros_node(PerceptionNode, words=("world:=tabletop",)), ros_node(Node, "other")
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    executor.add_node(other)
    return node, other, executor


def image(data, encoding, stamp):
    from sensor_msgs.msg import Image

    from vla_sim.ros.messages import to_stamp

    height, width = data.shape[:2]
    one = Image(height=height, width=width, encoding=encoding, step=data.strides[0])
    one.data = array("B", data.tobytes())
    one.header.stamp = to_stamp(stamp)
    return one


def test_images_become_objects_a_scan_and_a_trace_and_bad_images_become_a_message(pair):
    from nav_msgs.msg import Odometry
    from sensor_msgs.msg import CameraInfo, JointState
    from std_msgs.msg import String

    from vla_sim.ros.conversions import cloud_points
    from vla_sim.ros.execution import QOS
    from vla_sim.ros.messages import message_class, to_stamp

    node, other, executor = pair
    measured = []
    node.record_metric = lambda type, value, unit: measured.append((type, unit, value > 0.0))
    topics = COLOR, DEPTH, CAMERA_INFO, ODOM, JOINT_STATES
    out = {t: other.create_publisher(message_class(t.type), t.name, QOS["reliable"]) for t in topics}
    intents = other.create_publisher(String, INTENT.name, QOS["reliable"])
    heard = {"objects": [], "scan": [], "low": [], "trace": []}
    for topic, kind, key in (
        (OBJECTS, String, "objects"), (TRACE, String, "trace"),
        (DEPTH_SCAN, message_class(DEPTH_SCAN.type), "scan"),
        (LOW_OBSTACLES, message_class(LOW_OBSTACLES.type), "low"),
    ):  # fmt: skip
        other.create_subscription(kind, topic.name, heard[key].append, QOS[topic.qos])

    def until(done, act=lambda: None):
        end = time.monotonic() + WAIT
        while not done():
            assert time.monotonic() < end, node.skipped
            act()
            executor.spin_once(timeout_sec=0.02)

    pose = transform((0, 0, 0.77)) @ Kinematics.load().frame("head_camera", facts.DEFAULT_POSE)
    cup = ("cylinder", (0.068, 0.068, 0.10), (0.6, 0.05, 0.80, 0), RED)
    rgb, depth = Scene().table(near=0.3).add(*cup).render(HEAD, pose @ SENSOR_FROM_OPTICAL, noise=0.005)
    info = CameraInfo(width=320, height=240, k=[HEAD.fx, 0.0, HEAD.cx, 0.0, HEAD.fy, HEAD.cy, 0.0, 0.0, 1.0])
    state = JointState(name=list(facts.JOINTS), position=facts.DEFAULT_POSE.tolist())
    odom = Odometry()
    odom.pose.pose.position.z = 0.77
    odom.pose.pose.orientation.w = 1.0
    clock = [1.0]

    def send(color=rgb, encoding="rgb8", far=depth, height=0.77):
        clock[0] += 0.1
        odom.pose.pose.position.z = height
        odom.header.stamp = state.header.stamp = to_stamp(clock[0])
        out[ODOM].publish(odom)
        out[JOINT_STATES].publish(state)
        out[CAMERA_INFO].publish(info)
        end = time.monotonic() + 0.05
        while time.monotonic() < end:
            executor.spin_once(timeout_sec=0.01)
        out[DEPTH].publish(image(far, "32FC1", clock[0]))
        out[COLOR].publish(image(color, encoding, clock[0]))

    until(lambda: out[COLOR].get_subscription_count() and intents.get_subscription_count())
    until(lambda: any("mono8" in why for why in node.skipped), lambda: send(encoding="mono8"))
    until(lambda: any("odometry without" in why for why in node.skipped), lambda: send(height=float("nan")))
    until(
        lambda: any("colour image is (120" in why for why in node.skipped),
        lambda: send(color=np.ascontiguousarray(rgb[:120])),
    )
    assert heard["trace"] == []
    intent = records.Intent(command_id="c1", text="pick up the red cup", steps=[])
    intents.publish(String(data=encode(intent)))
    until(lambda: node.unanswered)
    until(lambda: heard["trace"], send)

    def cups():
        last = decode(records.ObjectList, heard["objects"][-1].data) if heard["objects"] else None
        return last.objects if last else []

    until(cups, send)
    (found,) = cups()
    assert (found.kind, found.colour) == ("cup", "red")
    assert np.linalg.norm(np.array(found.position) - [0.6, 0.05, 0.80]) < 0.006
    event = decode(records.TraceEvent, heard["trace"][0].data)
    assert (event.command_id, event.stage) == ("c1", "perception")
    until(lambda: heard["scan"])
    scan = heard["scan"][-1]
    assert scan.header.frame_id == "base_link"
    assert min(scan.ranges) == pytest.approx(0.3, abs=0.04)
    assert len(scan.ranges) == round((scan.angle_max - scan.angle_min) / scan.angle_increment) + 1
    until(lambda: heard["low"] and heard["low"][-1].width, send)  # seen often enough
    low = heard["low"][-1]
    assert low.header.frame_id == "odom"
    assert cloud_points(low)[:, 0].min() == pytest.approx(0.3, abs=0.05)  # the table's edge
    assert "latency ms p95" in node.status()
    assert len(measured) >= len(node.latencies) >= 2  # of every image, not of an intent's alone
    assert set(measured) == {("detection", "ms", True)}


def test_under_load_images_are_fewer_while_the_robot_stands(pair):
    from nav_msgs.msg import Odometry

    from vla_sim.contract.limits import LOAD_LEVELS

    node, _, _ = pair

    def allowed(level, speed):
        load = records.Load(
            level=level, name=LOAD_LEVELS[level].name, since=0.0, cpu=99.0, memory=1.0, missed=0.0, stamp=0.0,
            mono=0.0,
        )  # fmt: skip
        node.load_follower.on_load(load)
        odom = Odometry()
        odom.pose.pose.orientation.w, odom.twist.twist.linear.x = 1.0, speed
        node.on_odom(odom)
        return node._allowed()

    assert [allowed(level, 0.0) for level in range(5)] == [np.inf, 5.0, 5.0, 5.0, 5.0]
    assert [allowed(level, 0.3) for level in range(5)] == [np.inf, np.inf, 5.0, 5.0, 5.0]


def test_images_under_way_when_the_resolution_changes_are_no_fault(pair):
    from sensor_msgs.msg import CameraInfo

    node, _, _ = pair

    def info(shrink):
        f, cx, cy = HEAD.fx / shrink, HEAD.cx / shrink, HEAD.cy / shrink
        k = [f, 0.0, cx, 0.0, f, cy, 0.0, 0.0, 1.0]
        node.on_camera_info(CameraInfo(width=320 // shrink, height=240 // shrink, k=k))

    def look(stamp, shrink):
        shape = (240 // shrink, 320 // shrink)
        node.odom.add(stamp, transform((0.0, 0.0, 0.77)))
        node.joints.add(stamp, facts.DEFAULT_POSE)
        before = len(node.latencies)
        node.on_color(image(np.zeros((*shape, 3), np.uint8), "rgb8", stamp))
        node.on_depth(image(np.ones(shape, np.float32), "32FC1", stamp))
        return before

    info(1)
    before = look(1.0, 2)  # its camera info comes after it
    info(2)
    assert len(node.latencies) == before
    for stamp, shrink in ((2.0, 1), (3.0, 2)):
        before = look(stamp, shrink)
        wait_for(lambda b=before: len(node.latencies) > b or node.skipped)
    assert node.skipped == {}
    look(4.0, 4)
    look(5.0, 4)
    assert node.skipped == {
        "no camera info for images of 80 x 60; the camera's driver must publish one of that size": 1
    }


def test_no_thing_has_the_number_of_another_from_before_a_restart(ros_node, tmp_path, monkeypatch):
    """By it the executive and the arms know what is held, and leave it out of what is in their way."""
    from vla_sim.stages.perception.node import PerceptionNode

    monkeypatch.setenv(FOLDER, str(tmp_path))
    base = transform((0, 0, 0.77))
    pose = base @ Kinematics.load().frame("head_camera", facts.DEFAULT_POSE) @ SENSOR_FROM_OPTICAL

    def numbers(x):
        node = ros_node(PerceptionNode, words=("world:=tabletop",))
        cup = ("cylinder", (0.068, 0.068, 0.10), (x, 0.05, 0.80, 0), RED)
        rgb, depth = Scene().table(near=0.3).add(*cup).render(HEAD, pose, noise=0.005)
        for stamp in (1.0, 1.1, 1.2, 1.3):
            node._process(Frame(stamp, rgb, depth, HEAD, np.eye(4), base, facts.DEFAULT_POSE), 0.0)
        return {one.track_id for one in node.core.tracker.objects()}

    before, after = numbers(0.6), numbers(0.7)
    assert before
    assert after
    assert not before & after
