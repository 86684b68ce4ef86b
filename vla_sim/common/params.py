"""Parameters of a node: one frozen dataclass each, with defaults, units and ranges in it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

from vla_sim.common.errors import InputError

P = TypeVar("P")

KINDS = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}


def param(default: Any, doc: str, *, low: float | None = None, high: float | None = None) -> Any:
    """A dataclass field with a description and, for numbers, an allowed range (inclusive)."""
    return field(default=default, metadata={"doc": doc, "low": low, "high": high})


def named_numbers(text: str, known: Iterable[str], what: str, *, positive: bool = False) -> dict[str, float]:
    """Numbers by name, of "voice=80 planning=1200". Raises `InputError`, which says what they are, for a
    name that is not known and a number that is not finite, below zero or, where `positive`, zero."""
    known, out = tuple(known), {}
    for word in text.split():
        name, _, number = word.partition("=")
        try:
            value = float(number)
        except ValueError:
            value = -1.0
        if name not in known or not 0.0 <= value < float("inf") or (positive and value == 0.0):
            least = "above 0" if positive else "of 0 or more"
            raise InputError(
                f"{what} {word!r}: NAME=NUMBER {least} is allowed, with a name of {', '.join(known)}"
            )
        out[name] = value
    return out


@dataclass(frozen=True)
class StageParams:
    """What every node has."""

    world: str = param("apartment", "name of a shipped world, or path of an SDF file")
    memory_limit: float = param(0.0, "of this process, caches go at 80 % of it [MB]; 0: none", low=0.0)


def check(params: P) -> P:
    """`params` with whole numbers as floats where a float belongs, or `InputError` naming the first field
    whose type or range is wrong."""
    floats = {}
    for one in fields(params):  # type: ignore[arg-type]
        value = getattr(params, one.name)
        expected = type(one.default)
        if expected is float and isinstance(value, int) and not isinstance(value, bool):
            value = floats[one.name] = float(value)
        if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
            raise InputError(
                f"parameter {one.name} is {value!r}; it must be {KINDS.get(expected, expected.__name__)}"
            )
        low, high = one.metadata.get("low"), one.metadata.get("high")
        if (low is not None and value < low) or (high is not None and value > high):
            raise InputError(f"parameter {one.name} is {value}; it must be from {low} to {high}")
    return replace(params, **floats) if floats else params  # type: ignore[type-var]
