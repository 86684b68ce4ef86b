"""What one clause of a command says, and the helpers that read it with its object or place."""

from __future__ import annotations

from dataclasses import dataclass

from vla_sim.contract.records import Skill
from vla_sim.stages.language.understanding.clarifications import (
    Problem,
    missing,
    unknown_object,
    which_name,
    which_object,
)
from vla_sim.stages.language.understanding.reader import ObjectRef, PlaceRef, Reader

USER = PlaceRef(0, word="user")


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


@dataclass(frozen=True)
class Clause:
    """`end`: index after its last word."""

    end: int
    said: tuple[Said, ...] = ()
    problem: Problem | None = None

    @property
    def typos(self) -> int:
        refs = [ref for one in self.said for ref in (one.object, one.place) if ref is not None]
        return sum(ref.typos for ref in refs)

    @property
    def rank(self) -> tuple[int, int, int]:
        """The clean one first, then the longest, then the one with the fewest typos."""
        quality = 2 if self.problem is None else int(self.problem.reason == "missing")
        return quality, self.end, -self.typos


def with_object(r: Reader, thing: ObjectRef, skill: Skill) -> Clause:
    where = r.location(thing.end)
    return checked(r, Clause(where.end if where else thing.end, (Said(skill, thing, where),)))


def no_object(r: Reader, i: int, question: str) -> Clause:
    words = r.unknown(i)
    if words is None:
        return Clause(i, problem=missing(question))
    colour = r.name(r.skip(i), r.lexicon.colours)
    if colour is not None and colour.end == words[1]:
        return Clause(words[1], problem=which_object(r.lexicon, colour.values[0]))
    return Clause(words[1], problem=unknown_object(words[0], r.lexicon))


def checked(r: Reader, clause: Clause) -> Clause:
    """The clause, or a question if a mistyped name in it fits several."""
    for one in clause.said:
        for names, end in (
            (one.object.ambiguous if one.object else (), one.object.end if one.object else 0),
            (one.place.names if one.place and one.place.ambiguous else (), one.place.end if one.place else 0),
        ):
            if names:
                return Clause(clause.end, problem=which_name(r.text[end - 1], names))
    return clause
