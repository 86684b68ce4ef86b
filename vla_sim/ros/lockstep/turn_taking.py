"""A node's work in lock-step: done at once, in simulated time, whatever the machine does meanwhile; and what
it says to the conductor or hears from it."""

import math
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
from rclpy.qos import QoSProfile

from vla_sim.common import clock
from vla_sim.common.errors import StackError
from vla_sim.contract.topics import Topic
from vla_sim.ros.execution import LOCKSTEP_QOS, CountedPublisher, Execution, Guard, Worker, unguarded
from vla_sim.ros.lockstep.run_environment import TURN_TIMEOUT

T = TypeVar("T")

LARGEST = 1 << 16
"""Bytes of a datagram."""


class Hello(msgspec.Struct, frozen=True, tag=True):
    """A node's first word: its name and the topics that it subscribes to."""

    name: str
    listens: list[str]


class Met(msgspec.Struct, frozen=True, tag=True):
    """How many listen to each topic that this node publishes, as it sees it."""

    listeners: dict[str, int]


class Done(msgspec.Struct, frozen=True, tag=True):
    """The end of a turn.

    published: messages by topic in this turn. busy: until when the node takes no turn. wake: when it wants
    the next one without a message; null if only for a message.
    """

    published: dict[str, int]
    busy: float
    wake: float | None


class Meet(msgspec.Struct, frozen=True, tag=True):
    """Asks for a `Met`."""


class Begin(msgspec.Struct, frozen=True, tag=True):
    """compute: "fixed" or "measured"; costs: seconds by name of work."""

    compute: str
    costs: dict[str, float]


class Go(msgspec.Struct, frozen=True, tag=True):
    """A turn at `stamp` [s]. sent: messages of each topic that were sent to the node since the beginning."""

    stamp: float
    sent: dict[str, int]


encode = msgspec.msgpack.Encoder().encode
from_node = msgspec.msgpack.Decoder(Hello | Met | Done).decode
from_conductor = msgspec.msgpack.Decoder(Meet | Begin | Go).decode


@dataclass
class Inbox:
    """One subscription: what has arrived and not been looked at."""

    take: Callable[[], tuple[Any, dict[str, int]] | None]
    deliver: Callable[[Any], None]
    received: int = 0
    waiting: list[tuple[int, Any]] = field(default_factory=list)


class RunEnds(Exception):  # noqa: N818 (no error)
    """The run ends in the middle of a turn."""


class Mail:
    """Made before the first publisher or subscription."""

    def __init__(self) -> None:
        self.sent: dict[str, int] = {}
        self.inboxes: dict[str, Inbox] = {}
        self.alive: Callable[[], bool] = lambda: True
        """False once the run ends: then nothing is waited for, since its sender may be gone."""
        self._held: list[tuple[Any, str, Any]] | None = None

    def send(self, publisher: Any, topic: str, message: Any) -> None:
        if self._held is not None:
            self._held.append((publisher, topic, message))
            return
        publisher.publish(message)
        self.sent[topic] = self.sent.get(topic, 0) + 1

    def hold(self) -> None:
        """Keep what is sent from now on until `release`."""
        if self._held is None:
            self._held = []

    @property
    def holding(self) -> bool:
        return bool(self._held)

    def release(self) -> None:
        held, self._held = self._held, None
        for publisher, topic, message in held or ():
            self.send(publisher, topic, message)

    def published(self) -> dict[str, int]:
        """Counts since the last call."""
        sent, self.sent = self.sent, {}
        return sent

    def fetch(self, sent: dict[str, int], timeout: float = TURN_TIMEOUT) -> None:
        """Wait until all messages that were sent are here, counted by topic since the beginning.

        Raises `StackError` if they do not arrive within `timeout` [s], and `RunEnds` when the run is over.
        """
        deadline = time.monotonic() + timeout
        for topic, count in sent.items():
            inbox = self.inboxes[topic]
            while inbox.received < count:
                taken = inbox.take()
                if taken is not None:
                    inbox.received += 1
                    inbox.waiting.append((taken[1]["source_timestamp"], taken[0]))
                elif not self.alive():
                    raise RunEnds
                elif time.monotonic() > deadline:
                    raise StackError(f"{count - inbox.received} messages of {topic} never arrived")
                else:
                    time.sleep(5e-5)

    def deliver(self) -> None:
        """Hand out what was fetched, topic by topic in the order of subscription. Several publishers of
        one topic are taken in the order in which they sent."""
        for inbox in self.inboxes.values():
            waiting, inbox.waiting = inbox.waiting, []
            for _, message in sorted(waiting, key=lambda one: one[0]) if len(waiting) > 1 else waiting:
                inbox.deliver(message)


class MailedPublisher(CountedPublisher):
    """A publisher whose messages go through a node's mail."""

    def __init__(self, mail: Mail, publisher: Any, topic: str) -> None:
        super().__init__(publisher)
        self._mail, self._topic = mail, topic

    def send(self, message: Any) -> None:
        self._mail.send(self._publisher, self._topic, message)


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
    """What follower and conductor have in common: the clock of their process. stamp: simulated time of the
    turn [s]. charged: what work costs; the conductor's own, the simulation, costs nothing."""

    deterministic = True

    def __init__(self) -> None:
        self.guard: Guard = unguarded
        self.mail = Mail()
        self.stamp = self._cost = 0.0
        self.timers: list[TurnTimer] = []
        self.charged = Begin("fixed", {})
        clock.use(self)

    def mono(self) -> float:
        return self.stamp + self._cost

    def charge(self, work: str, seconds: float, most: float = math.inf) -> float:
        cost = self.charged.costs.get(work, 0.0) if self.charged.compute == "fixed" else seconds
        self.spend(min(cost, most))
        return cost

    def spend(self, seconds: float) -> None:
        if seconds > 0.0:
            self._cost += seconds
            self.mail.hold()

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
        made = InlineWorker(self.guard(name, work), idle or math.inf, self.guard(name, on_idle))
        if idle is not None:
            self.timer(0.5 * idle, made.check_idle)
        return made

    def pool(self, name: str) -> None:
        return None

    def in_background(self, work: Callable[[], None]) -> None:
        self.guard("background", work)()

    def notifier(self, callback: Callable[[], None], period: float) -> Callable[[], None]:
        self.timer(period, self.guard("notifier", callback))
        return lambda: None

    def settle(self, future: Future[Any]) -> None:
        wait([future])
