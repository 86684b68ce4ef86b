"""Numbers and quantities in words and digits: "two and a half meters", "90 degrees", "a quarter turn"."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vla_sim.contract import vocabulary

Dimension = Literal["length", "angle", "time"]

SMALL = {word: float(i) for i, word in enumerate(vocabulary.NUMBERS)}
TENS = {word: 10.0 * i for i, word in enumerate(vocabulary.TENS, start=2)} | {"fourty": 40.0}

_UNITS: tuple[tuple[Dimension, float, str], ...] = (
    ("length", 1.0, "m meter meters metre metres"),
    ("length", 0.01, "cm centimeter centimeters centimetre centimetres"),
    ("length", 0.001, "mm millimeter millimeters millimetre millimetres"),
    ("length", 1000.0, "km kilometer kilometers kilometre kilometres"),
    ("length", 0.3048, "ft foot feet"),
    ("length", 0.0254, "inch inches"),
    ("length", 0.9144, "yard yards"),
    ("length", vocabulary.STEP_LENGTH, "step steps pace paces"),
    ("angle", math.pi / 180.0, "degree degrees deg degs"),
    ("angle", 1.0, "radian radians rad rads"),
    ("angle", 2.0 * math.pi, "turn turns rotation rotations revolution revolutions circle circles"),
    ("time", 1.0, "s sec secs second seconds"),
    ("time", 60.0, "min mins minute minutes"),
    ("time", 3600.0, "hour hours"),
)
UNITS = {word: (dimension, size) for dimension, size, words in _UNITS for word in words.split()}
"""Unit word -> what it measures and its size in m, rad or s."""

WORDS = frozenset(SMALL) | frozenset(TENS) | frozenset(UNITS) | {
    "hundred", "thousand", "point", "half", "quarter", "quarters", "third", "thirds", "and", "a", "an", "pi",
    "minus", "couple", "of",
}  # fmt: skip
_PARTS = {"half": 2.0, "halves": 2.0, "quarter": 4.0, "quarters": 4.0, "third": 3.0, "thirds": 3.0}
LARGEST = 1e9
"""Whatever is said beyond it, or has so many digits that it is infinite, is this: more than any limit."""


@dataclass(frozen=True)
class Quantity:
    """`value` [m], [rad] or [s]; `end`: index after its last word."""

    value: float
    dimension: Dimension
    end: int


def number(text: Sequence[str], i: int) -> tuple[float, int] | None:
    """The number that begins at `text[i]` and the index after it.

    "2", "2.5", "1/2", "two hundred and ten", "two point five", "two and a half", "half a",
    "three quarters of a", "a couple of", "a". None if there is none.
    """
    whole = _fraction(text, i) or _whole(text, i)
    if whole is None:
        return None
    value, j = whole
    tail = _word(text, j) == "and" and _fraction(text, j + 1)
    if tail and tail[0] < 1.0 and value == math.floor(value):
        return value + tail[0], tail[1]
    if "/" in _word(text, j) and value == math.floor(value):  # "2 1/2"
        part = _digits(_word(text, j))
        if part is not None and part < 1.0:
            return value + part, j + 1
    return value, j


def quantity(text: Sequence[str], i: int) -> Quantity | None:
    """The number with its unit that begins at `text[i]`: "1 meter and 50 cm", "a meter and a half"."""
    first = _quantity(text, i)
    if first is None:
        return None
    dimension, size = UNITS[text[first.end - 1]]
    j = first.end
    if _word(text, j) == "and":
        j += 1
        half = _fraction(text, j)
        if half and half[0] < 1.0 and _word(text, half[1]) not in UNITS:
            return Quantity(first.value + half[0] * size, dimension, half[1])
    second = _quantity(text, j)
    if second is not None:
        other, smaller = UNITS[text[second.end - 1]]
        if other == dimension and smaller < size:
            return Quantity(first.value + second.value, dimension, second.end)
    return first


def _quantity(text: Sequence[str], i: int) -> Quantity | None:
    found = number(text, i)
    if found is None or _word(text, found[1]) not in UNITS:
        return None
    value, j = found
    dimension, size = UNITS[text[j]]
    return Quantity(value * size, dimension, j + 1)


def _word(text: Sequence[str], i: int) -> str:
    return text[i] if i < len(text) else ""


def _digits(word: str) -> float | None:
    if not word[-1:].isdigit():
        return None
    top, _, bottom = word.partition("/")
    divisor = float(bottom or 1.0)
    return min(float(top) / divisor, LARGEST) if divisor else None


def _fraction(text: Sequence[str], i: int) -> tuple[float, int] | None:
    """half, half a, a half, one half, a quarter, three quarters [of a]."""
    top, j = 1.0, i
    if _word(text, j) in ("a", "an"):
        j += 1
    elif _word(text, j) in SMALL and _word(text, j + 1) in _PARTS:
        top, j = SMALL[text[j]], j + 1
    part = _PARTS.get(_word(text, j))
    if part is None:
        return None
    j += 1
    j += _word(text, j) == "of"
    j += _word(text, j) in ("a", "an")
    return top / part, j


def _whole(text: Sequence[str], i: int) -> tuple[float, int] | None:
    word = _word(text, i)
    value = _digits(word)
    if value is not None:
        return value, i + 1
    if word == "pi":
        return math.pi, i + 1
    if word in ("a", "an"):
        if _word(text, i + 1) == "couple" and _word(text, i + 2) == "of":
            return 2.0, i + 3
        if _word(text, i + 1) in ("hundred", "thousand"):
            return _hundreds(text, i + 1, 1.0)
        return (1.0, i + 1) if _word(text, i + 1) in UNITS else None
    if word == "point":
        return _decimals(text, i + 1, 0.0)
    below = _below_hundred(text, i)
    if below is None:
        return None
    value, j = below
    if _word(text, j) in ("hundred", "thousand"):
        return _hundreds(text, j, value)
    if _word(text, j) == "point":
        return _decimals(text, j + 1, value) or below
    return value, j


def _below_hundred(text: Sequence[str], i: int) -> tuple[float, int] | None:
    word = _word(text, i)
    if word in TENS:
        digit = SMALL.get(_word(text, i + 1), 0.0)
        return (TENS[word] + digit, i + 2) if 0.0 < digit < 10.0 else (TENS[word], i + 1)
    return (SMALL[word], i + 1) if word in SMALL else None


def _hundreds(text: Sequence[str], i: int, count: float) -> tuple[float, int]:
    """`text[i]` is hundred or thousand; `count` of it, and what follows."""
    value, j = count * (100.0 if text[i] == "hundred" else 1000.0), i + 1
    k = j + 1 if _word(text, j) == "and" else j
    rest = _below_hundred(text, k)
    if rest is None and k > j and _word(text, k) in UNITS:
        j = k  # "three hundred and degrees"
    if rest is not None and text[i] == "thousand" and _word(text, rest[1]) == "hundred":
        rest = _hundreds(text, rest[1], rest[0])
    if rest is not None:
        value, j = value + rest[0], rest[1]
    if _word(text, j) == "point":
        return _decimals(text, j + 1, value) or (value, j)
    return value, j


def _decimals(text: Sequence[str], i: int, value: float) -> tuple[float, int] | None:
    scale, j = 0.1, i
    while SMALL.get(_word(text, j), 10.0) < 10.0:
        value, scale, j = value + scale * SMALL[text[j]], scale / 10.0, j + 1
    return (round(value, 9), j) if j > i else None
