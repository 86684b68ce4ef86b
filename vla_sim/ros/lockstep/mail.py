"""What a node in lock-step has sent and received, counted."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vla_sim.common.errors import StackError
from vla_sim.ros.execution import CountedPublisher
from vla_sim.ros.lockstep.run_environment import TURN_TIMEOUT


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

    def publish(self, message: Any) -> None:
        self._mail.send(self._publisher, self._topic, message)
