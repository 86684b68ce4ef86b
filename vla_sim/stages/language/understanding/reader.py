"""Reads objects, places and fixed phrases at a position of a text; fillers are stepped over."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from vla_sim.contract import phrases as p
from vla_sim.contract.phrases import Phrases
from vla_sim.contract.records import Arm, Relation, Skill
from vla_sim.contract.vocabulary import TRAIT_WORDS
from vla_sim.stages.language.understanding import clarifications as ask
from vla_sim.stages.language.understanding.lexicon import Lexicon, Match, Names
from vla_sim.stages.language.understanding.quantities import Quantity, number, quantity


@dataclass(frozen=True)
class ObjectRef:
    """An object as it was mentioned. pronoun: "it". one: "the red one". given_name: the words after "my"."""

    end: int
    kind: str = ""
    colour: str = ""
    pronoun: bool = False
    one: bool = False
    typos: int = 0
    ambiguous: tuple[str, ...] = ()
    traits: tuple[str, ...] = ()
    given_name: str = ""


@dataclass(frozen=True)
class PlaceRef:
    """A place as it was mentioned. names: all that fit (several for "the table"). word: "user", "start",
    "there" or "down" instead of a name."""

    end: int
    names: tuple[str, ...] = ()
    word: str = ""
    typos: int = 0
    ambiguous: tuple[str, ...] = ()


class Reader:
    """`text`: lower-case words and punctuation. `strange`: indices of words that mean nothing as they
    are and may be mistyped names."""

    def __init__(self, text: Sequence[str], lexicon: Lexicon, strange: frozenset[int] = frozenset()) -> None:
        self.text = text
        self.lexicon = lexicon
        self.strange = strange

    def direct(self, i: int, table: Phrases) -> int | None:
        """The index after the longest phrase of `table` at i."""
        return table.end(self.text, i)

    def skip(self, i: int) -> int:
        """The index after the fillers at i."""
        while (after := self.direct(i, p.SKIPPED)) is not None:
            i = after
        return i

    def at(self, i: int, table: Phrases) -> int | None:
        """As `direct`, also behind fillers, or some of them ("next" is one, "next to" none)."""
        filler: int | None = i
        while filler is not None:
            i = filler
            if (found := self.direct(i, table)) is not None:
                return found
            filler = self.direct(i, p.SKIPPED)
        return None

    def number(self, i: int) -> tuple[float, int] | None:
        return number(self.text, i) or number(self.text, self.skip(i))

    def quantity(self, i: int) -> Quantity | None:
        return quantity(self.text, i) or quantity(self.text, self.skip(i))

    def name(self, i: int, names: Names) -> Match | None:
        found = names.find(self.text, i)
        if not self.strange:
            return found
        mended = names.mend(self.text, i, self.strange)
        return mended if mended and (found is None or mended.end > found.end) else found

    def object(self, i: int) -> ObjectRef | None:
        """[the] red cup, cup, the red one, it, my treasure."""
        j = self.skip(i)
        if "my" in self.text[i:j] and (own := self.own_name(j)) is not None:
            name, end = own
            mine = self.named(j) or ObjectRef(end)
            return replace(mine, end=max(end, mine.end), given_name=name)
        determiner = self.direct(j, p.THIS)
        for start in (j, determiner):
            if start is not None and (found := self.named(start)) is not None:
                return found
        pronoun = self.direct(j, p.IT)
        return None if pronoun is None else ObjectRef(pronoun, pronoun=True)

    def own_name(self, i: int) -> tuple[str, int] | None:
        """The words at i up to a pause, a link, a preposition or a stop, and the index after them."""
        j = i
        while j < len(self.text) and self.text[j].isalnum() and self.direct(j, _AFTER_NAME) is None:
            j += 1
        return (" ".join(self.text[i:j]), j) if j > i else None

    def named(self, i: int) -> ObjectRef | None:
        """As `object`, without fillers and pronouns."""
        traits, i = self._traits(i)
        colour = self.name(i, self.lexicon.colours)
        more, j = self._traits(colour.end if colour else i)
        traits += more
        typos = colour.typos if colour else 0
        kind = self.name(j, self.lexicon.kinds)
        several = [m.values for m in (colour, kind) if m is not None and len(m.values) > 1]
        shade = colour.values[0] if colour else ""
        if kind is not None:
            return ObjectRef(
                kind.end, kind.values[0], shade, typos=typos + kind.typos,
                ambiguous=several[0] if several else (), traits=traits,
            )  # fmt: skip
        thing = self.direct(j, p.THING)
        if thing is None:
            return None
        return ObjectRef(thing, colour=shade, one=self.text[j] == "one", typos=typos, traits=traits)

    def _traits(self, i: int) -> tuple[tuple[str, ...], int]:
        """The words at i that say how large a thing is, and the index after them."""
        j = i
        while j < len(self.text) and self.text[j] in TRAIT_WORDS:
            j += 1
        return tuple(TRAIT_WORDS[word] for word in self.text[i:j]), j

    def place(self, i: int, prefer_surface: bool = False) -> PlaceRef | None:
        """[the] kitchen, kitchen table, table, table in the kitchen."""
        j = self.skip(i)
        tables = [self.lexicon.places, self.lexicon.surfaces]
        found = [(k, m) for k, names in enumerate(tables) if (m := self.name(j, names)) is not None]
        if not found:
            return None
        kind, best = max(found, key=lambda one: (one[1].end, -one[1].typos, prefer_surface == bool(one[0])))
        if kind == 0:
            several = best.values if len(best.values) > 1 else ()
            return PlaceRef(best.end, best.values, typos=best.typos, ambiguous=several)
        within = self.at(best.end, p.WITHIN)
        room = self.name(self.skip(within), self.lexicon.places) if within is not None else None
        if room is not None:
            inside = tuple(s for s in best.values if self.lexicon.surface_place[s] in room.values)
            if inside:
                return PlaceRef(room.end, inside, typos=best.typos + room.typos)
        return PlaceRef(best.end, best.values, typos=best.typos)

    def location(self, i: int) -> PlaceRef | None:
        """from the bedroom, on the kitchen table."""
        after = self.at(i, p.FROM)
        return None if after is None else self.place(after, prefer_surface=True)

    def unknown(self, i: int) -> tuple[str, int] | None:
        """The words at i that should have been a name, up to the next link, preposition, pause or stop."""
        i = j = self.skip(i)
        while j < len(self.text) and (self.text[j].isalnum() or "'" in self.text[j]):
            fillers = self.skip(j)
            if self.direct(fillers, _AFTER_ANY) or (j > i and self.direct(fillers, p.FROM)):
                break
            if fillers == len(self.text):
                break
            j = max(fillers, j + 1)
        return (" ".join(self.text[i:j]), j) if j > i else None


USER = PlaceRef(0, word="user")
_AFTER_ANY = p.LINKS | p.ONE_WORD_STOP | p.STOP
_AFTER_NAME = (
    _AFTER_ANY | p.SKIPPED | p.FROM | p.TO | p.ON | p.NEXT_TO | p.ON_TOP_OF | p.INSIDE | p.BE | p.UP | p.DOWN
)


@dataclass(frozen=True)
class Said:
    """One command as it was said, names not resolved yet. [m], [rad], [s]; left and forward positive."""

    skill: Skill
    object: ObjectRef | None = None
    place: PlaceRef | None = None
    distance: float | None = None
    lateral: float | None = None
    angle: float | None = None
    seconds: float | None = None
    text: str = ""
    speed: float | None = None
    arm: Arm | None = None
    relation: Relation = ""
    """place: where the object goes, seen from `beside`, which has been said instead of a place."""
    beside: ObjectRef | None = None

    @property
    def names(self) -> list[ObjectRef | PlaceRef]:
        """All that it names."""
        return [ref for ref in (self.object, self.place, self.beside) if ref is not None]


@dataclass(frozen=True)
class Clause:
    """`end`: index after its last word."""

    end: int
    said: tuple[Said, ...] = ()
    problem: ask.Problem | None = None
    bare: bool = False
    """A place alone: where the robot shall go, if nothing else was said or the clause before is a way too."""

    @property
    def rank(self) -> tuple[int, int, int]:
        """The clean one first, then the longest, then the one with the fewest typos."""
        quality = 2 if self.problem is None else int(self.problem.reason == "missing")
        typos = sum(ref.typos for one in self.said for ref in one.names)
        return quality, self.end, -typos
