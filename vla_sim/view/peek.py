"""The newest message of topics that come often, taken when it is wanted, and only while somebody looks.

A subscription that is in no executor wakes nobody: the middleware keeps the newest message in its own
threads, and the others cost no Python at all. Ten looks a second at topics of 50 Hz cost ten messages.
"""

import os
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

from vla_sim.contract.codec import PayloadError, decode
from vla_sim.contract.topics import Topic
from vla_sim.ros.execution import NO_SUBSCRIPTION_EVENTS
from vla_sim.ros.messages import message_class

NEWEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


class Peek:
    """topics: by the name under which their messages are given on, where that is another."""

    def __init__(self) -> None:
        self._node = Node(f"view_peek_{os.getpid()}", enable_rosout=False, start_parameter_services=False)
        self._open: dict[str, tuple[Topic, Any]] = {}

    def listen(self, *topics: Topic) -> None:
        """To these from now on, and to no others."""
        for name in self._open.keys() - {topic.name for topic in topics}:
            self._node.destroy_subscription(self._open.pop(name)[1])
        for topic in topics:
            if topic.name not in self._open:
                made = self._node.create_subscription(
                    message_class(topic.ros_type), topic.name, _ignore, NEWEST,
                    event_callbacks=NO_SUBSCRIPTION_EVENTS,
                )  # fmt: skip
                self._open[topic.name] = (topic, made)

    @property
    def open(self) -> tuple[str, ...]:
        """Names of the topics that are listened to."""
        return tuple(self._open)

    def take(self, give: Callable[[str, Any], None]) -> None:
        """Give on what is new: the topic's name, and the message or record. Records that are none are left
        out."""
        for name, (topic, one) in self._open.items():
            with one.handle:
                taken = one.handle.take_message(one.msg_type, False)
            if taken is None:
                continue
            message = taken[0]
            if not isinstance(topic.type, str):
                try:
                    message = decode(topic.type, message.data)
                except PayloadError:
                    continue
            give(name, message)

    def close(self) -> None:
        self._node.destroy_node()


def _ignore(_: Any) -> None:
    """Nobody calls back."""
