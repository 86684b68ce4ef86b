"""How a word that the recogniser's dictionary lacks is pronounced, in the CMU set of phones.

The synthesiser's letter-to-sound model says it in misaki's alphabet
(https://github.com/hexgrad/misaki, EN_PHONES.md); each of its symbols is one or two CMU phones.
"""

import re
from collections.abc import Callable

_PHONES = {
    "A": "EY", "I": "AY", "O": "OW", "Q": "OW", "W": "AW", "Y": "OY", "æ": "AE", "a": "AE", "ɑ": "AA",
    "ɒ": "AA", "ɛ": "EH", "ɪ": "IH", "i": "IY", "u": "UW", "ʊ": "UH", "ʌ": "AH", "ə": "AH", "ᵊ": "AH",
    "ᵻ": "IH", "ɜ": "ER", "ɔ": "AO", "b": "B", "d": "D", "f": "F", "h": "HH", "j": "Y", "k": "K",
    "l": "L", "m": "M", "n": "N", "p": "P", "s": "S", "t": "T", "v": "V", "w": "W", "z": "Z", "ɡ": "G",
    "g": "G", "ŋ": "NG", "ɹ": "R", "r": "R", "ʃ": "SH", "ʒ": "ZH", "ð": "DH", "θ": "TH", "ʤ": "JH",
    "ʧ": "CH", "ɾ": "T", "T": "T",
}  # fmt: skip


def cmu_phones(misaki: str) -> str:
    """CMU phones, separated by spaces, of a word in misaki's alphabet; marks it does not know (stress,
    length, punctuation) are left out. "fɹˈɪʤ" -> "F R IH JH"."""
    phones = " ".join(_PHONES[symbol] for symbol in misaki if symbol in _PHONES)
    return re.sub(r"\bER( R)+\b", "ER", phones)  # "ɜɹ" is one phone, ER


def spell_with(phonemes: Callable[[str], str]) -> Callable[[str], str]:
    """A letter-to-sound function (word -> CMU phones) from a synthesiser's `phonemes`."""
    return lambda word: cmu_phones(phonemes(word))
