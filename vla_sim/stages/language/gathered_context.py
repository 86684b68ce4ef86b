"""The perception and safety context of a plan, gathered while the words are read.

Both arrive by themselves, ten times a second, and are kept undecoded until a command needs them, so that a
command rarely waits. When perception has fallen silent, it is waited for while the intent is read; after
`PERCEPTION_TIMEOUT` its last answer is used.
"""

import math
from collections.abc import Callable
from typing import Any

from vla_sim.contract import topics
from vla_sim.contract.codec import PayloadError, R, decode
from vla_sim.contract.records import DetectedObject, ObjectList, Point, SafetyState
from vla_sim.contract.topics import Topic

MAX_AGE = 0.5
"""[s] up to which an answer of perception counts as current: under load it gives five a second."""
PERCEPTION_TIMEOUT = 1.0
"""[s] after which a command is planned with perception's last answer: the performance chapter's."""


class GatheredContext:
    """now: seconds of the ROS clock. reject: called with a payload that cannot be read. pose: x, y [m] and
    yaw [rad] of the robot in map, None if unknown."""

    def __init__(
        self, now: Callable[[], float], reject: Callable[[Topic, PayloadError], None] = lambda *_: None,
        pose: Callable[[], Point | None] = lambda: None,
    ) -> None:  # fmt: skip
        self.now, self.pose = now, pose
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
        """Whether perception's last answer is current."""
        return self.age <= MAX_AGE

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
    def safety(self) -> SafetyState | None:
        """What safety last said."""
        return self._decoded(topics.SAFETY_STATE, SafetyState, self._safety)

    @property
    def stopped(self) -> bool:
        """Whether the emergency stop is latched: then no plan will be allowed."""
        state = self.safety
        return state is not None and state.level == "estop"

    def _decoded(self, topic: Topic, kind: type[R], message: Any) -> R | None:
        if message is None:
            return None
        try:
            return decode(kind, message.data)
        except PayloadError as error:
            self._reject(topic, error)
            return None
