"""The safety node as it runs, in a process of its own: from a scan with an obstacle in it to the order to
stand; and the check of a plan."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from vla_sim import contract
from vla_sim.bench.suite import Benchmark, Once, Options, WrongError, timed
from vla_sim.language.rules import RulePlanner
from vla_sim.safety.plan_check import PlanChecker
from vla_sim.stack import environment, middleware
from vla_sim.supervise import Domain
from vla_sim.world import World

RAYS = 720
NEAR, FAR = 0.35, 5.0
"""[m] of the obstacle ahead, and of all else."""
SPEED = 0.4
"""[m/s] at which the robot would walk on."""
PATIENCE = 30.0
"""[s] until the node has started; a stop that takes a second is a failure anyway."""


def benchmarks(options: Options) -> list[Benchmark]:
    return [
        Benchmark("safety/obstacle reaction", _reaction, repetitions=60, warmup=5),
        Benchmark("safety/plan check", _check, repetitions=200),
    ]


@contextmanager
def _check() -> Iterator[Once]:
    world = World.load("apartment")
    text = "go to the kitchen and pick up the red cup"
    checker = PlanChecker(world)
    steps = list(RulePlanner(world).plan(text).steps)
    plan = contract.Plan(command_id="bench", text=text, steps=steps, planner="rules")

    def allowed(reasons: object) -> None:
        if reasons:
            raise WrongError(f"a good plan is refused: {reasons}")

    yield timed(lambda: checker.check(plan), allowed)


@contextmanager
def _reaction() -> Iterator[Once]:
    domain = Domain()
    line = [sys.executable, "-m", "vla_sim.safety.node", "--ros-args", "-p", "use_sim_time:=false"]
    node = subprocess.Popen(
        line, env=environment(domain.id), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    before = dict(os.environ)
    os.environ.update(middleware(domain.id))
    try:
        yield from _client(node)
    finally:
        os.environ.clear()
        os.environ.update(before)
        node.send_signal(signal.SIGINT)
        try:
            node.wait(10.0)
        except subprocess.TimeoutExpired:
            node.kill()
        domain.release()


def _client(node: subprocess.Popen[bytes]) -> Iterator[Once]:
    import rclpy
    from geometry_msgs.msg import TwistStamped
    from nav_msgs.msg import Odometry
    from rclpy.node import Node
    from rclpy.signals import SignalHandlerOptions
    from sensor_msgs.msg import LaserScan

    from vla_sim.ros import QOS
    from vla_sim.serial_executor import SerialExecutor

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
