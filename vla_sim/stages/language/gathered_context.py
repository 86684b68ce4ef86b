"""What a plan depends on beside the words: perception's and safety's context, gathered while they are read.

Both arrive by themselves, ten times a second, and are kept undecoded until a command wants them, so that a
command seldom waits. When perception has fallen silent, it is waited for while the intent is read, and after
`TIMEOUT` its last answer has to do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from vla_sim.contract import topics
from vla_sim.contract.codec import PayloadError, R, decode
from vla_sim.contract.records import DetectedObject, ObjectList, SafetyState
from vla_sim.contract.topics import Topic

FRESH = 0.5
"""[s] for which an answer of perception counts as its present one: under load it gives five a second."""
TIMEOUT = 1.0
"""[s] after which a command is planned with perception's last answer: the book's."""


class Surroundings:
    """now: seconds of the ROS clock. reject: told of a payload that cannot be read."""

    def __init__(
        self, now: Callable[[], float], reject: Callable[[Topic, PayloadError], None] = lambda *_: None
    ) -> None:
        self.now = now
        self._reject = reject
        self._objects: Any = None
        self._came = -math.inf
        self._safety: Any = None

    def on_objects(self, message: Any) -> None:
        """Perception's answer, an undecoded std_msgs/String."""
        self._objects, self._came = message, self.now()

    def on_safety(self, message: Any) -> None:
        """Safety's state, an undecoded std_msgs/String."""
        self._safety = message

    @property
    def fresh(self) -> bool:
        """Whether perception's last answer is a present one."""
        return self.age <= FRESH

    @property
    def age(self) -> float:
        """Of perception's last answer [s]; inf if there never was one."""
        return self.now() - self._came

    @property
    def objects(self) -> tuple[DetectedObject, ...]:
        """What perception has seen, by its last answer."""
        seen = self._decoded(topics.OBJECTS, ObjectList, self._objects)
        return tuple(seen.objects) if seen is not None else ()

    @property
    def stopped(self) -> bool:
        """Whether the emergency stop is latched: then no plan will be allowed."""
        state = self._decoded(topics.SAFETY_STATE, SafetyState, self._safety)
        return state is not None and state.level == "estop"

    def _decoded(self, topic: Topic, kind: type[R], message: Any) -> R | None:
        if message is None:
            return None
        try:
            return decode(kind, message.data)
        except PayloadError as error:
            self._reject(topic, error)
            return None
