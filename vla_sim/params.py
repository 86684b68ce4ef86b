"""Parameters of a node: one frozen dataclass each, with defaults, units and ranges in it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

from vla_sim.errors import InputError

P = TypeVar("P")

KINDS = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}


def param(default: Any, doc: str, *, low: float | None = None, high: float | None = None) -> Any:
    """A dataclass field with a description and, for numbers, an allowed range (inclusive)."""
    return field(default=default, metadata={"doc": doc, "low": low, "high": high})


@dataclass(frozen=True)
class StageParams:
    """What every node has."""

    world: str = param("apartment", "name of a shipped world, or path of an SDF file")


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
