"""Numbers and quantities as they are spoken, and the way from digits to words."""

import re
from unicodedata import category, normalize

from vla_sim.contract.vocabulary import NUMBERS, TENS

_SAME = {
    "forwards": "forward", "backwards": "backward",
    "m": "meters", "metre": "meter", "metres": "meters", "cm": "centimeters", "centimetre": "centimeters",
    "centimetres": "centimeters", "centimeter": "centimeters", "deg": "degrees", "degree": "degrees",
    "s": "seconds", "sec": "seconds", "secs": "seconds", "°": "degrees",
}  # fmt: skip
_TOKEN = re.compile(r"\d+(?:[.,]\d+)?|(?<!\w)\.\d+|[a-z']+|°")
_THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?!\d)")
_MINUS = re.compile(r"(?<![\w.])[-\u2212](?=\.?\d)")


def spell(number: str) -> str:
    """Digits as words: "135" -> "one hundred thirty five", "1.5" -> "one point five", ".5" -> "point
    five"."""
    whole, _, fraction = number.replace(",", ".").partition(".")
    words = _spell_whole(whole.lstrip("0") or "0") if whole else []
    if fraction.strip("0"):
        words += ["point", *(NUMBERS[int(digit)] for digit in fraction.rstrip("0"))]
    return " ".join(words)


def _spell_whole(digits: str) -> list[str]:
    if len(digits) > 3:
        return [NUMBERS[int(digit)] for digit in digits]
    hundreds, value = divmod(int(digits), 100)
    words = [NUMBERS[hundreds], "hundred"] if hundreds else []
    if value >= 20:
        words.append(TENS[value // 10 - 2])
        value %= 10
    return [*words, NUMBERS[value]] if value or not words else words


def normalise(text: str) -> str:
    """Lower case, digits and unit signs as words, no punctuation: "Turn left 90°!" -> "turn left ninety
    degrees", "move -1,000 meters" -> "move minus one zero zero zero meters"."""
    # Fractions and superscripts: 2½ is "2 1/2".
    plain = "".join(f" {normalize('NFKC', c)} " if category(c) == "No" else c for c in text.lower())
    plain = plain.replace("_", " ").replace("’", "'")
    plain = _THOUSANDS.sub(lambda found: found[0].replace(",", ""), _MINUS.sub(" minus ", plain))
    words = []
    for token in _TOKEN.findall(plain):
        if token[-1].isdigit():
            words += spell(token).split()
        else:
            words.append(_SAME.get(token, token))
    for i in range(len(words) - 1):
        if words[i + 1] == "meters" and words[i] == "one" and (i == 0 or words[i - 1] != "point"):
            words[i + 1] = "meter"
    return " ".join(words)
