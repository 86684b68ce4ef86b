"""Resolves what was said against world and context: pronouns, "there", "the table", limits."""

import math

import msgspec

from vla_sim.contract.limits import MAX_ANGLE, MAX_DISTANCE, MAX_WAIT
from vla_sim.contract.records import ObjectQuery, Step
from vla_sim.contract.vocabulary import SIDES, THING
from vla_sim.stages.language.dialogue_context import Context
from vla_sim.stages.language.understanding import clarifications as ask
from vla_sim.stages.language.understanding.clarifications import Problem
from vla_sim.stages.language.understanding.lexicon import Lexicon
from vla_sim.stages.language.understanding.reader import ObjectRef, PlaceRef, Said

ON_THE_SPOT = ("turn", "wait", "say")
"""Skills after which it stands where it stood."""


class Unresolved(Exception):  # noqa: N818  (a question to ask back, not a failure)
    """Something must be asked back."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.question)
        self.problem = problem


class Resolver:
    """One command's way through the context: what "it", "there" and "the table" mean changes with
    every clause. After `resolve`, `mentioned` and `spoken_place` are what was mentioned, and `here` is the
    place at which the robot will be ("" if unknown)."""

    def __init__(self, lexicon: Lexicon, context: Context) -> None:
        self.lexicon, self.context = lexicon, context
        self.mentioned: ObjectQuery | None = None
        self.spoken_place, self.here = "", context.place
        self._held, self._left = context.held, False

    def resolve(self, said: Said) -> list[Step]:
        """The intent's steps: what was said, with names of the world; two for what goes next to a thing. A
        pick keeps the place that was named, a placement its object. Raises `Unresolved` with the question."""
        check_amounts(said)
        if said.beside is not None:
            return self._put_by(said, said.beside)
        query = self._object(said) if said.object is not None else None
        place = self._place(said) if said.place is not None else ""
        if place and place != "user":
            self.spoken_place = place
        if said.skill in ("navigate", "carry", "place") or (said.skill in ("pick", "find") and place):
            self.here = "" if place == "user" else self.lexicon.surface_place.get(place, place)
        elif said.skill == "move":
            self.here = ""
        self._left |= said.skill not in ON_THE_SPOT
        if said.skill in ("pick", "carry", "place"):
            self._held = None if said.skill == "place" else query
        return [Step(
            skill=said.skill, object=query, place=place, distance=said.distance, lateral=said.lateral,
            angle=said.angle, seconds=said.seconds, text=said.text, speed=said.speed, arm=said.arm,
        )]  # fmt: skip

    def _put_by(self, said: Said, beside: ObjectRef) -> list[Step]:
        """What is put, taken first if it is not held, and the thing that it goes next to or on."""
        query, other = self._two(self._object(said), self._object(Said("find", beside)))
        self.mentioned = query
        taken = self._held is not None and query.matches(self._held)
        self._held, self.here = None, ""
        put = Step(skill="place", object=other, relation=said.relation, speed=said.speed)
        return [put] if taken else [Step(skill="pick", object=query), put]

    def _two(self, query: ObjectQuery, other: ObjectQuery) -> tuple[ObjectQuery, ObjectQuery]:
        """As they are if they mean different things; in "the cup next to the blue cup" the first is the one
        other cup."""
        ones, others = self.lexicon.matching(query), self.lexicon.matching(other)
        if set(ones).isdisjoint(others):
            return query, other
        if len(others) == 1:
            ones.remove(others[0])
        else:
            others = [one for one in others if one not in ones]
        if len(ones) != 1 or len(others) != 1:
            raise Unresolved(ask.WHICH_TWO)
        return ones[0], others[0]

    def _object(self, said: Said) -> ObjectQuery:
        ref = said.object
        assert ref is not None
        if ref.given_name and (own := self._own(ref.given_name)) is not None:
            self.mentioned = own
            return own
        if ref.given_name and not (ref.kind or ref.colour or ref.traits):
            raise Unresolved(ask.unknown_own(ref.given_name))
        query = self._query(ref)
        if ref.pronoun or not (query.kind or query.colour or query.traits):  # "it", "the object"
            if (found := self._antecedent(said.skill)) is None:
                raise Unresolved(ask.WHAT_IS_IT if ref.pronoun else ask.which_object(self.lexicon))
            return found
        fitting = self.lexicon.matching(query)
        if not fitting and query.kind != THING:
            raise Unresolved(ask.no_such_object(query, self.lexicon))
        if not query.kind and len({one.kind for one in fitting}) > 1:  # "the red one"
            raise Unresolved(ask.which_of(fitting))
        if (several := self._alike(query)) > 1:
            self.mentioned = query
            raise Unresolved(ask.which_of_them(query, several))
        self.mentioned = query
        return query

    def _own(self, name: str) -> ObjectQuery | None:
        """What was shown as "my" so, if it has been seen; of several the one that was seen last."""
        shown = [one for one in self.context.objects if one.given_name == name]
        last = max(shown, key=lambda one: one.last_seen, default=None)
        if last is None:
            return None
        return ObjectQuery(kind=last.kind, colour=last.colour, given_name=name)

    def _alike(self, query: ObjectQuery) -> int:
        """How many things that no word tells apart are seen where one is meant."""
        if set(query.traits) & set(SIDES):
            return 1
        seen = [one for one in self.context.objects if query.matches(one)]
        kinds = {(one.kind, one.colour) for one in seen}
        return len(seen) if len(kinds) == 1 and kinds <= self.lexicon.several else 1

    def _query(self, ref: ObjectRef) -> ObjectQuery:
        """ "the red one" after "the cup" is the red cup, if there is one; "the red thing" has no name if no
        red thing is known."""
        query = ObjectQuery(kind=ref.kind, colour=ref.colour, traits=ref.traits)
        last = self.mentioned or self.context.mentioned
        if ref.one and last is not None:
            same_kind = msgspec.structs.replace(query, kind=last.kind, colour=ref.colour or last.colour)
            if self.lexicon.matching(same_kind):
                return same_kind
        said = not ref.kind and not ref.one and (ref.colour or ref.traits)
        return (
            msgspec.structs.replace(query, kind=THING) if said and not self.lexicon.matching(query) else query
        )

    def _antecedent(self, skill: str) -> ObjectQuery | None:
        held = self.context.held if skill in ("place", "carry") else None
        return self.mentioned or held or self.context.mentioned or self.context.held

    def _place(self, said: Said) -> str:
        ref = said.place
        assert ref is not None
        if ref.word == "user":
            if said.skill == "navigate" and not self._left:  # it stands where it was told this
                raise Unresolved(ask.WHERE_ARE_YOU)
            return "user"
        if ref.word == "start":
            return "start"
        if ref.word == "there":
            last = self.spoken_place or self.context.mentioned_place
            if not last:
                raise Unresolved(ask.missing('Which place do you mean by "there"?'))
            place = last
        elif ref.word == "down":
            if self._held is None:
                raise Unresolved(ask.NOTHING_HELD)
            if not self.lexicon.surfaces_of(self.here):
                raise Unresolved(ask.where_to_put(self.lexicon))
            place = self.here
        else:
            place = self._one_of(ref)
        is_room = place not in self.lexicon.surface_place
        if said.skill == "place" and is_room and not self.lexicon.surfaces_of(place):
            raise Unresolved(ask.no_surface(place, self.lexicon))
        return place

    def _one_of(self, ref: PlaceRef) -> str:
        if len(ref.names) == 1:
            return ref.names[0]
        here = [name for name in ref.names if self.lexicon.surface_place.get(name) == self.here]
        if len(here) == 1:
            return here[0]
        raise Unresolved(ask.which_surface(here or ref.names))


def check_amounts(said: Said | Step) -> None:
    """Raises `Unresolved` for an amount that is zero or beyond its limit."""
    how_far = "I move from 0 to {:g} meters at a time, not {:g}. How far?"
    turned = said.angle and math.degrees(abs(said.angle))
    for amount, most, question in (
        (said.distance and abs(said.distance), MAX_DISTANCE, how_far),
        (said.lateral and abs(said.lateral), MAX_DISTANCE, how_far),
        (turned, math.degrees(MAX_ANGLE), "I turn from 0 to {:g} degrees at a time, not {:g}. How far?"),
        (said.seconds, MAX_WAIT, "I wait from 0 to {:g} seconds, not {:g}. How long?"),
    ):
        if amount is not None and not 0.0 < amount <= most * (1.0 + 1e-9):
            raise Unresolved(Problem(question.format(most, amount), "limit"))
