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


def colour_named(word: str) -> str:
    """The colour that a word means ("gray" -> "grey"); any other word as it is."""
    return COLOUR_SYNONYMS.get(word, word)
