"""Words that several stages must understand alike: colours, kinds of objects, words that stop, numbers, and
what "a step", "a bit", "slowly" are."""

import math

COLOURS = (
    "red", "orange", "yellow", "green", "blue", "purple", "pink", "white", "grey", "black", "brown",
)  # fmt: skip
"""Every colour that an object can have. The order is that of perception's pixel labels."""
COLOUR_SYNONYMS = {"gray": "grey"}
"""Other spelling -> colour, in names of models as in commands."""
COMMON_COLOURS = ("red", "green", "blue", "yellow", "white", "black")
"""What the speech grammar has in every world beside the world's own colours: each further word costs
recognition accuracy."""

KINDS = ("cup", "ball", "box", "bottle")
"""Understood in every world, so that "I do not know a green bottle" can be answered."""
THING = "thing"
"""The kind of what nothing more is known of."""
TRAITS = ("tall", "flat", "long", "small", "large")
"""What can be said of a thing by its size alone."""
SIDES = ("left", "right")
"""What tells one of several from the others, as the robot sees them."""
TRAIT_WORDS = {one: one for one in (*TRAITS, *SIDES)} | {"high": "tall", "big": "large", "little": "small"}
"""Word -> the trait or side it means."""
KIND_SYNONYMS = {
    "mug": "cup", "glass": "cup", "beaker": "cup", "cube": "box", "block": "box", "package": "box",
    "carton": "box", "sphere": "ball", "flask": "bottle",
}  # fmt: skip

STOP_WORDS = frozenset({"stop", "halt", "freeze", "abort", "cancel"})
"""Each means stop at the beginning of a command, whatever follows it."""
STOP_FILLERS = frozenset({
    "please", "robot", "hey", "now", "no", "ok", "okay", "emergency", "just", "you", "immediately", "oh",
    "god",
})  # fmt: skip
"""What may stand before a word that means stop."""

NUMBERS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
"""0 to 19, by value."""
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
"""20 to 90."""

TALK = ("little", "normal", "much")
"""How much the robot says. little: questions, answers, what failed; normal: what it has done too, and "One
moment."; much: what it is about to do as well."""
STEP_LENGTH = 0.3
"""[m] that "a step" stands for: about twice what the walking policy takes at its usual pace."""
A_BIT = 0.3
"""[m] that "a bit" stands for."""
A_BIT_TURNED = math.radians(30.0)
"""[rad] that "a bit" stands for where it is turned."""
PACES = {"slowly": 0.25, "quickly": 0.7}
"""[m/s] at most while walking; else it is `NavigationRequest.max_speed`, and never more than `MAX_SPEED`."""


def plural(kind: str) -> str:
    """ "cup" -> "cups", "box" -> "boxes"."""
    return kind + ("es" if kind.endswith(("x", "s", "ch", "sh")) else "s")


def traits_of(size: tuple[float, float, float]) -> tuple[str, ...]:
    """The traits of a thing by its extents x, y and z (its height) [m]."""
    short, wide, high = min(size[:2]), max(size[:2]), size[2]
    has = (
        high > 1.5 * wide, high < 0.5 * short, wide > 2.0 * short and wide > 1.5 * high,
        max(size) < 0.09, max(size) > 0.20,
    )  # fmt: skip
    return tuple(name for name, true in zip(TRAITS, has, strict=True) if true)


def colour_named(word: str) -> str:
    """The colour that a word means ("gray" -> "grey"); any other word as it is."""
    return COLOUR_SYNONYMS.get(word, word)
