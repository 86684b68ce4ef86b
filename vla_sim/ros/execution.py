"""How a node's work is run, and when its results come out."""

import sys
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import rclpy
from rclpy.clock import Clock, ClockType
from rclpy.qos import QoSProfile

from vla_sim.contract.ids import Ids
from vla_sim.contract.topics import Topic
from vla_sim.ros.executor import SerialExecutor
from vla_sim.ros.qos import QOS
from vla_sim.ros.worker import Worker

T = TypeVar("T")


class CountedPublisher:
    """An rclpy publisher that knows how many messages it sent: rates are counted where they arise, and cost
    no message."""

    def __init__(self, publisher: Any) -> None:
        self._publisher = publisher
        self.msg_type = publisher.msg_type
        self.count = 0

    def publish(self, message: Any) -> None:
        self.count += 1
        self._publisher.publish(message)

    def get_subscription_count(self) -> int:
        return int(self._publisher.get_subscription_count())


class Pacer(Protocol):
    """Keeps a simulation at the machine's pace; times are seconds of the monotonic clock."""

    def tick(self, now: float) -> None: ...

    def remaining(self, now: float) -> float: ...


class Simulation(Protocol):
    """The node whose time is the stack's: each `tick` simulates one control period."""

    @property
    def pacer(self) -> Pacer: ...

    def tick(self) -> None: ...

    def now(self) -> float: ...

    def listeners(self) -> dict[str, int]: ...


class Execution:
    """How a node's work is run, and when its results come out; a node calls it without asking which it is.

    This one: at the clock's pace, slow work in threads. In lock-step (`lockstep.Follower`,
    `lockstep.Conductor`): work is done at once and charged to simulated time. deterministic: nothing that
    depends on the machine may reach the node's results.
    """

    deterministic = False

    def __init__(self, node: Any) -> None:
        self._node = node

    def now(self) -> float:
        """Seconds of the ROS clock: simulated time in simulation."""
        return float(self._node.get_clock().now().nanoseconds) * 1e-9

    def qos(self, topic: Topic) -> QoSProfile:
        return QOS[topic.qos]

    def publisher(self, publisher: Any, topic: str) -> CountedPublisher:
        """Through which a node publishes: an rclpy publisher, wrapped."""
        return CountedPublisher(publisher)

    def subscribed(self, subscription: Any, topic: str, callback: Callable[[Any], None]) -> None:
        """Note an rclpy subscription and what it calls back (here the executor does)."""

    def timer(self, period: float, callback: Callable[[], None], *, steady: bool = False) -> None:
        """Call back every `period` seconds of the ROS clock; steady: of the machine's."""
        clock = Clock(clock_type=ClockType.STEADY_TIME) if steady else None
        self._node.create_timer(period, callback, clock=clock)

    def worker(
        self, name: str, work: Callable[[T], None], *, capacity: int, newest: bool = False,
        idle: float | None = None, on_idle: Callable[[], None] = lambda: None,
    ) -> Worker[T]:  # fmt: skip
        """Does slow work, item by item, without holding up the node. See `Worker` for the arguments."""
        return Worker(name, work, capacity=capacity, newest=newest, idle=idle, on_idle=on_idle)

    def pool(self, name: str) -> Executor | None:
        """Runs one slow job after the other beside the node; None: do it at once and charge it."""
        return ThreadPoolExecutor(1, thread_name_prefix=name)

    def in_background(self, work: Callable[[], None]) -> None:
        """Run something slow beside the node, for instance a part of its start."""
        threading.Thread(target=work, daemon=True).start()

    def notifier(self, callback: Callable[[], None], period: float) -> Callable[[], None]:
        """What any thread may call to have `callback` run in the node's thread. In lock-step `callback` runs
        every `period` seconds instead."""
        trigger: Callable[[], None] = self._node.create_guard_condition(callback).trigger
        return trigger

    def settle(self, future: Future[Any]) -> None:
        """A request was begun; in lock-step wait for its end, since its time is charged, not spent."""

    def ids(self, owner: str) -> Ids:
        """Ids of this node's goals or commands."""
        return Ids(owner, uuid.uuid4().hex[:6])

    def spin(self, executor: SerialExecutor, listeners: Callable[[], dict[str, int]]) -> None:
        """Run the node until ROS shuts down. listeners: how many listen to each topic it publishes."""
        executor.spin()

    def simulate(self, simulation: Simulation, executor: SerialExecutor, period: float) -> None:
        """Run the node that makes the stack's time, a control period [s] at a time, until ROS shuts down."""
        sys.setswitchinterval(5e-4)  # threads give the interpreter back within a tick
        pacer = simulation.pacer
        while rclpy.ok():
            pacer.tick(time.monotonic())
            simulation.tick()
            executor.drain()  # all of it, also when there is no time left to wait
            while (left := pacer.remaining(time.monotonic())) > 0.0:
                executor.spin_once(timeout_sec=left)

    def charge_as(self, compute: str, costs: dict[str, float]) -> None:
        """In lock-step, what work costs: as "measured", or "fixed": the contract's, with these [s] in their
        place."""

    def freeze(self, node: str, until: float) -> None:
        """In lock-step, keep a node from its turns until then [s]. At the clock's pace whoever wants that
        stops its process."""
