"""Text into tokens: any case, any Unicode, any punctuation; and how far a word is from another."""

import re
import unicodedata
from collections.abc import Sequence

MAX_LENGTH = 400
"""Characters of a command that are read; a longer one is asked back."""

_TOKEN = re.compile(r"\d+/\d+|\d+(?:\.\d+)?|\.\d+|[,.;!?:]|[^\W\d_]+(?:'[^\W\d_]+)*|\d|\w")
PAUSES = frozenset(",.;!?:")


def tokenise(text: str) -> list[str]:
    """The tokens of a text, each in lower case: a word, a number ("2", "0.5", "1/2") or one punctuation mark.
    Letters keep no accents, digits become ASCII, other signs are dropped.

    "Turn left 90°, plz!" -> turn, left, 90, degrees, ",", plz, "!"
    """
    return _TOKEN.findall(_plain(text))


def _plain(text: str) -> str:
    out = []
    for char in text:
        if char == "°":
            out.append(" degrees ")
        elif unicodedata.category(char) == "No":  # fractions and superscripts: 2½ is "2 1/2"
            out.append(" " + unicodedata.normalize("NFKC", char) + " ")
        elif unicodedata.category(char) == "Nd":
            out.append(str(unicodedata.digit(char)))
        else:
            out.append(char)
    plain = unicodedata.normalize("NFKD", "".join(out).casefold())
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    plain = plain.replace("\u2044", "/").replace("’", "'").replace("‘", "'").replace("_", " ")
    plain = re.sub(r"(?<!\w)[-\u2212]\s*(?=\.?\d)", " minus ", plain)
    return re.sub(r"(?<=[^\W\d])[-\u2010\u2011](?=[^\W\d])", " ", plain)


def words(tokens: Sequence[str]) -> str:
    """The tokens as text again, punctuation at the ends left out."""
    out = ""
    for token in tokens:
        out += token if token in PAUSES or not out else f" {token}"
    return out.strip(" ,.;!?:")


def one_edit(a: str, b: str) -> bool:
    """Whether one inserted, dropped, replaced or swapped letter leads from `a` to `b`
    (optimal string alignment distance 1)."""
    if a == b or abs(len(a) - len(b)) > 1:
        return False
    i = 0
    while i < min(len(a), len(b)) and a[i] == b[i]:
        i += 1
    if len(a) == len(b):
        swapped = a[i : i + 2] == b[i : i + 2][::-1] and a[i + 2 :] == b[i + 2 :]
        return swapped or a[i + 1 :] == b[i + 1 :]
    longer, shorter = (a, b) if len(a) > len(b) else (b, a)
    return longer[i + 1 :] == shorter[i:]


def slip(a: str, b: str) -> bool:
    """Whether `a` is `b` with two letters swapped, one doubled or one left out: a slip of the
    fingers, seldom another word (one replaced letter often is one: "cap" for "cup")."""
    if not one_edit(a, b):
        return False
    if len(a) == len(b):
        return sorted(a) == sorted(b)
    if len(a) < len(b):
        return len(b) >= 5
    return any(a[i] == a[i + 1] and a[:i] + a[i + 1 :] == b for i in range(len(a) - 1))
