"""Measures how soon a safety node of its own stops the robot, and what it adds to a trajectory's way: this
side publishes simulated time, odometry, velocities and scans; it lets an obstacle appear before the robot."""

import math
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from nav_msgs.msg import Odometry
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState

from vla_sim.bringup import node_table
from vla_sim.bringup.node_table import StackOptions
from vla_sim.bringup.supervisor import Stack
from vla_sim.common.errors import StackError
from vla_sim.common.geometry import Array
from vla_sim.common.params import StageParams
from vla_sim.contract import topics
from vla_sim.contract.records import Refusal
from vla_sim.robot import g1, level_scan
from vla_sim.ros import conversions, spin
from vla_sim.ros.executor import SerialExecutor
from vla_sim.ros.messages import to_stamp
from vla_sim.ros.stage_node import StageNode

SPEED = 0.5
"""Requested by navigation [m/s], straight ahead."""
AHEAD = 0.35
"""Where the obstacle appears [m]: a contact is predicted within the gate's time to stop."""
WALK_TIMEOUT = 30.0
"""[s] for nodes to discover each other and for a velocity to pass."""
REACTION_TIMEOUT = 1.0
"""[s] after which the robot counts as not having reacted."""


class Around(StageNode[StageParams]):
    """Stands for the simulator and navigation of one safety node. passed: when the last velocity came out of
    the gate [s, monotonic], and what it was [m/s]."""

    def __init__(self) -> None:
        super().__init__("navigation", StageParams)  # whose velocities safety obeys
        self.clock_topic = self.publish(topics.CLOCK)
        self.odometry = self.publish(topics.ODOM)
        self.velocity = self.publish(topics.CMD_VEL_NAV)
        self.scans = self.publish(topics.SCAN)
        self.depth_scans = self.publish(topics.DEPTH_SCAN)
        self.passed: tuple[float, float] = (0.0, 0.0)
        self.free = np.full(level_scan.BEAMS, np.inf)
        self.blocked = self.free.copy()
        # a box 0.5 m wide across the way, as the beams see it
        angles = level_scan.ANGLE_MIN + level_scan.ANGLE_STEP * np.arange(level_scan.BEAMS)
        wide = np.abs(np.tan(angles)) * AHEAD < 0.25
        facing = (np.abs(angles) < 1.0) & wide
        self.blocked[facing] = AHEAD / np.cos(angles[facing])
        self.seen = self.free
        self.began = time.monotonic()
        self.ticks = 0
        self.listen(topics.CMD_VEL, self.on_velocity)
        self.repeat(0.02, self.tick, steady=True)

    def on_velocity(self, message: Any) -> None:
        self.passed = (time.monotonic(), message.twist.linear.x)

    def stamp(self) -> Any:
        return to_stamp(time.monotonic() - self.began)

    def tick(self) -> None:
        """50 Hz: time and odometry; 10 Hz: a scan; 20 Hz or more: the velocity."""
        stamp = self.stamp()
        self.clock_topic.publish(Clock(clock=stamp))
        odometry = Odometry()
        odometry.header.stamp = stamp
        odometry.pose.pose.position.x = SPEED * (time.monotonic() - self.began)
        self.odometry.publish(odometry)
        message = self.velocity.msg_type()
        message.header.stamp = stamp
        message.twist.linear.x = SPEED
        self.velocity.publish(message)
        if self.ticks % 5 == 0:
            self.look()
        self.ticks += 1

    def look(self) -> None:
        stamp = self.stamp()
        self.depth_scans.publish(conversions.laser_scan(self.free, stamp, 0.1))
        self.scans.publish(conversions.laser_scan(self.seen, stamp, 0.1))


