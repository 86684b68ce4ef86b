"""What faults do to what the simulated robot's sensors send."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy")

from nav_msgs.msg import Odometry
from sensor_msgs.msg import Image, Imu, JointState, LaserScan

from vla_sim.contract import topics
from vla_sim.contract.faults import SENSORS, check
from vla_sim.contract.records import Fault
from vla_sim.ros.execution import CountedPublisher
from vla_sim.ros.messages import to_stamp
from vla_sim.simulation.fault_injection import FaultInjection


class Robot:
    """Sensors' publishers, and what left them."""

    def __init__(self):
        self.now, self.ahead, self.frozen, self.left = 0.0, 0.0, set(), []
        wire = SimpleNamespace(msg_type=None, publish=self.left.append)
        self.publishers = {t.name: CountedPublisher(wire) for several in SENSORS.values() for t in several}
        execution = SimpleNamespace(freeze=lambda nodes: setattr(self, "frozen", nodes))
        self.faults = FaultInjection(self.publishers, execution, lambda: self.now, self.jump)

    def jump(self, seconds):
        self.ahead += seconds

    def begin(self, *several):
        self.faults.follow([
            check(Fault(fault_id=f"f{k}", kind=kind, target=target, amount=amount), ["voice"])
            for k, (kind, target, amount) in enumerate(several)
        ])  # fmt: skip

    def send(self, topic, message):
        self.left.clear()
        self.publishers[topic.name].publish(message)
        return self.left[0] if self.left else None


@pytest.fixture
def robot():
    return Robot()


def scan(value=2.0, stamp=0.0):
    message = LaserScan(ranges=[value] * 8)
    message.header.stamp = to_stamp(stamp)
    return message


def test_without_a_fault_nothing_stands_before_a_publisher(robot):
    robot.begin(("silent", "lidar", None))
    assert robot.send(topics.SCAN, scan()) is None
    robot.begin()
    publisher = robot.publishers[topics.SCAN.name]
    assert publisher.through == publisher.send
    assert list(robot.send(topics.SCAN, scan()).ranges) == [2.0] * 8


def test_what_a_sensor_measures_is_changed(robot):
    robot.begin(("nan", "lidar", None), ("bias", "imu", 0.5), ("bias", "joints", 0.1), ("nan", "depth", None))
    assert np.isnan(robot.send(topics.SCAN, scan()).ranges).all()
    assert robot.send(topics.IMU, Imu()).angular_velocity.x == 0.5
    assert list(robot.send(topics.JOINT_STATES, JointState(position=[1.0, 2.0])).position) == [1.1, 2.1]
    depth = Image(height=1, width=2, encoding="32FC1", step=8)
    depth.data = np.ones(2, np.float32).tobytes()
    assert np.isnan(np.frombuffer(robot.send(topics.DEPTH, depth).data, np.float32)).all()
    robot.begin(("noise", "lidar", 0.3), ("noise", "camera", 20.0))
    assert np.std(robot.send(topics.SCAN, scan()).ranges) > 0.05
    color = Image(height=2, width=2, encoding="rgb8", step=6)
    color.data = bytes([128] * 12)
    assert np.std(np.frombuffer(robot.send(topics.COLOR, color).data, np.uint8)) > 2.0


def test_a_stuck_sensor_sends_the_same_with_new_stamps(robot):
    robot.begin(("stuck", "lidar", None))
    robot.send(topics.SCAN, scan(2.0, 1.0))
    again = robot.send(topics.SCAN, scan(3.0, 2.0))
    assert list(again.ranges) == [2.0] * 8
    assert again.header.stamp == to_stamp(2.0)


def test_a_slow_sensor_keeps_the_rate_that_is_given(robot):
    robot.begin(("rate", "lidar", 2.0))
    got = 0
    for k in range(100):
        robot.now = 0.1 * k
        got += robot.send(topics.SCAN, scan(stamp=robot.now)) is not None
    assert got == pytest.approx(20, abs=1)


def test_of_a_slow_camera_colour_and_depth_are_of_the_same_moments(robot):
    """They are sent in a thread of their own, some ms after they were taken, while time goes on."""
    robot.begin(("rate", "camera", 2.0))
    got = {topics.COLOR: [], topics.DEPTH: []}
    for k in range(100):
        for one, late in ((topics.COLOR, 0.02 * (k % 2)), (topics.DEPTH, 0.02 + 0.02 * (k % 3))):
            robot.now = 0.1 * k + late
            image = Image(height=1, width=1, encoding="32FC1", step=4)
            image.header.stamp = to_stamp(0.1 * k)
            if robot.send(one, image) is not None:
                got[one].append(k)
    assert got[topics.COLOR] == got[topics.DEPTH] == list(range(0, 100, 5))


def test_odometry_slides_or_jumps(robot):
    robot.begin(("drift", "odometry", 0.2))
    robot.now = 5.0
    p = robot.send(topics.ODOM, Odometry()).pose.pose.position
    assert math.hypot(p.x, p.y) == pytest.approx(1.0)
    robot.begin()
    robot.begin(("jump", "odometry", 0.7))
    p = robot.send(topics.ODOM, Odometry()).pose.pose.position
    assert math.hypot(p.x, p.y) == pytest.approx(0.7)


def test_the_clock_jumps_and_comes_back(robot):
    robot.begin(("clock_jump", "", -2.0))
    assert robot.ahead == -2.0
    robot.begin(("clock_jump", "", -2.0), ("silent", "imu", None))
    assert robot.ahead == -2.0
    robot.begin()
    assert robot.ahead == 0.0


def test_in_lock_step_nodes_are_held_here(robot):
    robot.begin(("freeze", "voice", None))
    assert robot.frozen == {"voice"}
    robot.begin(("slow", "voice", 0.5))
    robot.begin(("slow", "voice", 0.5), ("silent", "imu", None))  # keeps its turns
    seen = []
    for k in range(100):
        robot.now = 0.01 * k + 0.001
        robot.faults.tick()
        seen.append("voice" in robot.frozen)
    assert sum(seen) == pytest.approx(50, abs=2)
