"""How a node's work is run, and when its results come out; its publishers' quality of service."""

import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Set
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, Generic, TypeVar

import rclpy
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from vla_sim.contract.ids import Ids
from vla_sim.contract.topics import Topic
from vla_sim.ros.executor import SerialExecutor

T = TypeVar("T")

END_TIMEOUT = 5.0
"""[s] for the item in hand when a worker is closed."""
QOS: dict[str, QoSProfile] = {
    "sensor": QoSProfile(depth=2, reliability=ReliabilityPolicy.BEST_EFFORT),
    "reliable": QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE),
    "latched": QoSProfile(
        depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
    ),
}
LOCKSTEP_QOS = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)
"""Of every topic in lock-step: no message may be lost, and none is kept for late joiners, which would not be
counted."""

# The contract fixes the quality of service, and rclpy's watch for a mismatch costs a wait-set entry each.
NO_PUBLISHER_EVENTS = PublisherEventCallbacks(use_default_callbacks=False)
NO_SUBSCRIPTION_EVENTS = SubscriptionEventCallbacks(use_default_callbacks=False)


class CountedPublisher:
    """An rclpy publisher that knows how many messages it sent: rates are counted where they arise, and cost
    no message."""

    def __init__(self, publisher: Any) -> None:
        self._publisher = publisher
        self.msg_type = publisher.msg_type
        self.count = 0
        self.through: Callable[[Any], None] = self.send
        """What a message goes through: a sensor's faults, where there are some."""

    def publish(self, message: Any) -> None:
        self.through(message)

    def send(self, message: Any) -> None:
        """Publish, whatever faults there are."""
        self.count += 1
        self._publisher.publish(message)

    def wait_for_all_acked(self, timeout: float) -> bool:
        """Whether all readers have taken what was sent, after at most so many seconds."""
        return bool(self._publisher.wait_for_all_acked(Duration(seconds=timeout)))

    def get_subscription_count(self) -> int:
        return int(self._publisher.get_subscription_count())


Guard = Callable[[str, Callable[..., Any]], Callable[..., Any]]
"""Makes of what is being done and a callback one whose exceptions do not end the node."""


def unguarded(what: str, callback: Callable[..., Any]) -> Callable[..., Any]:
    """The `Guard` that lets every exception through."""
    return callback


class Worker(Generic[T]):
    """Does work on what is put into it, in a thread of its own.

    capacity: items that may wait. newest: beyond that the oldest one is dropped, else the new one. on_idle:
    called in the thread once nothing came for `idle` seconds after an item.
    """

    def __init__(
        self, name: str, work: Callable[[T], None], *, capacity: int, newest: bool = False,
        idle: float | None = None, on_idle: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._work, self._capacity, self._newest = work, capacity, newest
        self._idle, self._on_idle = idle, on_idle
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many items wait."""
        return len(self._items)

    def put(self, item: T) -> bool:
        """Hand over an item; False if there was no room for it."""
        with self._changed:
            if len(self._items) >= self._capacity:
                if not self._newest:
                    return False
                self._items.popleft()
            self._items.append(item)
            self._changed.notify()
        return True

    def close(self) -> None:
        """Give up what waits, and end."""
        with self._changed:
            self._closing = True
            self._items.clear()
            self._changed.notify()
        self._thread.join(END_TIMEOUT)

    def _run(self) -> None:
        timeout = None
        while True:
            with self._changed:
                came = self._changed.wait_for(lambda: self._closing or self._items, timeout)
                if self._closing:
                    return
                item = self._items.popleft() if came else None
            if item is None:
                timeout = None
                self._on_idle()
            else:
                timeout = self._idle
                self._work(item)


class Execution:
    """How a node's work is run, and when its results come out; a node calls it without asking which it is.

    This one: at the clock's pace, slow work in threads. In lock-step (`lockstep.Follower`,
    `lockstep.Conductor`): work is done at once and charged to simulated time. deterministic: nothing that
    depends on the machine may reach the node's results. guard: what callbacks go through
    (`StageNode.guard`). turns: how many were taken, in lock-step.
    """

    deterministic = False
    turns = 0

    def __init__(self, node: Any) -> None:
        self._node = node
        self.guard: Guard = unguarded

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
        work, on_idle = self.guard(name, work), self.guard(name, on_idle)
        return Worker(name, work, capacity=capacity, newest=newest, idle=idle, on_idle=on_idle)

    def pool(self, name: str) -> Executor | None:
        """Runs one slow job after the other beside the node; None: do it at once and charge it. What a job
        raises is raised where its result is taken."""
        return ThreadPoolExecutor(1, thread_name_prefix=name)

    def in_background(self, work: Callable[[], None]) -> None:
        """Run something slow beside the node, for instance a part of its start."""
        threading.Thread(target=self.guard("background", work), daemon=True).start()

    def notifier(self, callback: Callable[[], None], period: float) -> Callable[[], None]:
        """What any thread may call to have `callback` run in the node's thread. In lock-step `callback` runs
        every `period` seconds instead."""
        called = self.guard("notifier", callback)
        trigger: Callable[[], None] = self._node.create_guard_condition(called).trigger
        return trigger

    def settle(self, future: Future[Any]) -> None:
        """A request was begun; in lock-step wait for its end, since its time is charged, not spent."""

    def ids(self, owner: str) -> Ids:
        """Ids of this node's goals or commands."""
        return Ids(owner, "" if self.deterministic else uuid.uuid4().hex[:6])

    def spin(self, executor: SerialExecutor, listeners: Callable[[], dict[str, int]]) -> None:
        """Run the node until ROS shuts down. listeners: how many listen to each topic it publishes."""
        executor.spin()

    def simulate(self, simulation: Any, executor: SerialExecutor, period: float) -> None:
        """Run the node that makes the stack's time until ROS shuts down: each `simulation.tick()` is a
        control period of `period` [s], and `simulation.pacer` keeps it at the machine's pace."""
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

    def freeze(self, nodes: Set[str]) -> None:
        """In lock-step, keep these nodes from their turns, and no others. At the clock's pace whoever wants
        that stops their processes."""
