"""Faults of topics: what is done to messages between a subscription and its callback.

A door without a fault passes a message on and looks at nothing, so that faults cost nothing where there are
none. At the receiver, since there one of several nodes can be disturbed, in real time and in lock-step alike.
"""

import heapq
import itertools
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
from rclpy.node import NodeNameNonExistentError

from vla_sim.common import clock
from vla_sim.contract.faults import KINDS
from vla_sim.contract.records import Fault

Deliver = Callable[[Any], None]
PERIOD = 0.01
"""[s] between looks for delayed messages that are due."""
ODD_NUMBERS = (float("nan"), float("inf"), float("-inf"), 0.0, 1e30, -1e30)
ODD_TEXT = ("", "\x00", "NaN", "-1e999", "\x1b[2J", "[/]", "\ud7ff", "}", '"', "9" * 400)


class Door:
    """What a subscription calls back."""

    def __init__(self, callback: Deliver) -> None:
        self.callback = self.through = callback

    def __call__(self, message: Any) -> None:
        self.through(message)


class TopicFault:
    """One fault at one door. later: calls back after so many seconds."""

    def __init__(
        self, fault: Fault, topic: str, node: str, later: Callable[[float, Callable[[], None]], None]
    ) -> None:
        self._kind, self._share, self._amount = fault.kind, fault.share, fault.amount or 0.0
        self._rng = np.random.default_rng([fault.seed, zlib.crc32(f"{topic} {node}".encode())])
        self._later = later
        self._held: list[Any] = []

    def take(self, deliver: Deliver, message: Any) -> None:
        """A message has come; deliver: where to pass it on."""
        held, self._held = self._held, []
        met = self._rng.random() < self._share
        if not met:
            deliver(message)
        elif self._kind == "delay":
            self._later(self._amount, partial(deliver, message))
        elif self._kind == "duplicate":
            deliver(message)
            deliver(message)
        elif self._kind == "reorder" and not held:
            self._held = [message]
        elif self._kind == "corrupt":
            deliver(corrupted(message, self._rng))
        elif self._kind == "reorder":
            deliver(message)
        for one in held:
            deliver(one)


class Doors:
    """Those of one node. later: calls back every `PERIOD` from its first use on."""

    def __init__(self, node: Any) -> None:
        self._node = node
        self._doors: dict[str, Door] = {}
        self._faults: dict[tuple[Fault, str], TopicFault] = {}
        self._late: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._ticking = False

    def open(self, topic: str, callback: Deliver) -> Door:
        """The door of a subscription."""
        door = self._doors[topic] = Door(callback)
        return door

    def follow(self, faults: Iterable[Fault]) -> None:
        """These are in force now, and no others."""
        name = self._node.get_name()
        self._faults = {
            (one, topic): self._faults.get((one, topic)) or TopicFault(one, topic, name, self._after)
            for one in faults for topic in self._meets(one)
        }  # fmt: skip
        for topic, door in self._doors.items():
            door.through = door.callback
            for (_, where), fault in self._faults.items():
                if where == topic:
                    door.through = partial(fault.take, door.through)

    def _meets(self, fault: Fault) -> Iterator[str]:
        """The topics of this node that it disturbs."""
        me = self._node.get_name()
        group = KINDS[fault.kind].group if fault.kind in KINDS else ""
        if group == "topic" and fault.at in ("", me) and fault.target in self._doors:
            yield fault.target
        elif group == "link" and me in (fault.target, fault.at):
            other = fault.at if me == fault.target else fault.target
            try:
                sent = self._node.get_publisher_names_and_types_by_node(other, self._node.get_namespace())
            except NodeNameNonExistentError:
                return
            yield from (topic for topic, _ in sent if topic in self._doors)

    def _after(self, seconds: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._late, (clock.mono() + seconds, next(self._numbers), call))
        if not self._ticking:
            self._ticking = True
            self._node.repeat(PERIOD, self._deliver, steady=True)

    def _deliver(self) -> None:
        while self._late and self._late[0][0] <= clock.mono():
            heapq.heappop(self._late)[2]()


def corrupted(message: Any, rng: np.random.Generator) -> Any:
    """The message with one of its values, some elements of one of its arrays or a piece of its text changed
    at random; of one that is still bytes, some of these."""
    if isinstance(message, bytes):
        return _odd(np.frombuffer(message, np.uint8), rng).tobytes()
    places = list(_values(message))
    if places:
        owner, name = places[rng.integers(len(places))]
        setattr(owner, name, _odd(getattr(owner, name), rng))
    return message


def _values(message: Any) -> Iterator[tuple[Any, str]]:
    """Every message in a message, and a field of it that can be changed."""
    for name in message.get_fields_and_field_types():
        value = getattr(message, name)
        if hasattr(value, "get_fields_and_field_types"):
            yield from _values(value)
        elif isinstance(value, list) and value and hasattr(value[0], "get_fields_and_field_types"):
            for one in value:
                yield from _values(one)
        elif isinstance(value, str | int | float) or (isinstance(value, array | np.ndarray) and len(value)):
            yield message, name


def _odd(value: Any, rng: np.random.Generator) -> Any:
    """Something else of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return int(rng.integers(128))
    if isinstance(value, float):
        return float(rng.choice([*ODD_NUMBERS, -value]))
    if isinstance(value, str):
        begin, end = sorted(int(k) for k in rng.integers(0, len(value) + 1, 2))
        return value[:begin] + str(rng.choice(ODD_TEXT)) + value[min(end, begin + 20) :]
    changed = np.array(value)
    where = rng.random(len(changed)) < 0.3
    where[rng.integers(len(changed))] = True
    if changed.dtype.kind == "f":
        changed[where] = rng.choice(ODD_NUMBERS, int(where.sum()))
    else:
        changed[where] = rng.integers(0, 128, int(where.sum()))
    return array(value.typecode, changed.tobytes()) if isinstance(value, array) else changed
