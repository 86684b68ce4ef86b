"""Questions about the robot, about what it knows and about what it has seen, and their answers."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vla_sim.contract import phrases as p
from vla_sim.contract.records import DetectedObject, ObjectQuery, Step
from vla_sim.contract.vocabulary import THING, plural
from vla_sim.robot import facts
from vla_sim.stages.language.dialogue_context import Context, place_of
from vla_sim.stages.language.understanding.lexicon import Lexicon
from vla_sim.stages.language.understanding.reader import ObjectRef, PlaceRef, Reader
from vla_sim.stages.language.understanding.tokens import MAX_LENGTH, PAUSES, tokenise
from vla_sim.world.semantic_map import World, surface_below


@dataclass(frozen=True)
class Answer:
    """about_seen: it depends on what perception sees. mentioned: the object asked about."""

    text: str
    about_seen: bool = False
    mentioned: ObjectQuery | None = None


class Questions:
    """Pure: what is asked is answered from the context and the world; nothing is looked for."""

    def __init__(self, world: World, lexicon: Lexicon) -> None:
        self.world, self.lexicon = world, lexicon
        kinds = {words[-1] for words in lexicon.kinds.by_words}
        self._singular = {plural(kind): kind for kind in kinds}
        self._about_things: tuple[Callable[[Reader, Context], Answer | None], ...] = (
            self._how_many, self._is_there, self._what_is, self._what_colour, self._where_is,
        )  # fmt: skip

    def answer(self, text: str, context: Context) -> Answer | None:
        """None if the text is no question that can be answered."""
        tokens = [token for token in tokenise(text[:MAX_LENGTH]) if token not in PAUSES]
        found = self._about_robot(_core(tokens), context)
        if found is not None:
            return found
        reader = Reader([self._singular.get(token, token) for token in _core(tokens)], self.lexicon)
        return next((a for ask in self._about_things if (a := ask(reader, context)) is not None), None)

    def _about_robot(self, tokens: Sequence[str], context: Context) -> Answer | None:
        def asked(table: p.Phrases) -> bool:
            return bool(tokens) and table.end(tokens, 0) == len(tokens)

        if asked(p.ASK_HOLDING):
            return Answer(f"I am holding {_the(context.held)}.")
        if asked(p.ASK_SEEING):
            seen = dict.fromkeys(_a(one) for one in context.objects)
            return Answer(f"I have seen {_listed(seen)}." if seen else "I have seen nothing I know.", True)
        if asked(p.ASK_WHERE):
            return Answer(f"I am at the {context.place}." if context.place else "I am between two places.")
        if asked(p.ASK_DOING):
            return Answer(f'I am doing what you said: "{context.doing}".' if context.doing else "Nothing.")
        if asked(p.ASK_PLACES):
            return Answer(f"I know {_listed([*self.lexicon.place_names, *self.lexicon.surface_place])}.")
        if asked(p.ASK_THINGS):
            things = _listed([str(one) for one in self.lexicon.objects])
            return Answer(f"I know {things}." if things else "I know no objects here.")
        if asked(p.ASK_WHO):
            return Answer(f"I am a robot, a {facts.NAME.upper()}. Ask me what I can do.")
        if asked(p.ASK_ABLE):
            return Answer(ability(self.lexicon))
        if asked(p.THANKS):
            return Answer("You are welcome.")
        return Answer("Hello. What should I do?") if asked(p.GREETING) else None

    def _is_there(self, r: Reader, context: Context) -> Answer | None:
        begin = r.direct(0, p.IS_THERE)
        if begin is None:
            return None
        bare = begin == 1  # "is the cup on the table"
        thing = self._thing(r, begin)
        number = r.number(begin) if thing is None else None
        if number is not None:  # "are there two cups"
            thing = self._thing(r, number[1])
        if thing is None:
            words = r.unknown(begin)
            if bare or words is None:
                return None
            where = r.location(words[1])
            whole = (where.end if where else words[1]) == len(r.text)
            # "No cup", "a cup or a box": the thing is known, what is asked of it is not.
            strange = not any(r.named(i) for i in range(begin, words[1]))
            return Answer(f'I do not know what "{words[0]}" is.') if whole and strange else None
        where, end = _where(r, thing.end)
        if end != len(r.text) or (bare and where is None):
            return None
        query, places = _query(thing), _names(where)
        if number is not None:
            return self._counted(query, places, context)
        seen = self._seen(query, places, context)
        if seen:
            return self._answer(f"Yes: {self._described(seen)}.", query)
        if query.matches(context.held) if context.held else False:
            return self._answer(f"I am holding {_the(context.held)}.", query)
        elsewhere = self._seen(query, (), context) if places else []
        but = f", but {self._described(elsewhere)}" if elsewhere else ""
        return self._answer(f"I have not seen {_a(query)}{_in(places)}{but}.", query)

    def _how_many(self, r: Reader, context: Context) -> Answer | None:
        begin = r.direct(0, p.HOW_MANY)
        thing = self._thing(r, begin) if begin is not None else None
        if thing is None:
            return None
        where, end = _where(r, r.at(thing.end, p.EXIST) or thing.end)
        if end != len(r.text):
            return None
        return self._counted(_query(thing), _names(where), context)

    def _counted(self, query: ObjectQuery, places: Sequence[str], context: Context) -> Answer:
        seen = self._seen(query, places, context)
        if not seen:
            return self._answer(f"I have seen none{_in(places)}.", query)
        return self._answer(f"I have seen {len(seen)}: {self._described(seen)}.", query)

    def _what_is(self, r: Reader, context: Context) -> Answer | None:
        begin = r.direct(0, p.WHAT_IS)
        where = r.location(begin) if begin is not None else None
        if where is None or where.end != len(r.text):
            return None
        places = _names(where)
        seen = self._seen(ObjectQuery(), places, context)
        what = self._described(seen) if seen else f"nothing I know{_in(places)}"
        return self._answer(f"I have seen {what}.", None)

    def _what_colour(self, r: Reader, context: Context) -> Answer | None:
        begin = r.direct(0, p.WHAT_COLOUR)
        thing = self._thing(r, begin) if begin is not None else None
        if thing is None or not thing.kind or thing.end != len(r.text):
            return None
        query = ObjectQuery(kind=thing.kind)
        colours = [one.colour for one in self._seen(query, (), context) if one.colour]
        if colours:
            return self._answer(f"I have seen a {thing.kind} that is {_listed(colours)}.", query)
        known = _listed([_a(one) for one in self.lexicon.matching(query)])
        return self._answer(f"I have seen no {thing.kind}; I know {known or 'none'}.", query)

    def _where_is(self, r: Reader, context: Context) -> Answer | None:
        """Only if it was seen; else it is looked for."""
        begin = r.direct(0, p.WHERE_IS)
        thing = self._thing(r, begin) if begin is not None else None
        if thing is None or (r.direct(thing.end, p.BE) or thing.end) != len(r.text):
            return None
        query = _query(thing)
        own = r.object(begin or 0)
        if own is not None and any(o.given_name == own.given_name != "" for o in context.objects):
            query = ObjectQuery(given_name=own.given_name)
        if context.held is not None and query.matches(context.held):
            return self._answer(f"I am holding {_the(context.held)}.", query)
        seen = self._seen(query, (), context)
        return self._answer(f"I have seen {self._described(seen)}.", query) if seen else None

    @staticmethod
    def _thing(r: Reader, i: int) -> ObjectRef | None:
        return r.named(r.skip(i))

    def _answer(self, text: str, query: ObjectQuery | None) -> Answer:
        known = query is not None and bool(query.kind) and bool(self.lexicon.matching(query))
        return Answer(text, True, query if known else None)

    def _seen(self, query: ObjectQuery, places: Sequence[str], context: Context) -> list[DetectedObject]:
        """What perception has seen of it, on a surface or at a place of these names, or anywhere."""
        return [
            one
            for one in context.objects
            if query.matches(one) and (not places or {self._on(one), place_of(self.world, one)} & {*places})
        ]

    def _on(self, seen: DetectedObject) -> str:
        surface = surface_below(self.world.surfaces, seen.position, rim=0.0)
        return surface.name if surface else ""

    def _described(self, seen: Sequence[DetectedObject]) -> str:
        """ "a red cup on the kitchen table and a blue box"."""
        return _listed([_a(one) + (f" on the {on}" if (on := self._on(one)) else "") for one in seen])


def intention(steps: Sequence[Step]) -> str:
    """What the robot is about to do, to say it: "I go to the kitchen, then take the red cup."."""
    return f"I {', then '.join(map(_act, steps))}."


def _act(step: Step) -> str:
    thing = _the(step.object)
    there = {"user": "you", "start": "where I started"}.get(step.place, f"the {step.place}")
    match step.skill:
        case "navigate":
            return f"go to {there}"
        case "pick":
            return f"take {thing}"
        case "carry":
            return f"bring {thing} to {there}"
        case "place" if step.relation:
            return f"put it {step.relation} {thing}"
        case "place":
            return f"put {thing} on {there}"
        case "find":
            return f"look for {thing}"
        case "approach":
            return f"go to {thing}"
        case "turn":
            return f"turn {abs(math.degrees(step.angle or 0.0)):.0f} degrees"
        case "move":
            return f"move {math.hypot(step.distance or 0.0, step.lateral or 0.0):g} meters"
        case "remember":
            return f"keep in mind what your {step.text} is"
        case "wait":
            return f"wait {step.seconds or 0.0:g} seconds"
    return step.skill


def ability(lexicon: Lexicon) -> str:
    """What the robot can do, to say it."""
    places, things = ", ".join(lexicon.place_names), ", ".join(str(one) for one in lexicon.objects)
    handling = " pick up, bring, move to a table, next to a thing or onto one," if facts.HAND else ""
    return (
        f"I can go, move, turn, find,{handling} wait and stop, slowly or quickly, and tell what I have seen. "
        f"I know the places {places} and the objects {things}."
    )


def _query(thing: ObjectRef) -> ObjectQuery:
    return ObjectQuery(kind=thing.kind, colour=thing.colour, traits=thing.traits)


def _core(tokens: list[str]) -> list[str]:
    """Without what frames a question."""
    i, end = 0, len(tokens)
    while i < end and p.GREETING.end(tokens, i) != end and (after := p.TELL_ME.end(tokens, i)) is not None:
        i = after
    while end > i and tokens[end - 1] in ("please", "robot", "now", "right"):
        end -= 1
    return tokens[i:end]


def _where(r: Reader, i: int) -> tuple[PlaceRef | None, int]:
    """The place at i, if there is one, and the index after it."""
    i = r.direct(i, p.BE) or i
    where = r.location(i)
    end = where.end if where else i
    return where, r.direct(end, p.BE) or end


def _names(where: PlaceRef | None) -> tuple[str, ...]:
    return where.names if where is not None else ()


def _in(places: Sequence[str]) -> str:
    return f" at the {' or the '.join(places)}" if places else ""


def _a(thing: DetectedObject | ObjectQuery) -> str:
    """ "a red cup"; what has no name, or was asked for by its size, is told by it, too."""
    traits = thing.traits if thing.kind == THING or isinstance(thing, ObjectQuery) else ()
    words = str(ObjectQuery(kind=thing.kind, colour=thing.colour, traits=traits))
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _the(held: ObjectQuery | None) -> str:
    return f"the {held}" if held is not None else "nothing"


def _listed(words: Sequence[str] | dict[str, None]) -> str:
    words = list(words)
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
