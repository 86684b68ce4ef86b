"""What the page may ask for, besides a stop."""

from typing import Annotated

import msgspec

from vla_sim.common.errors import InputError
from vla_sim.contract.records import Fault, Id, NotNegative, Priority

Words = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class Asked(msgspec.Struct, frozen=True, tag_field="do", forbid_unknown_fields=True):
    """Base of all."""


class Say(Asked, frozen=True, tag="command"):
    """A typed command."""

    text: Words
    priority: Priority = "normal"


class EmergencyStop(Asked, frozen=True, tag="estop"):
    """Latch it, or release it."""

    on: bool


class Reset(Asked, frozen=True, tag="reset"):
    """The simulated world as at the beginning."""


class Break(Asked, frozen=True, tag="fault"):
    """A fault to begin."""

    fault: Fault


class Mend(Asked, frozen=True, tag="mend"):
    """A fault of this id to end; "all": all of them."""

    fault_id: Id


class Pace(Asked, frozen=True, tag="speed"):
    """Simulated seconds a second; of a recorded run, recorded ones."""

    factor: Annotated[float, msgspec.Meta(gt=0.0, le=100.0)]


class Play(Asked, frozen=True, tag="play"):
    """Let a recorded run go on, or hold it."""

    on: bool


class Seek(Asked, frozen=True, tag="seek"):
    """Go to a moment of a recorded run [s]."""

    to: NotNegative


Action = Say | EmergencyStop | Reset | Break | Mend | Pace | Play | Seek
_decoder = msgspec.json.Decoder(Action)


def decode_action(data: bytes) -> Action:
    """Raises `InputError`."""
    try:
        action: Action = _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"this cannot be done: {error}") from None
    return action
