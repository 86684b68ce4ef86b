"""Measures how soon a safety node of its own stops the robot, and by how much what passes is later: this
side publishes simulated time, odometry, velocities and scans; it lets an obstacle appear before the robot."""

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
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
from vla_sim.contract.topics import Topic
from vla_sim.robot import facts, level_scan
from vla_sim.ros import conversions, spin
from vla_sim.ros.execution import CountedPublisher
from vla_sim.ros.messages import message_class, to_stamp
from vla_sim.ros.stage_node import StageNode

SPEED, SLOWER = 0.5, 0.4
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
        self.speed = SPEED
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

    def wish(self) -> Any:
        """Navigation's velocity."""
        message = self.velocity.msg_type()
        message.header.stamp = self.stamp()
        message.twist.linear.x = self.speed
        return message

    def tick(self) -> None:
        """50 Hz: time and odometry; 10 Hz: a scan; 20 Hz or more: the velocity."""
        stamp = self.stamp()
        self.clock_topic.publish(Clock(clock=stamp))
        odometry = Odometry()
        odometry.header.stamp = stamp
        odometry.pose.pose.position.x = SPEED * (time.monotonic() - self.began)
        self.odometry.publish(odometry)
        self.velocity.publish(self.wish())
        if self.ticks % 5 == 0:
            self.look()
        self.ticks += 1

    def look(self) -> None:
        stamp = self.stamp()
        self.depth_scans.publish(conversions.laser_scan(self.free, stamp, 0.1))
        self.scans.publish(conversions.laser_scan(self.seen, stamp, 0.1))


class Wishes(StageNode[StageParams]):
    """Stands for manipulation and the lidar of one safety node. refused: why the last trajectory was not let
    through. stamp: of now, by the clock that safety lives in."""

    def __init__(self, path: Array, points: Array) -> None:
        super().__init__("manipulation", StageParams)
        self.refused = ""
        self.stamp: Callable[[], Any] = lambda: to_stamp(0.0)
        self._path = path
        self._joints, self._cloud = self.publish(topics.JOINT_STATES), self.publish(topics.POINTS)
        self._state = JointState(name=list(facts.JOINTS), position=facts.DEFAULT_POSE.tolist())
        self._points = conversions.point_cloud(points, to_stamp(0.0))
        self.listen(topics.REFUSAL, self.on_refusal)
        self.repeat(0.02, lambda: self._now(self._joints, self._state), steady=True)
        self.repeat(0.1, lambda: self._now(self._cloud, self._points), steady=True)

    def _now(self, out: CountedPublisher, message: Any) -> None:
        """Send a message as of now."""
        message.header.stamp = self.stamp()
        out.publish(message)

    def on_refusal(self, refusal: Refusal) -> None:
        self.refused = refusal.reason

    def wish(self, stamp: float) -> Any:
        """The trajectory, of now [s]."""
        times = np.linspace(0.08, 0.08 * len(self._path), len(self._path))
        names = list(facts.ARM_JOINTS["right"])
        return conversions.joint_trajectory(names, times, self._path, stamp, "base_link")


class Way:
    """From one topic to another, through safety or past it, in this process. received: when the middleware
    took the last message in for which `expected` [ns, the system's clock, as all that it stamps]. This
    process may be at something else then, which is no delay of safety's."""

    def __init__(
        self, node: StageNode[Any], begin: Topic, end: Topic, expected: Callable[[Any], bool]
    ) -> None:
        self.received = 0
        self._expected, self._publisher = expected, node.publish(begin)
        node.create_subscription(
            message_class(end.ros_type), end.name, self._on_message, node.execution.qos(end)
        )

    def _on_message(self, message: Any, info: dict[str, int]) -> None:
        if self._expected(message):
            self.received = info["received_timestamp"]

    def arrived(self, sent: int) -> bool:
        """Whether one came since it was sent."""
        return self.received >= sent

    def send(self, message: Any) -> int:
        """When that was [ns, the system's clock]."""
        sent = time.time_ns()
        self._publisher.publish(message)
        return sent


