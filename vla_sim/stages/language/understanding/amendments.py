"""A part of a command said anew: "no, the blue one", "the kitchen table", "one meter", "to the left".

The part may correct what was said before or answer what was asked back about it; either way it is put into
the words before it, and these are read again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from vla_sim.contract import phrases
from vla_sim.contract.records import ObjectQuery
from vla_sim.stages.language.understanding.quantities import quantity
from vla_sim.stages.language.understanding.reader import ObjectRef, Reader
from vla_sim.stages.language.understanding.tokens import PAUSES, tokenise, words

if TYPE_CHECKING:
    from vla_sim.stages.language.understanding.intent_extractor import Extractor

Part = tuple[str, int]
"""What a part of a command is ("object", "place", "length" ...), and the index after it."""
_LEADING = phrases.LINKS | phrases.TO | phrases.FROM | phrases.ON
_COURTESIES = phrases.POLITE | phrases.FILLERS
_SIDES = phrases.LEFT | phrases.RIGHT


def amended(extractor: Extractor, before: str, reply: str, unknown: str = "") -> str:
    """`before` with the part that `reply` says anew, or `reply` if it is a command of its own. unknown: words
    of `before` that were not known. "" if that makes no command that is understood."""
    old, new = tokenise(before), _bare(extractor, tokenise(reply))
    if not new:
        return ""
    said = extractor.extract(words(new))
    whole = said.problem is None and bool(said.said)
    if whole and not said.elided:
        return reply if len(extractor.extract(before).said) <= 2 or unknown else ""
    for text in _candidates(extractor, old, new, unknown):
        if extractor.extract(text).problem is None:
            return text
    return ""


def put_first(extractor: Extractor, held: str, reply: str, then: str) -> str:
    """`then`, and before it `held` put where `reply` says; "" if it says no place."""
    for on in ("", "on "):
        text = f"put the {held} {on}{reply} and {then}"
        if extractor.extract(text).problem is None:
            return text
    return ""


def _bare(extractor: Extractor, tokens: list[str]) -> list[str]:
    """Without courtesies and prepositions around it."""
    reader = Reader(tokens, extractor.lexicon)
    i = 0
    while i < len(tokens):
        after = reader.direct(i, _COURTESIES) or i
        if tokens[i] in PAUSES:
            after = i + 1
        if after == i:
            break
        i = after
    end = len(tokens)
    while end > i and (tokens[end - 1] in PAUSES or tokens[end - 1] in ("please", "thanks")):
        end -= 1
    return tokens[i:end]


def _candidates(extractor: Extractor, old: list[str], new: list[str], unknown: str) -> list[str]:
    lexicon = extractor.lexicon
    if unknown and (gap := words(old).rfind(unknown)) >= 0:
        text = words(old)
        return [text[:gap] + words(new) + text[gap + len(unknown) :]]
    fresh, reader = Reader(new, lexicon), Reader(old, lexicon)
    start = fresh.direct(0, _LEADING) or 0
    start = fresh.skip(start)
    if new[start : start + 1] == ["one"] and (within := fresh.direct(start + 1, phrases.WITHIN)) is not None:
        new, start = [*new[within:], "one"], 0  # "the one in the kitchen"
        fresh = Reader(new, lexicon)
        start = fresh.skip(0)
    what, end = _part(fresh, start) or ("", start)
    if what == "place" and new[end:] == ["one"]:  # "the kitchen one" of two tables
        span = _last(reader, lambda part: part == "place")
        return [_replaced(old, span, [*old[span[0] : span[1]], "in", "the", *new[start:end]])] if span else []
    if not what or end != len(new):
        return [f"{words(old)} {words(new)}"]
    lead = _lead(new, start) if what == "place" else ""
    span = _last(reader, lambda part: part == what, lead)
    if what == "object" and span is not None:
        return [_replaced(old, span, text) for text in _objects(extractor, old, span, new[start:])]
    if span is not None:
        return [_replaced(old, span, new[start:])]
    links = ("", "to ") if what == "place" else ("",)  # "put it down", "the kitchen"
    return [f"{words(old)} {words(new)}", *(f"{words(old)} {link}{words(new[start:])}" for link in links)]


def _part(r: Reader, i: int) -> Part | None:
    if i >= len(r.text):
        return None
    if (other := r.direct(i, phrases.OTHER)) is not None:
        return "object", other
    place = r.place(i) if r.skip(i) == i else None
    thing = r.named(i)
    if place is not None and (thing is None or place.end >= thing.end):
        return "place", place.end
    if thing is not None:
        return "object", thing.end
    if (amount := quantity(r.text, i)) is not None:
        return amount.dimension, amount.end
    if (side := r.direct(i, _SIDES)) is not None:
        return "side", side
    colour = r.name(i, r.lexicon.colours)
    return None if colour is None else ("object", colour.end)


def _last(r: Reader, wanted: Callable[[str], bool], lead: str = "") -> tuple[int, int] | None:
    """Where the last part of a kind stands. lead: "from" and "to" are said of another place each."""
    found, i = None, 0
    while i < len(r.text):
        part = _part(r, i)
        elsewhere = lead in ("from", "to") and (_lead(r.text, i) == "from") != (lead == "from")
        if part is not None and wanted(part[0]) and not elsewhere:
            found = (i, part[1])
        i = part[1] if part is not None else i + 1
    return found


def _lead(text: Sequence[str], i: int) -> str:
    """The word before what begins at i, articles left out."""
    while i > 0 and text[i - 1] == "the":
        i -= 1
    return text[i - 1] if i > 0 else ""


def _replaced(old: Sequence[str], span: tuple[int, int], new: Sequence[str]) -> str:
    return words([*old[: span[0]], *new, *old[span[1] :]])


def _objects(extractor: Extractor, old: list[str], span: tuple[int, int], new: list[str]) -> list[list[str]]:
    """The words for an object in place of those at `span`: "the other one" if there is just one other, "the
    blue one" of the same kind, or as it was said."""
    lexicon = extractor.lexicon
    old_reader = Reader(old, lexicon)
    before = old_reader.named(span[0])
    if before is None:  # a colour without a thing
        shade = old_reader.name(span[0], lexicon.colours)
        before = ObjectRef(span[1], colour=shade.values[0] if shade is not None else "")
    if phrases.OTHER.end(new, 0) == len(new):
        said = ObjectQuery(kind=before.kind, colour=before.colour)
        others = [o for o in lexicon.objects if o.kind == before.kind and not said.matches(o)]
        return [str(others[0]).split()] if before.colour and len(others) == 1 else []
    fresh = Reader(new, lexicon)
    after = fresh.named(0)
    colour = fresh.name(0, lexicon.colours)
    if colour is not None and (after is None or not after.kind) and before.kind:
        return [[*new[: colour.end], before.kind]]
    if after is not None and after.kind and not after.colour and before.colour and not before.kind:
        return [[before.colour, *new]]  # "the red what?"
    return [new]
