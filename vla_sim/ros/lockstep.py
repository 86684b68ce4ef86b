"""Lock-step: simulated time waits for every node, so that a run is the same on any machine.

The engine conducts. After each control period it lets, in rounds, every node go on that has something to
do: a message that has arrived, a timer that is due, results that are ready. A node takes all of it, in an
order that depends on nothing but what was sent, and tells what it has published; the next round follows
until nobody has anything to do before the next control period. Messages go through DDS as always; only
turns are given through a Unix socket.

What a stage's work costs is charged to simulated time (`vla_sim.common.clock`): a node that has worked is
busy for so long, and what it says then comes out at the end of that time. So slow thinking costs the robot
as it would in life.
"""

from __future__ import annotations

import contextlib
import math
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from vla_sim.common import clock
from vla_sim.common.errors import StackError
from vla_sim.contract.budgets import COSTS

SOCKET = "VLA_SIM_LOCKSTEP"
"""Environment variable with the path of the conductor's socket; set in every process of a lock-step run."""
NODES = "VLA_SIM_LOCKSTEP_NODES"
"""Environment variable with the names of the nodes that the conductor waits for."""
LARGEST = 1 << 16
SOON = 1e-9
PATIENCE = 120.0
"""[s] of the machine's clock for a node to take its turn."""
MEETING = 240.0
"""[s] of the machine's clock for all nodes to start and find each other: the first start compiles."""


def wanted() -> bool:
    """Whether this process is part of a lock-step run."""
    return bool(os.environ.get(SOCKET))


def environment(socket_path: Path, nodes: tuple[str, ...]) -> dict[str, str]:
    """What every process of a lock-step run has in its environment."""
    return {SOCKET: str(socket_path), NODES: " ".join(nodes)}


# --------------------------------------------------------------------------- on the wire


class Hello(msgspec.Struct, frozen=True, tag=True):
    name: str
    listens: list[str]


class Met(msgspec.Struct, frozen=True, tag=True):
    """How many listen to each topic that this node publishes, as it sees it."""

    listeners: dict[str, int]


class Done(msgspec.Struct, frozen=True, tag=True):
    """published: messages by topic in this turn. busy: until when it takes no turn. wake: when it wants
    the next one without a message; null if only for a message."""

    published: dict[str, int]
    busy: float
    wake: float | None


class Meet(msgspec.Struct, frozen=True, tag=True):
    pass


class Begin(msgspec.Struct, frozen=True, tag=True):
    """compute: "fixed" or "measured"; costs: seconds by name of work."""

    compute: str
    costs: dict[str, float]


class Go(msgspec.Struct, frozen=True, tag=True):
    """Your turn. expect: how many messages of each topic have been sent to you since the beginning."""

    stamp: float
    expect: dict[str, int]


_encode = msgspec.msgpack.Encoder().encode
_from_node = msgspec.msgpack.Decoder(Hello | Met | Done).decode
_from_conductor = msgspec.msgpack.Decoder(Meet | Begin | Go).decode


# --------------------------------------------------------------------------- a node's mail


@dataclass
class Box:
    """One subscription: what has arrived and not been looked at."""

    take: Callable[[], tuple[Any, dict[str, int]] | None]
    deliver: Callable[[Any], None]
    received: int = 0
    waiting: list[tuple[int, Any]] = field(default_factory=list)


class RunEnds(Exception):  # noqa: N818 (no error)
    """The run ends in the middle of a turn."""


class Mail:
    """What a node has sent and received, counted. Made before the first publisher or subscription."""

    def __init__(self) -> None:
        self.sent: dict[str, int] = {}
        self.boxes: dict[str, Box] = {}
        self.alive: Callable[[], bool] = lambda: True
        """False once the run ends: then nothing is waited for, since whoever sent it may be gone."""
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

    def fetch(self, expect: dict[str, int]) -> None:
        """Wait until so many messages of each topic are here. Raises `StackError`, and `RunEnds` when there
        is nobody any more to wait for."""
        deadline = time.monotonic() + PATIENCE
        for topic, count in expect.items():
            box = self.boxes[topic]
            while box.received < count:
                taken = box.take()
                if taken is not None:
                    box.received += 1
                    box.waiting.append((taken[1]["source_timestamp"], taken[0]))
                elif not self.alive():
                    raise RunEnds
                elif time.monotonic() > deadline:
                    raise StackError(f"{count - box.received} messages of {topic} never arrived")
                else:
                    time.sleep(5e-5)

    def deliver(self) -> None:
        """Hand out what was fetched, topic by topic in the order of subscription. Several publishers of
        one topic are taken in the order in which they sent."""
        for box in self.boxes.values():
            waiting, box.waiting = box.waiting, []
            for _, message in sorted(waiting, key=lambda one: one[0]) if len(waiting) > 1 else waiting:
                box.deliver(message)


