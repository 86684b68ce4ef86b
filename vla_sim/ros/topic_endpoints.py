"""A node's publishers and subscriptions, made from the contract's topics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from std_msgs.msg import String

from vla_sim.contract.codec import PayloadError, decode, encode
from vla_sim.contract.records import Record
from vla_sim.contract.topics import Topic
from vla_sim.ros.execution import CountedPublisher, Execution
from vla_sim.ros.messages import message_class
from vla_sim.ros.qos import NO_PUBLISHER_EVENTS, NO_SUBSCRIPTION_EVENTS


class TopicEndpoints:
    """publishers: by topic. subscribed: topics in the order of subscription. rejected: payloads of a topic
    that could not be encoded or decoded."""

    def __init__(self, node: Node, execution: Execution) -> None:
        self._node, self._execution = node, execution
        self.publishers: dict[str, CountedPublisher] = {}
        self.subscribed: list[str] = []
        self.rejected: dict[str, int] = {}

    def publish(self, topic: Topic) -> CountedPublisher:
        """The publisher of a topic, made at the first call."""
        found = self.publishers.get(topic.name)
        if found is None:
            kind = message_class(topic.type) if isinstance(topic.type, str) else String
            made = self._node.create_publisher(
                kind, topic.name, self._execution.qos(topic), event_callbacks=NO_PUBLISHER_EVENTS
            )
            found = self.publishers[topic.name] = self._execution.publisher(made, topic.name)
        return found

    def send(self, topic: Topic, record: Record) -> None:
        """Publish a record; one that cannot be encoded is logged and dropped. Raises `RuntimeError` for a
        topic without a publisher."""
        publisher = self.publishers.get(topic.name)
        if publisher is None:
            raise RuntimeError(f"{self._node.get_name()} must publish({topic.name}) in its constructor")
        try:
            publisher.publish(String(data=encode(record)))
        except PayloadError as error:
            self.reject(topic, error)

    def listen(self, topic: Topic, callback: Callable[[Any], None], *, raw: bool = False) -> None:
        """Call back with each message, or with each valid record of a record topic; raw: with its undecoded
        message."""
        kind = topic.type
        if isinstance(kind, str):
            self._subscribe(message_class(kind), topic, callback)
            return
        if raw:
            self._subscribe(String, topic, callback)
            return

        def receive(message: String) -> None:
            try:
                record = decode(kind, message.data)
            except PayloadError as error:
                self.reject(topic, error)
                return
            callback(record)

        self._subscribe(String, topic, receive)

    def listeners(self) -> dict[str, int]:
        """How many subscriptions each published topic has now."""
        return {name: one.get_subscription_count() for name, one in self.publishers.items()}

    def reject(self, topic: Topic, error: PayloadError) -> None:
        """Count and log a payload that is dropped."""
        self.rejected[topic.name] = self.rejected.get(topic.name, 0) + 1
        self._node.get_logger().warning(f"{topic.name}: {error}", throttle_duration_sec=1.0)

    def _subscribe(self, kind: Any, topic: Topic, callback: Callable[[Any], None]) -> None:
        self.subscribed.append(topic.name)
        made = self._node.create_subscription(
            kind, topic.name, callback, self._execution.qos(topic), event_callbacks=NO_SUBSCRIPTION_EVENTS
        )
        self._execution.subscribed(made, topic.name, callback)
