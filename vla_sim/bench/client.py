"""What a walking robot's sensors and navigation tell the safety node, for the benchmark of its reaction."""

from __future__ import annotations

import math
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import rclpy
from geometry_msgs.msg import TwistStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import LaserScan

from vla_sim import contract
from vla_sim.bench.suite import Once, WrongError
from vla_sim.ros import QOS
from vla_sim.serial_executor import SerialExecutor

RAYS = 720
NEAR, FAR = 0.35, 5.0
"""[m] of the obstacle ahead, and of all else."""
SPEED = 0.4
"""[m/s] at which the robot would walk on."""
PATIENCE = 30.0
"""[s] until the node has started; a stop that takes a second is a failure anyway."""


def reactions(node: subprocess.Popen[bytes]) -> Iterator[Once]:
    """Gives, once the safety node lets the robot walk, a repetition: the time from a scan with an obstacle
    to the order to stand [ms]."""
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    client = Node("bench", enable_rosout=False, start_parameter_services=False)
    executor = SerialExecutor()
    executor.add_node(client)
    forward, heard = math.nan, 0.0

    def on_velocity(message: Any) -> None:
        nonlocal forward, heard
        forward, heard = message.twist.linear.x, time.perf_counter()

    def publisher(kind: Any, topic: contract.Topic) -> Any:
        return client.create_publisher(kind, topic.name, QOS[topic.qos])

    client.create_subscription(TwistStamped, contract.CMD_VEL.name, on_velocity, QOS[contract.CMD_VEL.qos])
    odometry, velocity = publisher(Odometry, contract.ODOM), publisher(TwistStamped, contract.CMD_VEL_NAV)
    scans = publisher(LaserScan, contract.SCAN)
    walk = TwistStamped()
    walk.twist.linear.x = SPEED
    free = LaserScan(angle_min=-math.pi, angle_increment=2 * math.pi / RAYS, range_max=FAR)
    free.ranges = [FAR] * RAYS
    blocked = LaserScan(angle_min=-math.pi, angle_increment=2 * math.pi / RAYS, range_max=FAR)
    ahead = np.full(RAYS, FAR, np.float32)
    ahead[RAYS // 2 - 40 : RAYS // 2 + 40] = NEAR
    blocked.ranges = ahead.tolist()
    rng = np.random.default_rng(0)

    def drive(until: Callable[[], bool], patience: float, first: Any) -> None:
        """What a walking robot's sensors and navigation say, until something holds. first: a scan that goes
        out at once; after it come free ones, unless it is the blocked one."""
        scans.publish(first)
        begin = time.perf_counter()
        ticks = 0
        while not until():
            now = time.perf_counter() - begin
            if now > patience:
                raise WrongError(f"the safety node did not answer within {patience:g} s")
            if node.poll() is not None:
                raise WrongError(f"the safety node ended with exit code {node.returncode}")
            if now >= 0.02 * ticks:
                odometry.publish(Odometry())
                velocity.publish(walk)
                if ticks and ticks % 5 == 0:
                    scans.publish(first)
                ticks += 1
            executor.spin_once(timeout_sec=0.001)

    try:
        drive(lambda: forward > 0.9 * SPEED, PATIENCE, free)

        def once() -> float:
            settle = time.perf_counter() + 0.1 + 0.04 * float(rng.random())  # any moment of the gate's period
            drive(lambda: forward > 0.9 * SPEED and time.perf_counter() > settle, 5.0, free)
            begin = time.perf_counter()
            drive(lambda: forward == 0.0, 1.0, blocked)
            return 1e3 * (heard - begin)

        yield once
    finally:
        rclpy.try_shutdown()
        executor.shutdown()
        client.destroy_node()