@contextlib.contextmanager
def beside_safety(folder: Path, *make: Callable[[], StageNode[Any]]) -> Iterator[tuple[Any, spin.Until]]:
    """A safety node as a process, and these nodes beside it."""
    specs = tuple(spec for spec in node_table.STACK if spec.name == "safety")
    with Stack(StackOptions(), folder, specs=specs), spin.beside(*make) as found:  # its domain is ours, too
        yield found


def added_latencies(
    count: int, folder: Path, of: Literal["velocity", "trajectory"], path: Array, points: Array,
    take: Callable[[float], None],
) -> None:  # fmt: skip
    """Start a safety node as a process. `count` times send a velocity that differs from the one before, or a
    right arm's `path` (n, 7) from its default pose amid lidar `points` (m, 3), once through safety and once
    past it, and `take` the seconds by which it arrives later through safety. Raises `StackError` if safety
    does not start, or lets nothing pass."""
    with beside_safety(folder, Around, partial(Wishes, path, points)) as ((around, node), until):
        node.stamp = around.stamp

        def is_asked(message: Any) -> bool:
            return abs(float(message.twist.linear.x) - around.speed) < 1e-6

        def make() -> Any:
            if of == "trajectory":
                return node.wish(time.monotonic() - around.began)
            around.speed = SLOWER if around.speed == SPEED else SPEED
            return around.wish()

        begin, end = topics.CMD_VEL_NAV, topics.CMD_VEL
        if of == "trajectory":
            begin, end = topics.ARM_WISH["right"], topics.ARM_TRAJECTORY["right"]
        past = replace(end, name="/bench/past_safety", writer="")
        user: StageNode[Any] = node if of == "trajectory" else around
        expected = (lambda _: True) if of == "trajectory" else is_asked
        ways = [Way(user, past, past, expected), Way(user, begin, end, expected)]
        # The first one waits until all have met, and safety has seen that the way is free.
        rng, done, deadline = random.Random(0), -1, time.monotonic() + WALK_TIMEOUT
        while done < count:
            if time.monotonic() > deadline:
                why = node.refused or "silence"
                raise StackError(f"no {of} passed safety within {WALK_TIMEOUT:.0f} s: {why}")
            took = []
            for way in ways:
                message = make()
                sent = way.send(message)
                if until(partial(way.arrived, sent), 1.0):
                    took.append(1e-9 * (way.received - sent))
                until(lambda: False, rng.uniform(0.02, 0.06))
            if len(took) == len(ways):
                if done >= 0:
                    take(took[1] - took[0])
                done, deadline = done + 1, time.monotonic() + WALK_TIMEOUT


def reactions(count: int, folder: Path, take: Callable[[float], None]) -> None:
    """Start a safety node as a process. `count` times let an obstacle appear before a walking robot,
    at any moment of the node's period, and `take` the seconds from the scan's departure to the arrival of the
    zero velocity. Raises `StackError` if it does not start, or once does not stop."""
    with beside_safety(folder, Around) as ((node,), until):
        rng = random.Random(0)

        def walks() -> bool:
            return bool(node.passed[1] > 0.9 * SPEED)

        if not until(walks, WALK_TIMEOUT):
            raise StackError(f"the safety node let no velocity pass within {WALK_TIMEOUT:.0f} s")
        for _ in range(count):
            node.seen = node.free
            if not until(walks, WALK_TIMEOUT):
                raise StackError("the robot did not walk on when its way was free again")
            until(lambda: False, rng.uniform(0.12, 0.2))
            node.seen = node.blocked
            begin = time.monotonic()
            node.look()
            if not until(lambda: node.passed[1] == 0.0, REACTION_TIMEOUT):
                raise StackError(
                    f"the robot still walked {REACTION_TIMEOUT:g} s after an obstacle appeared before it"
                )
            take(node.passed[0] - begin)
