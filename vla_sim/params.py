"""Parameters of a node: one frozen dataclass each, with defaults, units and ranges in it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from vla_sim.errors import InputError

P = TypeVar("P")


def param(default: Any, doc: str, *, low: float | None = None, high: float | None = None) -> Any:
    """A dataclass field with a description and, for numbers, an allowed range (inclusive)."""
    return field(default=default, metadata={"doc": doc, "low": low, "high": high})


@dataclass(frozen=True)
class StageParams:
    """What every node has."""

    world: str = param("apartment", "name of a shipped world, or path of an SDF file")


def check(params: P) -> P:
    """`params`, or `InputError` naming the first field whose type or range is wrong."""
    for one in fields(params):  # type: ignore[arg-type]
        value = getattr(params, one.name)
        expected = type(one.default)
        if expected is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, expected):
            raise InputError(
                f"parameter {one.name} is {value!r}; it must be a {expected.__name__}"
            )
        low, high = one.metadata.get("low"), one.metadata.get("high")
        if (low is not None and value < low) or (high is not None and value > high):
            raise InputError(f"parameter {one.name} is {value}; it must be from {low} to {high}")
    return params
