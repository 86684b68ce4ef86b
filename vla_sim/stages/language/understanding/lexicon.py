"""The names of one world (places, surfaces, kinds and colours of objects) and how they are found in a
text that may be sloppy: "livingroom", "Kichen", "bed room"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from vla_sim.contract.records import ObjectQuery, Thing
from vla_sim.contract.vocabulary import COLOUR_SYNONYMS, COLOURS, KIND_SYNONYMS, KINDS, THING
from vla_sim.stages.language.understanding.tokens import one_edit
from vla_sim.world.semantic_map import World

PLACE_SYNONYMS = {
    "charging station": (
        "charging station", "charger", "charging dock", "docking station", "charging point", "dock", "base",
        "home", "charge",
    ),
    "living room": ("lounge", "sitting room", "parlour"),
    "bathroom": ("bath", "restroom", "washroom", "toilet"),
    "hallway": ("hall", "corridor", "entrance"),
    "office": ("study", "workroom"),
}  # fmt: skip
FURNITURE = ("table", "counter", "desk", "shelf", "bench", "cabinet", "nightstand", "sideboard", "worktop")
OTHER_WORDS = frozenset({
    "able", "aide", "aside", "baker", "battle", "beater", "beaver", "bellow", "breaker", "broom", "cable",
    "canton", "carbon", "cartoon", "change", "charm", "charter", "counted", "courter", "cubed", "fellow",
    "fitting", "fred", "gary", "glassy", "gravy", "groom", "halfway", "hide", "hitting", "lock", "lunge",
    "mellow", "mock", "packaged", "presser", "range", "ride", "rock", "roof", "root", "setting", "shall",
    "site", "size", "slide", "smug", "sock", "sofia", "stable", "tablet", "tide", "wide", "xbox",
})  # fmt: skip
"""One letter from a name of shipped worlds, and no slip: who asks for the xbox does not want the box."""

Spoken = dict[tuple[str, ...], tuple[str, ...]]
"""Words -> the name or names they stand for."""


@dataclass(frozen=True)
class Match:
    """`values`: the names that fit equally well (more than one: ambiguous); `end`: index after the
    last word; `typos`: 1 if a word had to be mended."""

    values: tuple[str, ...]
    end: int
    typos: int = 0


class Names:
    """Spoken form -> what it stands for."""

    def __init__(self, by_words: Spoken) -> None:
        self.by_words = by_words
        self.by_letters = {"".join(key): value for key, value in by_words.items()}
        self.longest = max(map(len, by_words), default=0)

    def find(self, text: Sequence[str], i: int) -> Match | None:
        """The longest name at `text[i]`: as written, joined or split, or else with one typo."""
        for n in range(min(self.longest + 1, len(text) - i), 0, -1):
            values = self.by_letters.get("".join(text[i : i + n]))
            if values:
                return Match(values, i + n)
        return None

    def mend(self, text: Sequence[str], i: int, strange: frozenset[int]) -> Match | None:
        """As `find`, but with mistyped words, one edit in each. In a name of fewer than six letters a
        replaced or dropped letter mostly makes another word ("clock" for "block"), and a plural means
        something else.

        strange: indices of the words that mean nothing as they are; no other word is a typo.
        """
        for n in range(min(self.longest, len(text) - i), 0, -1):
            span = range(i, i + n)
            if strange.isdisjoint(span):
                continue
            found: dict[str, None] = {}
            for key, values in self.by_words.items():
                pairs, short = zip(span, key, strict=False), sum(map(len, key)) < 6
                if len(key) == n and all(
                    text[k] == word or (k in strange and _typo(text[k], word, short)) for k, word in pairs
                ):
                    found |= dict.fromkeys(values)
            if found:
                return Match(tuple(found), i + n, 1)
        return None


def _typo(a: str, b: str, short: bool) -> bool:
    """Whether `a` is `b` mistyped; short: where only a letter too many and two swapped ones are mended."""
    if a in OTHER_WORDS or a in (b + "s", b + "es") or not a.isalpha() or not one_edit(a, b):
        return False
    return not short or len(a) > len(b) or sorted(a) == sorted(b)


@dataclass(frozen=True)
class Lexicon:
    """places, surfaces: spoken form -> name(s) in the world; "table" alone fits every table.

    objects: all (kind, colour) of the world; things: one by one; several: those of which there is more than
    one. words: kinds of what no model stands for, in any colour. surface_place: surface -> the place it
    belongs to.
    """

    places: Names
    surfaces: Names
    kinds: Names
    colours: Names
    objects: tuple[ObjectQuery, ...]
    things: tuple[Thing, ...]
    several: frozenset[tuple[str, str]]
    words: tuple[str, ...]
    place_names: tuple[str, ...]
    surface_place: dict[str, str]

    @staticmethod
    def of(world: World) -> Lexicon:
        place_names = tuple(place.name for place in world.places)
        places: Spoken = {_key(name): (name,) for name in place_names}
        for name, synonyms in PLACE_SYNONYMS.items():
            if name in place_names:
                for one in synonyms:
                    places.setdefault(_key(one), (name,))
        named = [o for o in world.objects if o.kind != THING]
        kinds: Spoken = {_key(one): (one,) for one in (*(o.kind for o in named), *world.words, *KINDS)}
        for synonym, kind in KIND_SYNONYMS.items():
            kinds.setdefault(_key(synonym), (kind,))
        colours: Spoken = {_key(one): (one,) for one in (*(o.colour for o in world.objects), *COLOURS) if one}
        colours |= {_key(synonym): (colour,) for synonym, colour in COLOUR_SYNONYMS.items()}
        objects = dict.fromkeys(ObjectQuery(kind=o.kind, colour=o.colour) for o in named)
        objects |= dict.fromkeys(ObjectQuery(kind=word) for word in world.words)
        owners = {surface.name: surface.place for surface in world.surfaces}
        names = (Names(places), Names(_surfaces(world)), Names(kinds), Names(colours))
        counts = Counter((o.kind, o.colour) for o in named)
        several = frozenset(pair for pair, count in counts.items() if count > 1)
        return Lexicon(*names, tuple(objects), tuple(named), several, world.words, place_names, owners)

    def matching(self, query: ObjectQuery) -> list[ObjectQuery]:
        """The world's objects that a query could mean."""
        known = [ObjectQuery(kind=one.kind, colour=one.colour) for one in self.things if query.matches(one)]
        nameless = [ObjectQuery(kind=one, colour=query.colour) for one in self.words if one == query.kind]
        return list(dict.fromkeys(known + nameless))

    def surfaces_of(self, place: str) -> list[str]:
        return [surface for surface, owner in self.surface_place.items() if owner == place]


def _key(name: str) -> tuple[str, ...]:
    return tuple(name.lower().replace("_", " ").split())


def _surfaces(world: World) -> Spoken:
    """Full names, and each last word ("table") for all surfaces that end with it."""
    names: Spoken = {_key(one.name): (one.name,) for one in world.surfaces}
    heads: dict[tuple[str, ...], list[str]] = {(one,): [] for one in FURNITURE}
    for one in world.surfaces:
        head = _key(one.name)[-1:]
        heads.setdefault(head, []).append(one.name)
    for key, values in heads.items():
        if values:
            names.setdefault(key, tuple(values))
    return names
