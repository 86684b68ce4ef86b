"""Numbers and quantities as they are spoken, and the way from digits to words."""

import re

from vla_sim.contract.vocabulary import NUMBERS, TENS
from vla_sim.stages.voice.regular_grammar import Rule, maybe, one_of, phrase

_digit = Rule("digit", phrase("|".join(NUMBERS[1:10])))
_several = Rule("several", phrase("|".join(NUMBERS[2:10])))  # "one seconds" is no phrase
_tens = Rule("tens", phrase("|".join(TENS)))
_teens_and_tens = one_of(phrase("|".join(NUMBERS[10:])), _tens + maybe(_digit, 0.3))
_below_hundred = Rule("below_hundred", one_of(_digit, _teens_and_tens))
_few = Rule("few", one_of(_several, _teens_and_tens))
_metres = one_of(
    _several + maybe("and a half", 0.1) + phrase("meters"),
    "one and a half meters",
    "ten meters", "one meter", "a meter", "half a meter",
    maybe(phrase("zero|one|two|three|four")) + "point" + _digit + phrase("meters"),
    _tens + maybe("five") + phrase("centimeters"),
    "ten centimeters",
)  # fmt: skip
DISTANCE = Rule("distance", _metres)
_hundreds = phrase("one|two|three") + "hundred" + maybe("and", 0.2) + maybe(_below_hundred, 0.8)
ANGLE = Rule("angle", one_of(_below_hundred, _hundreds) + phrase("degrees"))
DURATION = Rule("duration", one_of(_few + phrase("seconds"), "one second"))

_SAME = {
    "forwards": "forward", "backwards": "backward",
    "m": "meters", "metre": "meter", "metres": "meters", "cm": "centimeters", "centimetre": "centimeters",
    "centimetres": "centimeters", "centimeter": "centimeters", "deg": "degrees", "degree": "degrees",
    "s": "seconds", "sec": "seconds", "secs": "seconds", "°": "degrees",
}  # fmt: skip
_TOKEN = re.compile(r"\d+(?:[.,]\d+)?|[a-z']+|°")


def spell(number: str) -> str:
    """Digits as words: "135" -> "one hundred thirty five", "1.5" -> "one point five"."""
    whole, _, fraction = number.replace(",", ".").partition(".")
    words = _spell_whole(int(whole))
    if fraction.strip("0"):
        words += ["point", *(NUMBERS[int(digit)] for digit in fraction.rstrip("0"))]
    return " ".join(words)


def _spell_whole(value: int) -> list[str]:
    if value >= 1000:
        return [NUMBERS[int(digit)] for digit in str(value)]
    hundreds, value = divmod(value, 100)
    words = [NUMBERS[hundreds], "hundred"] if hundreds else []
    if value >= 20:
        words.append(TENS[value // 10 - 2])
        value %= 10
    return [*words, NUMBERS[value]] if value or not words else words


def normalise(text: str) -> str:
    """Lower case, digits and unit signs as words, no punctuation: "Turn left 90°!" -> "turn left
    ninety degrees"."""
    words = []
    for token in _TOKEN.findall(text.lower().replace("_", " ").replace("’", "'")):
        if token[0].isdigit():
            words += spell(token).split()
        else:
            words.append(_SAME.get(token, token))
    for i in range(len(words) - 1):
        if words[i + 1] == "meters" and words[i] == "one" and (i == 0 or words[i - 1] != "point"):
            words[i + 1] = "meter"
    return " ".join(words)
