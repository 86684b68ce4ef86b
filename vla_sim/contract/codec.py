"""Records to JSON and back. `decode` validates on receipt and raises `PayloadError`; a node counts and logs
that, and goes on."""

import math
import re
from typing import Any, TypeVar

import msgspec

from vla_sim.contract import records
from vla_sim.contract.records import Record


class PayloadError(ValueError):
    """A payload that does not fit its record; the message names the record, field and value."""


R = TypeVar("R", bound=Record)
_encoder = msgspec.json.Encoder()
# msgspec 0.22 crashes the interpreter if two threads are the first to decode into one type.
_decoders: dict[type, msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(kind)
    for kind in vars(records).values()
    if isinstance(kind, type) and issubclass(kind, Record) and kind is not Record
}


def encode(record: Record) -> str:
    """JSON of a record. Raises `PayloadError` if a number is not finite (JSON has no such number)."""
    for name, value in _floats(record):
        if not math.isfinite(value):
            raise PayloadError(f"{type(record).__name__}.{name} is {value}; it must be finite")
    return _encoder.encode(record).decode()


def decode(kind: type[R], payload: str | bytes) -> R:
    """The record in `payload`, one of `vla_sim.contract.records`. Raises `PayloadError` with the reason and
    the payload's beginning."""
    try:
        record: R = _decoders[kind].decode(payload)
        return record
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        head = payload[:80]
        raise PayloadError(f"not a {kind.__name__}: {error}; got {head!r}") from None


def command_id_in(payload: str) -> str:
    """The command that a payload is of that fits no record, as far as that can be read; else ""."""
    found = re.search(r'"command_id":\s*"([^"\\]{1,64})"', payload)
    return found.group(1) if found else ""


def _floats(value: Any, name: str = "") -> list[tuple[str, float]]:
    if isinstance(value, float):
        return [(name, value)]
    if isinstance(value, msgspec.Struct):
        return [
            item
            for field in value.__struct_fields__
            for item in _floats(getattr(value, field), f"{name}.{field}" if name else field)
        ]
    if isinstance(value, dict):
        return [item for key, one in value.items() for item in _floats(one, f"{name}[{key!r}]")]
    if isinstance(value, (list, tuple)):
        return [item for i, one in enumerate(value) for item in _floats(one, f"{name}[{i}]")]
    return []
