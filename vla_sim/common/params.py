"""Parameters of a node: one frozen dataclass each, with defaults, units and ranges in it."""

from collections.abc import Iterable
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any, TypeVar

from vla_sim.common.errors import InputError

P = TypeVar("P")

KINDS = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}


def param(
    default: Any, doc: str, *, low: float | None = None, high: float | None = None,
    choices: tuple[str, ...] = (), live: bool = False, metavar: str = "",
) -> Any:  # fmt: skip
    """A dataclass field with a description.

    low, high: the allowed range of a number, inclusive. choices: the allowed texts. live: it may be set
    while the node runs. metavar: what stands for its value in a command's help.
    """
    about = {"doc": doc, "low": low, "high": high, "choices": choices, "live": live, "metavar": metavar}
    return field(default=default, metadata=about)


def same(kind: type, name: str, **changes: Any) -> Any:
    """A field like that of another dataclass. changes: of what `param` says of it."""
    one = named(kind)[name]
    return field(default=changes.pop("default", one.default), metadata={**one.metadata, **changes})


def named(kind: type) -> dict[str, Field[Any]]:
    """The parameters of a dataclass by name."""
    return {one.name: one for one in fields(kind) if one.metadata}


def read_text(one: Field[Any], text: str) -> Any:
    """The value of a parameter from a word of a command line: a text is taken as it stands.

    Raises `InputError`.
    """
    kind: Any = type(one.default)
    try:
        return bool(("false", "true").index(text.lower())) if kind is bool else kind(text)
    except ValueError:
        raise InputError(f"parameter {one.name} is {text!r}; it must be {allowed(one)}") from None


def allowed(one: Field[Any]) -> str:
    """In words: "a number from 0.5 to 60"."""
    about, kind = one.metadata, KINDS[type(one.default)]
    if about["choices"]:
        return f"one of {', '.join(about['choices'])}"
    low, high = about["low"], about["high"]
    if high is not None:
        return f"{kind} from {low:g} to {high:g}"
    return kind if low is None else f"{kind} of {low:g} or more"


def named_numbers(text: str, known: Iterable[str], what: str) -> dict[str, float]:
    """Numbers by name, of "voice=80 planning=1200". Raises `InputError`, which says what they are, for a
    name that is not known and a number that is not finite or below zero."""
    known, out = tuple(known), {}
    for word in text.split():
        name, _, number = word.partition("=")
        try:
            value = float(number)
        except ValueError:
            value = -1.0
        if name not in known or not 0.0 <= value < float("inf"):
            raise InputError(
                f"{what} {word!r}: NAME=NUMBER of 0 or more is allowed, with a name of {', '.join(known)}"
            )
        out[name] = value
    return out


@dataclass(frozen=True)
class StageParams:
    """What every node has."""

    world: str = param("apartment", "name of a shipped world, or path of an SDF file")
    memory_limit: float = param(
        0.0, "of this process, caches go at 80 % of it [MB]; 0: none", low=0.0, live=True
    )
    faults: bool = param(
        False, "whether it takes part in faults (`vla-sim fault`); in simulation all nodes do"
    )


def check(params: P) -> P:
    """`params` with whole numbers as floats where a float belongs, or `InputError` naming the first field
    whose type or range is wrong."""
    floats = {}
    for one in named(type(params)).values():
        value = getattr(params, one.name)
        expected, about = type(one.default), one.metadata
        if expected is float and isinstance(value, int) and not isinstance(value, bool):
            value = floats[one.name] = float(value)
        good = isinstance(value, expected) and (expected is bool or not isinstance(value, bool))
        if good and isinstance(value, int | float):
            low, high = about["low"], about["high"]
            # Not a number is in no range.
            good = (low is None or value >= low) and (high is None or value <= high) and value == value
        if not good or (about["choices"] and value not in about["choices"]):
            quote = " (in quotes)" if expected is str and not isinstance(value, str) else ""
            raise InputError(f"parameter {one.name} is {value!r}; it must be {allowed(one)}{quote}")
    return replace(params, **floats) if floats else params  # type: ignore[type-var]
