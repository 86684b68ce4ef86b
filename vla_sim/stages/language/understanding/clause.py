"""What one clause of a command says, and the helpers that read it with its object or place."""

from dataclasses import dataclass

from vla_sim.contract.records import Skill
from vla_sim.stages.language.understanding import clarifications as ask
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
    problem: ask.Problem | None = None

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
        return Clause(i, problem=ask.missing(question))
    colour = r.name(r.skip(i), r.lexicon.colours)
    if colour is not None and colour.end == words[1]:
        return Clause(words[1], problem=ask.which_object(r.lexicon, colour.values[0]))
    return Clause(words[1], problem=ask.unknown_object(words[0], r.lexicon))


def checked(r: Reader, clause: Clause) -> Clause:
    """The clause, or a question if a mistyped name in it fits several."""
    for one in clause.said:
        for ref in (one.object, one.place):
            if ref is not None and ref.ambiguous:
                return Clause(clause.end, problem=ask.which_name(r.text[ref.end - 1], ref.ambiguous))
    return clause
