"""The simulator's node, which gives turns."""

import contextlib
import itertools
import math
import os
import socket
import time
from collections.abc import Callable, Set
from typing import Any

import rclpy

from vla_sim.common.errors import StackError
from vla_sim.contract.budgets import COSTS
from vla_sim.ros.executor import SerialExecutor
from vla_sim.ros.lockstep import turn_taking
from vla_sim.ros.lockstep.follower import SOON
from vla_sim.ros.lockstep.run_environment import NODES, SOCKET, START_TIMEOUT, TURN_TIMEOUT


class Seat:
    """What the conductor knows of a node. sent: messages to it since the beginning, by topic. publishes:
    topics."""

    def __init__(self, name: str, line: socket.socket, listens: list[str]) -> None:
        self.name, self.line = name, line
        self.sent = dict.fromkeys(listens, 0)
        self.publishes: frozenset[str] = frozenset()
        self.waiting_since: float | None = None
        self.busy = 0.0
        self.wake: float | None = 0.0
        self.frozen = False

    def due(self) -> float:
        """When its next turn is."""
        if self.frozen:
            return math.inf
        times = [t for t in (self.waiting_since, self.wake) if t is not None]
        return max(min(times), self.busy) if times else math.inf


class Conductor(turn_taking.TurnTaking):
    """Gives turns. Its own node works between them, and its timers do not run.

    Raises `StackError` if it cannot listen at its socket.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seats: dict[str, Seat] = {}
        self._begin = turn_taking.Begin("fixed", COSTS)
        self._own: dict[str, int] = {}
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._server.bind(os.environ[SOCKET])
        except OSError as error:
            self._server.close()
            raise StackError(f"lock-step: cannot listen at {os.environ[SOCKET]}: {error.strerror}") from None
        self._server.listen(32)

    def charge_as(self, compute: str, costs: dict[str, float]) -> None:
        self._begin = turn_taking.Begin(compute, {**COSTS, **costs})

    def freeze(self, nodes: Set[str]) -> None:
        for seat in self.seats.values():
            seat.frozen = seat.name in nodes

    def simulate(self, simulation: Any, executor: SerialExecutor, period: float) -> None:
        self.meet(simulation.listeners, rclpy.ok)
        while rclpy.ok():
            simulation.pacer.tick(time.monotonic())
            simulation.tick()
            now = simulation.now()
            self.advance(now, now + period)
            self.mail.deliver()

    def meet(
        self, listeners: Callable[[], dict[str, int]], alive: Callable[[], bool],
        timeout: float = START_TIMEOUT,
    ) -> None:  # fmt: skip
        """Wait until all nodes are here and have found each other, or raise `StackError`.
        timeout: [s]."""
        self.mail.alive = alive
        names = set(os.environ[NODES].split())
        self._server.settimeout(min(0.5, timeout))
        deadline = time.monotonic() + timeout
        while names - set(self.seats):
            if not alive():
                return
            if time.monotonic() > deadline:
                missing = ", ".join(sorted(names - set(self.seats)))
                raise StackError(
                    f"lock-step: {missing} did not come within {timeout:.0f} s; look into its log"
                )
            try:
                line, _ = self._server.accept()
            except TimeoutError:
                continue
            line.settimeout(TURN_TIMEOUT)
            data = line.recv(turn_taking.LARGEST)
            hello = turn_taking.from_node(data) if data else None  # it has died
            if isinstance(hello, turn_taking.Hello):
                self.seats[hello.name] = Seat(hello.name, line, hello.listens)
            else:
                line.close()
        expected: dict[str, int] = {}
        listening = [list(self.mail.inboxes), *(list(seat.sent) for seat in self.seats.values())]
        for topic in itertools.chain.from_iterable(listening):
            expected[topic] = expected.get(topic, 0) + 1
        while alive():
            counts = [listeners(), *(self._ask(seat) for seat in self.seats.values())]
            if all(n >= expected.get(topic, 0) for one in counts for topic, n in one.items()):
                break
            if time.monotonic() > deadline:
                raise StackError(
                    f"lock-step: the nodes did not find each other within {timeout:.0f} s; "
                    "look into their logs"
                )
            time.sleep(0.02)
        for seat in self.seats.values():
            with contextlib.suppress(OSError):  # its first turn finds that it has died
                seat.line.send(turn_taking.encode(self._begin))

    def advance(self, begin: float, end: float) -> None:
        """All turns from `begin` to before `end` [s]; then the conductor's mail is complete. Raises
        `StackError` if a node does not take its turn."""
        self.stamp = begin = round(begin, 9)
        self._sent(self.mail.published(), begin)
        while True:
            stamp = max(begin, min((seat.due() for seat in self.seats.values()), default=end))
            if stamp >= end - SOON:
                break
            self.round(stamp)
        self.stamp = end
        self.mail.fetch(self._own)

    def round(self, stamp: float) -> None:
        """One turn of each node that is due at `stamp` [s]; before it, what this node has sent is theirs.
        A turn is at a whole nanosecond, as stamps in messages are: so a recorded run can be played again
        to the last bit. Raises `StackError` if a node does not take it."""
        self.stamp = stamp = round(stamp, 9)
        self._sent(self.mail.published(), stamp)
        turn = [s for s in self.seats.values() if s.due() <= stamp + SOON]
        for seat in turn:
            seat.waiting_since = None
            with contextlib.suppress(OSError):  # `_answer` finds that it has died
                seat.line.send(turn_taking.encode(turn_taking.Go(stamp, seat.sent)))
        published: list[dict[str, int]] = []
        for seat in turn:
            done = self._answer(seat)
            if done is not None:
                seat.busy, seat.wake = done.busy, done.wake
                published.append(done.published)
        for one in published:
            self._sent(one, stamp)

    def close(self) -> None:
        for seat in self.seats.values():
            seat.line.close()
        self._server.close()

    def _ask(self, seat: Seat) -> dict[str, int]:
        try:
            seat.line.send(turn_taking.encode(turn_taking.Meet()))
            data = seat.line.recv(turn_taking.LARGEST)
        except OSError:
            data = b""
        if not data:
            raise StackError(f"lock-step: {seat.name} has ended before the run began; look into its log")
        met = turn_taking.from_node(data)
        found = met.listeners if isinstance(met, turn_taking.Met) else {}
        seat.publishes = frozenset(found)
        return found

    def _answer(self, seat: Seat) -> turn_taking.Done | None:
        try:
            data = seat.line.recv(turn_taking.LARGEST)
        except TimeoutError:
            raise StackError(
                f"lock-step: {seat.name} did not take its turn for {TURN_TIMEOUT:.0f} s; look into its log"
            ) from None
        except OSError:
            data = b""
        if not data:
            self.seats.pop(seat.name, None)
            return None
        done = turn_taking.from_node(data)
        assert isinstance(done, turn_taking.Done)
        return done

    def _sent(self, counts: dict[str, int], stamp: float) -> None:
        for topic, count in counts.items():
            for seat in self.seats.values():
                if topic in seat.sent:
                    seat.sent[topic] += count
                    if seat.waiting_since is None:
                        seat.waiting_since = stamp
            if topic in self.mail.inboxes:
                self._own[topic] = self._own.get(topic, 0) + count
