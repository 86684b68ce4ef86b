"""A node's work in lock-step: done at once, in simulated time, whatever the machine does meanwhile."""

import math
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any, TypeVar

from rclpy.qos import QoSProfile

from vla_sim.common import clock
from vla_sim.contract.ids import Ids
from vla_sim.contract.topics import Topic
from vla_sim.ros.execution import CountedPublisher, Execution
from vla_sim.ros.lockstep.mail import Inbox, Mail, MailedPublisher
from vla_sim.ros.qos import LOCKSTEP_QOS
from vla_sim.ros.worker import Worker

T = TypeVar("T")


@dataclass
class TurnTimer:
    """due: simulated time [s] from which the next turn runs it."""

    period: float
    callback: Callable[[], None]
    due: float


class InlineWorker(Worker[T]):
    """Works on an item when it is put in, so that none waits. `check_idle` stands for the thread that waits
    for the next item."""

    def __init__(self, work: Callable[[T], None], idle: float, on_idle: Callable[[], None]) -> None:
        self._work, self._longest, self._on_idle = work, idle, on_idle
        self._last = -math.inf
        self._items: deque[T] = deque()

    def put(self, item: T) -> bool:
        self._last = clock.mono()
        self._work(item)
        return True

    def check_idle(self) -> None:
        if clock.mono() - self._last > self._longest:
            self._last = math.inf
            self._on_idle()

    def close(self) -> None:
        """Nothing waits."""


class TurnTaking(Execution):
    """What follower and conductor have in common. stamp: simulated time of the turn [s]."""

    deterministic = True

    def __init__(self) -> None:
        self.mail = Mail()
        self.stamp = 0.0
        self.timers: list[TurnTimer] = []

    def now(self) -> float:
        return self.stamp

    def qos(self, topic: Topic) -> QoSProfile:
        return LOCKSTEP_QOS

    def publisher(self, publisher: Any, topic: str) -> CountedPublisher:
        return MailedPublisher(self.mail, publisher, topic)

    def subscribed(self, subscription: Any, topic: str, callback: Callable[[Any], None]) -> None:
        handle, kind, raw = subscription.handle, subscription.msg_type, subscription.raw
        self.mail.inboxes[topic] = Inbox(lambda: handle.take_message(kind, raw), callback)

    def timer(self, period: float, callback: Callable[[], None], *, steady: bool = False) -> None:
        self.timers.append(TurnTimer(period, callback, self.stamp + period))

    def worker(
        self, name: str, work: Callable[[T], None], *, capacity: int, newest: bool = False,
        idle: float | None = None, on_idle: Callable[[], None] = lambda: None,
    ) -> Worker[T]:  # fmt: skip
        made = InlineWorker(work, idle or math.inf, on_idle)
        if idle is not None:
            self.timer(0.5 * idle, made.check_idle)
        return made

    def pool(self, name: str) -> None:
        return None

    def in_background(self, work: Callable[[], None]) -> None:
        work()

    def notifier(self, callback: Callable[[], None], period: float) -> Callable[[], None]:
        self.timer(period, callback)
        return lambda: None

    def settle(self, future: Future[Any]) -> None:
        wait([future])

    def ids(self, owner: str) -> Ids:
        return Ids(owner)