class Publisher:
    """An rclpy publisher whose messages are counted."""

    def __init__(self, mail: Mail, publisher: Any, topic: str) -> None:
        self._mail, self._publisher, self._topic = mail, publisher, topic
        self.msg_type = publisher.msg_type

    def publish(self, message: Any) -> None:
        self._mail.send(self._publisher, self._topic, message)

    def get_subscription_count(self) -> int:
        return int(self._publisher.get_subscription_count())


# --------------------------------------------------------------------------- a node that takes turns


@dataclass
class Timer:
    period: float
    callback: Callable[[], None]
    due: float

    def cancel(self) -> None:
        self.due = float("inf")


class Follower:
    """A node's side. `loop` takes turns until the conductor ends or `alive` is false."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.mail = Mail()
        self.mail.hold()  # until the first turn: what a constructor says would be heard by nobody
        self.stamp = 0.0
        self.timers: list[Timer] = []
        self._cost = 0.0
        self._busy = 0.0
        self._begin = Begin("fixed", {})
        clock.use(self)

    def mono(self) -> float:
        return self.stamp + self._cost

    def charge(self, work: str, seconds: float, most: float = math.inf) -> float:
        cost = self._begin.costs.get(work, 0.0) if self._begin.compute == "fixed" else seconds
        self.spend(min(cost, most))
        return cost

    def spend(self, seconds: float) -> None:
        if seconds > 0.0:
            self._cost += seconds
            self.mail.hold()

    def timer(self, period: float, callback: Callable[[], None]) -> Timer:
        made = Timer(period, callback, self.stamp + period)
        self.timers.append(made)
        return made

    def loop(self, listeners: Callable[[], dict[str, int]], alive: Callable[[], bool]) -> None:
        """listeners: how many listen to each of this node's topics now."""
        self.mail.alive = alive
        with contextlib.suppress(RunEnds), self._connect(alive) as line:
            said: Hello | Met | Done | None = Hello(self.name, list(self.mail.boxes))
            while alive():
                try:
                    if said is not None:
                        line.send(_encode(said))
                        said = None
                    data = line.recv(LARGEST)
                except TimeoutError:
                    continue
                except ConnectionError:
                    return  # the engine has died; whoever started it knows
                if not data:
                    return
                word = _from_conductor(data)
                if isinstance(word, Meet):
                    said = Met(listeners())
                elif isinstance(word, Begin):
                    self._begin = word
                else:
                    said = self._turn(word)

    def _connect(self, alive: Callable[[], bool]) -> socket.socket:
        deadline = time.monotonic() + MEETING
        while True:
            line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            line.settimeout(0.5)
            try:
                line.connect(os.environ[SOCKET])
                return line
            except OSError as error:
                line.close()
                if not alive():
                    raise RunEnds from None
                if time.monotonic() > deadline:
                    raise StackError(f"the engine takes nobody into lock-step: {error}") from None
                time.sleep(0.02)

    def _turn(self, go: Go) -> Done:
        self.stamp = go.stamp
        self.mail.fetch(go.expect)
        if go.stamp >= self._busy - SOON:
            self.mail.release()
            self._cost = 0.0
            self.mail.deliver()
            for timer in self.timers:
                if timer.due <= go.stamp + SOON:
                    timer.due += timer.period
                    if timer.due <= go.stamp:  # turns that were missed stay missed
                        timer.due = go.stamp + timer.period
                    timer.callback()
            self._busy = go.stamp + self._cost
        wakes = [t.due for t in self.timers]
        if self.mail.holding:
            wakes.append(self._busy)
        else:
            self.mail.release()
        return Done(self.mail.published(), self._busy, min(wakes, default=None))


# --------------------------------------------------------------------------- the engine, which conducts


class Seat:
    """What the conductor knows of a node."""

    def __init__(self, name: str, line: socket.socket, listens: list[str]) -> None:
        self.name, self.line = name, line
        self.expect = dict.fromkeys(listens, 0)
        self.waiting_since: float | None = None
        self.busy = 0.0
        self.wake: float | None = 0.0

    def due(self) -> float:
        """When its next turn is."""
        times = [t for t in (self.waiting_since, self.wake) if t is not None]
        return max(min(times), self.busy) if times else float("inf")


