"""What the conductor and the nodes say to each other, one datagram each."""

import msgspec

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
