"""Numbers and quantities as they are spoken, and the way from digits to words."""

import re

from vla_sim.contract.vocabulary import NUMBERS, TENS

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