class Wishes(StageNode[StageParams]):
    """Stands for manipulation and the lidar of one safety node. arrived: when the last trajectory came out of
    the gate [s, monotonic]; refused: why the last did not."""

    def __init__(self, path: Array, points: Array, now: Callable[[], float]) -> None:
        super().__init__("manipulation", StageParams)
        self.wish = self.publish(topics.ARM_WISH["right"])
        self.arrived, self.refused = 0.0, ""
        self._now, self._path = now, path
        self._joints, self._cloud = self.publish(topics.JOINT_STATES), self.publish(topics.POINTS)
        self._state = JointState(name=list(g1.JOINTS), position=g1.DEFAULT_POSE.tolist())
        self._points = conversions.point_cloud(points, to_stamp(0.0))
        self.listen(topics.ARM_TRAJECTORY["right"], self.on_trajectory)
        self.listen(topics.REFUSAL, self.on_refusal)
        self.repeat(0.02, lambda: self._joints.publish(self._state), steady=True)
        self.repeat(0.1, lambda: self._cloud.publish(self._points), steady=True)

    def on_trajectory(self, _: Any) -> None:
        self.arrived = time.monotonic()

    def on_refusal(self, refusal: Refusal) -> None:
        self.refused = refusal.reason

    def send_wish(self) -> float:
        """Send the trajectory; when that was [s, monotonic]."""
        times = np.linspace(0.08, 0.08 * len(self._path), len(self._path))
        names = list(g1.ARM_JOINTS["right"])
        message = conversions.joint_trajectory(names, times, self._path, self._now(), "base_link")
        begin = time.monotonic()
        self.wish.publish(message)
        return begin


def passages(count: int, folder: Path, path: Array, points: Array, take: Callable[[float], None]) -> None:
    """Start a safety node as a process. `count` times send a right arm's `path` (n, 7) from its default pose
    amid lidar `points` (m, 3), and `take` the seconds until what passed has arrived. Raises `StackError` if
    it does not start, or refuses."""
    specs = tuple(spec for spec in node_table.STACK if spec.name == "safety")
    with Stack(StackOptions(), folder, specs=specs):  # the environment is this process's too
        spin.start([])
        try:
            around, executor = Around(), SerialExecutor()
            node = Wishes(path, points, lambda: time.monotonic() - around.began)
            executor.add_node(around)
            executor.add_node(node)
            rng, done, begin = random.Random(0), 0, -math.inf
            deadline = time.monotonic() + WALK_TIMEOUT
            pause = 0.0
            while done < count:
                if time.monotonic() > deadline:
                    why = node.refused or "silence"
                    raise StackError(f"no trajectory passed safety within {WALK_TIMEOUT:.0f} s: {why}")
                if node.arrived > begin > 0.0:
                    take(node.arrived - begin)
                    done, deadline = done + 1, time.monotonic() + WALK_TIMEOUT
                    begin, pause = -math.inf, time.monotonic() + rng.uniform(0.02, 0.06)
                elif time.monotonic() > max(pause, begin + 1.0):
                    begin = node.send_wish()
                executor.spin_once(timeout_sec=0.01)
            executor.shutdown()
            for one in (around, node):
                one.destroy_node()
        finally:
            rclpy.try_shutdown()


def reactions(count: int, folder: Path, take: Callable[[float], None]) -> None:
    """Start a safety node as a process. `count` times let an obstacle appear before a walking robot,
    at any moment of the node's period, and `take` the seconds from the scan's departure to the arrival of the
    zero velocity. Raises `StackError` if it does not start, or once does not stop."""
    specs = tuple(spec for spec in node_table.STACK if spec.name == "safety")
    with Stack(StackOptions(), folder, specs=specs):  # the environment is this process's too
        spin.start([])
        try:
            node, executor = Around(), SerialExecutor()
            executor.add_node(node)
            rng = random.Random(0)

            def until(true: Callable[[], bool], seconds: float) -> bool:
                end = time.monotonic() + seconds
                while not true():
                    if time.monotonic() > end:
                        return False
                    executor.spin_once(timeout_sec=0.05)
                return True

            def walks() -> bool:
                return node.passed[1] > 0.9 * SPEED

            if not until(walks, WALK_TIMEOUT):
                raise StackError(f"the safety node let no velocity pass within {WALK_TIMEOUT:.0f} s")
            for _ in range(count):
                node.seen = node.free
                if not until(walks, WALK_TIMEOUT):
                    raise StackError("the robot did not walk on when its way was free again")
                end = time.monotonic() + rng.uniform(0.12, 0.2)
                until(lambda end=end: time.monotonic() > end, 1.0)  # type: ignore[misc]
                node.seen = node.blocked
                begin = time.monotonic()
                node.look()
                if not until(lambda: node.passed[1] == 0.0, REACTION_TIMEOUT):
                    raise StackError(
                        f"the robot still walked {REACTION_TIMEOUT:g} s after an obstacle appeared before it"
                    )
                take(node.passed[0] - begin)
            executor.shutdown()
            node.destroy_node()
        finally:
            rclpy.try_shutdown()
