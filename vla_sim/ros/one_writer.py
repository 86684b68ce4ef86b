"""One topic, one writer: whose message is this, and may it be obeyed?

rclpy gives no identity with a message, only its number in its writer's own sequence, counted from 1. So
writers are known by the graph (node name and GID of each), and messages of several writers are told apart by
their numbers: the owner's next message has the number after its last. Where two writers' numbers meet, nobody
is obeyed until the other one has gone. That finds mistakes, not forgers: who wants to can take any node's
name. Rights that are enforced are DDS security's (docs/operations.md).
"""

import math
import time
from collections.abc import Callable
from typing import NamedTuple

TAKEOVER = 0.5
"""[s] of the steady clock for which a writer is silent before another of the owner's own name follows it: one
that was killed stays in the graph for some time."""

LEFT = 0.2
"""[s] of the steady clock after a second writer has gone in which what it sent before may still come."""


class Endpoint(NamedTuple):
    """A publisher, as the graph shows it."""

    node: str
    gid: bytes


class OneWriter:
    """Obeys the one writer that is of the node `owner`.

    count: how many writers the subscription has now; cheap. endpoints: which the graph shows; dear. renewed:
    called when the owner is another writer than before. alarm: what is wrong now; "" if nothing. refused: how
    many messages were not obeyed.
    """

    def __init__(
        self, owner: str, count: Callable[[], int], endpoints: Callable[[], list[Endpoint]],
        renewed: Callable[[], None] = lambda: None, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.owner, self.alarm, self.refused = owner, "", 0
        self._count, self._endpoints, self._renewed, self._clock = count, endpoints, renewed, clock
        self._known = -1
        """Writers when the graph was looked at last; -1: look again."""
        self._writers: list[Endpoint] = []
        self._gid = b""
        self._next: int | None = None
        """Number of the owner's next message; None: not known."""
        self._others: set[int] = set()
        """Numbers of the next messages of others."""
        self._heard = 0.0
        self._until = -math.inf

    def obeys(self, sequence: int) -> bool:
        """Whether the message with this number of its writer may be obeyed; call it once for each."""
        if self._count() != self._known or (not self._contested and sequence != self._next):
            self.look()
        obeyed = self._tells_apart(sequence) if self._contested else self._is_owners(sequence)
        if obeyed:
            self._next, self._heard = sequence + 1, self._clock()
        else:
            self.refused += 1
        return obeyed

    def check(self) -> str:
        """The alarm as it is now, also where nothing is heard."""
        if self._count() != self._known:
            self.look()
        return self.alarm

    @property
    def _contested(self) -> bool:
        return len(self._writers) > 1 or self._clock() < self._until

    def look(self) -> None:
        """See who writes."""
        was = len(self._writers) > 1
        if not self._contested:
            self._others.clear()
        self._known, self._writers = self._count(), self._endpoints()
        own = [one for one in self._writers if one.node == self.owner]
        strangers = sorted({one.node for one in self._writers if one.node != self.owner})
        unknown = any(name.startswith("_NODE_NAME_UNKNOWN") for name in strangers)
        if unknown or len(self._writers) != self._known:
            self._known = -1  # discovery is still under way
        if len(self._writers) < 2:
            if was:
                self._until = self._clock() + LEFT
            if own and own[0].gid != self._gid:
                self._gid, self._next = own[0].gid, None
                self._renewed()
        self.alarm = ""
        if strangers and not unknown:
            self.alarm = f"also {', '.join(strangers)} writes what is {self.owner}'s" if own else (
                f"{', '.join(strangers)} writes what is {self.owner}'s"
            )  # fmt: skip
        elif len(own) > 1:
            self.alarm = f"{len(own)} nodes are called {self.owner}"

    def _is_owners(self, sequence: int) -> bool:
        if not self._writers:  # what a writer that has gone sent before
            return sequence == self._next
        # A number of before is one that a second writer left behind.
        return self._writers[0].node == self.owner and (self._next is None or sequence >= self._next)

    def _tells_apart(self, sequence: int) -> bool:
        mine, other = sequence == self._next, sequence in self._others
        if mine and not other:
            return True
        if mine:  # whose it is cannot be known any more
            self._next = None
        own = len(self._writers) > 1 and all(one.node == self.owner for one in self._writers)
        if own and self._next is not None and self._clock() - self._heard > TAKEOVER:
            self._others.clear()
            self._renewed()
            return True
        self._others.discard(sequence)
        self._others.add(sequence + 1)
        return False