class Conductor:
    """Gives turns.

    The engine's own node has a `mail` as well; what it sends between turns is seen by the next.
    """

    def __init__(self) -> None:
        self.mail = Mail()
        self.stamp = 0.0
        self._begin = Begin("fixed", COSTS)
        self._seats: dict[str, Seat] = {}
        self._own: dict[str, int] = {}
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._server.bind(os.environ[SOCKET])
        except OSError as error:
            raise StackError(f"lock-step: cannot listen at {os.environ[SOCKET]}: {error.strerror}") from None
        self._server.listen(32)
        clock.use(self)

    def charges(self, compute: str, costs: dict[str, float]) -> None:
        """What work costs: as "measured", or "fixed": the contract's, with these [s] in their place."""
        self._begin = Begin(compute, {**COSTS, **costs})

    def mono(self) -> float:
        return self.stamp

    def charge(self, work: str, seconds: float, most: float = math.inf) -> float:
        """The engine's own work is the simulation, which costs nothing."""
        return 0.0

    def spend(self, seconds: float) -> None:
        """The engine waits for nobody."""

    def meet(self, listeners: Callable[[], dict[str, int]], alive: Callable[[], bool]) -> None:
        """Wait until all nodes are here and everybody who should hear another does. Raises `StackError`."""
        self.mail.alive = alive
        names = set(os.environ[NODES].split())
        self._server.settimeout(0.5)
        deadline = time.monotonic() + MEETING
        while names - set(self._seats):
            if not alive():
                return
            if time.monotonic() > deadline:
                missing = ", ".join(sorted(names - set(self._seats)))
                raise StackError(f"lock-step: {missing} did not come within {MEETING:.0f} s")
            try:
                line, _ = self._server.accept()
            except TimeoutError:
                continue
            line.settimeout(PATIENCE)
            hello = _from_node(line.recv(LARGEST))
            if isinstance(hello, Hello):
                self._seats[hello.name] = Seat(hello.name, line, hello.listens)
        listening: dict[str, int] = {}
        for seat in self._seats.values():
            for topic in seat.expect:
                listening[topic] = listening.get(topic, 0) + 1
        for topic in self.mail.boxes:
            listening[topic] = listening.get(topic, 0) + 1
        while alive():
            counts = [listeners(), *(self._ask(seat) for seat in self._seats.values())]
            if all(n >= listening.get(topic, 0) for one in counts for topic, n in one.items()):
                break
            if time.monotonic() > deadline:
                raise StackError(f"lock-step: the nodes did not find each other within {MEETING:.0f} s")
            time.sleep(0.02)
        for seat in self._seats.values():
            seat.line.send(_encode(self._begin))

    def _ask(self, seat: Seat) -> dict[str, int]:
        seat.line.send(_encode(Meet()))
        met = _from_node(seat.line.recv(LARGEST))
        return met.listeners if isinstance(met, Met) else {}

    def hold(self, name: str, until: float) -> None:
        """A node takes no turn before then: it is frozen."""
        if name in self._seats:
            self._seats[name].busy = max(self._seats[name].busy, until)

    def advance(self, begin: float, end: float) -> None:
        """All turns from `begin` to before `end` [s]; then the engine's mail is complete. Raises
        `StackError` if a node does not take its turn."""
        self._sent(self.mail.published(), begin)
        self.stamp = begin
        while True:
            stamp = max(begin, min((seat.due() for seat in self._seats.values()), default=end))
            if stamp >= end - SOON:
                break
            self.stamp = stamp
            turn = [s for s in self._seats.values() if s.due() <= stamp + SOON]
            for seat in turn:
                seat.waiting_since = None
                self._send(seat, Go(stamp, seat.expect))
            published: list[dict[str, int]] = []
            for seat in turn:
                done = self._answer(seat)
                if done is not None:
                    held = seat.busy if seat.busy > stamp + SOON else 0.0
                    seat.busy, seat.wake = max(done.busy, held), done.wake
                    published.append(done.published)
            for one in published:
                self._sent(one, stamp)
        self.stamp = end
        self.mail.fetch(self._own)

    def _send(self, seat: Seat, word: Go) -> None:
        try:
            seat.line.send(_encode(word))
        except OSError:
            self._seats.pop(seat.name, None)  # it has died; whoever started it knows

    def _answer(self, seat: Seat) -> Done | None:
        try:
            data = seat.line.recv(LARGEST)
        except TimeoutError:
            raise StackError(f"lock-step: {seat.name} did not take its turn for {PATIENCE:.0f} s") from None
        except OSError:
            data = b""
        if not data:
            self._seats.pop(seat.name, None)
            return None
        done = _from_node(data)
        assert isinstance(done, Done)
        return done

    def _sent(self, counts: dict[str, int], stamp: float) -> None:
        for topic, count in counts.items():
            for seat in self._seats.values():
                if topic in seat.expect:
                    seat.expect[topic] += count
                    if seat.waiting_since is None:
                        seat.waiting_since = stamp
            if topic in self.mail.boxes:
                self._own[topic] = self._own.get(topic, 0) + count

    def close(self) -> None:
        for seat in self._seats.values():
            seat.line.close()
        self._server.close()
