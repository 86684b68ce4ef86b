"""What can be said to the robot: the sentences of one world, for the recogniser and for the parser.

The names of the world's places, surfaces and objects fill the slots of a fixed set of commands.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from vla_sim.common.errors import InputError
from vla_sim.contract.vocabulary import COMMON_COLOURS, KINDS, STOP_WORDS
from vla_sim.stages.voice import regular_grammar
from vla_sim.stages.voice.regular_grammar import Phrase, Rule, any_number, maybe, one_of, phrase
from vla_sim.stages.voice.spoken_numbers import ANGLE, DISTANCE, DURATION, normalise
from vla_sim.world.semantic_map import World

STOP_SENTENCES = (
    "stop", "stop now", "stop the robot", "stop moving", "stop walking", "halt", "freeze", "emergency stop",
)  # fmt: skip
"""What the recogniser can hear as a stop. Its words that mean stop are some of `STOP_WORDS`: each further
sentence costs recognition accuracy."""
_STOP_VOCABULARY = {word for one in STOP_SENTENCES for word in one.split()} | {"robot", "please"}


@dataclass(frozen=True)
class Names:
    """The names with which a world fills the grammar, in lower case with spaces."""

    places: tuple[str, ...]
    surfaces: tuple[str, ...]
    kinds: tuple[str, ...]
    colours: tuple[str, ...]

    @staticmethod
    def of(world: World) -> Names:
        def unique(*groups: Iterable[str]) -> tuple[str, ...]:
            names = [normalise(name) for group in groups for name in group]
            return tuple(dict.fromkeys(name for name in names if name))

        return Names(
            places=unique(place.name for place in world.places),
            surfaces=unique(surface.name for surface in world.surfaces),
            kinds=unique((one.kind for one in world.objects), KINDS),
            colours=unique((one.colour for one in world.objects), COMMON_COLOURS),
        )


@dataclass(frozen=True)
class Reading:
    """How a text relates to the grammar.

    complete: it is a sentence. prefix: it is the beginning of one (a sentence is one too).
    closed: it is a sentence that could only go on with "please" or a further command.
    """

    complete: bool
    prefix: bool
    closed: bool


class Grammar:
    """The sentences that a robot in a world with these names understands."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self._commands, self._stop = _commands(names), _stop()
        self.top = Rule("sentence", one_of(self._commands, self._stop))
        self._automaton = regular_grammar.Automaton(self.top)
        self.words = self._automaton.words

    @staticmethod
    def of(world: World) -> Grammar:
        return Grammar(Names.of(world))

    def without(self, words: frozenset[str]) -> Grammar:
        """The grammar without the names that hold one of these words.

        Raises `InputError` if they are words of the commands themselves.
        """

        def keep(names: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(name for name in names if not words & set(name.split()))

        n = self.names
        left = Grammar(Names(keep(n.places), keep(n.surfaces), keep(n.kinds), keep(n.colours)))
        if left.words & words:
            raise InputError(f"the commands need the words {sorted(left.words & words)}; give pronunciations")
        return left

    def jsgf(self) -> str:
        return regular_grammar.jsgf(self.top)

    def read(self, text: str) -> Reading:
        """Whether `text` (any case, digits, punctuation) is a sentence or the beginning of one."""
        states = self._automaton.start
        words = normalise(text).split()
        for word in words:
            states = self._automaton.step(states, word)
        final = self._automaton.final(states)
        more = self._automaton.following(states) - {"and", "then", "please", "now"}
        return Reading(complete=final, prefix=bool(words and states), closed=final and not more)

    def sample(self, rng: np.random.Generator) -> str:
        """A random sentence, one in ten a stop."""
        return regular_grammar.sample(self._stop if rng.random() < 0.1 else self._commands, rng)


def within_stop_sentence(text: str) -> bool:
    """Whether a text is made of the words of the stop sentences alone and has one that means stop; half
    a stop ("stop the") is one too."""
    words = set(normalise(text).split())
    return bool(words & STOP_WORDS) and words <= _STOP_VOCABULARY


def _commands(names: Names) -> Rule:
    heads = tuple(name.split()[-1] for name in names.surfaces)  # "the table", even if there are two
    place = Rule("place", maybe("the") + one_of(*dict.fromkeys(names.places + names.surfaces + heads)))
    kind = one_of(*names.kinds)
    colour = one_of(*names.colours)
    thing = Rule(
        "thing", maybe("the|a") + one_of(maybe(colour) + kind, colour + phrase("object|one"), "object")
    )
    where = Rule("where", phrase("from|in|on") + place)
    commands = one_of(
        _move(), _turn(), _navigate(place), _pick(thing, where), _find(thing, where),
        _bring(thing, place), _place(thing, place), _wait(), "say hello",
    )  # fmt: skip
    command = Rule("command", commands)
    link = Rule("link", phrase("and|then|and then"))
    asked = one_of("please", "could you", "can you", "would you")
    polite = Rule("polite", maybe("robot", 0.1) + maybe(asked, 0.15))
    further = any_number(link + command, 0.25)
    return Rule("commands", maybe(link, 0.02) + polite + command + further + maybe("please", 0.1))


def _stop() -> Rule:
    """Apart from the other commands, which it never joins: its words mean nothing but stop."""
    again = any_number(phrase("stop"), 0.05)
    return Rule("stop", maybe("robot", 0.1) + one_of(*STOP_SENTENCES) + again + maybe("please", 0.1))


def _move() -> Phrase:
    # Not "step": "stop" must never be taken for it.
    ahead = phrase("move|go|walk") + phrase("forward|ahead|back|backward")
    aside = phrase("move|go|walk") + maybe("to the", 0.3) + phrase("left|right")
    return Rule("move", one_of(ahead, aside) + maybe("by", 0.2) + DISTANCE)


def _turn() -> Phrase:
    by = maybe(maybe("by", 0.2) + ANGLE, 0.7)
    aside = maybe("to the", 0.2) + phrase("left|right") + by
    return Rule("turn", phrase("turn|rotate") + one_of(aside, "around"))


def _navigate(place: Phrase) -> Phrase:
    there = one_of("go to", "go into", "walk to", "navigate to", "drive to", "move to", "return to") + place
    return Rule("navigate", one_of(there, "come back", "come here", "come to me"))


def _pick(thing: Phrase, where: Phrase) -> Phrase:
    # Not "get": so short and weak that "yes" passes for "get it".
    verb = phrase("grasp|grab|take|lift")
    named = one_of("pick up", verb) + thing + maybe(where, 0.3)
    return Rule("pick", one_of(named, "pick it up", verb + "it"))


def _find(thing: Phrase, where: Phrase) -> Phrase:
    return Rule("find", one_of("find", "look for", "search for", "where is") + thing + maybe(where, 0.3))


def _bring(thing: Phrase, place: Phrase) -> Phrase:
    source = maybe(phrase("from") + place)
    to = one_of(phrase("to") + place, "to me")
    return Rule(
        "bring",
        one_of(
            phrase("bring me|get me|give me|fetch|fetch me") + thing + source,
            phrase("bring|take|carry") + one_of(thing, "it") + to,
            "bring it here", "bring it back", "give it to me",
        ),
    )  # fmt: skip


def _place(thing: Phrase, place: Phrase) -> Phrase:
    what = one_of(thing, "it")
    there = maybe("down", 0.2) + phrase("on|in|at|onto|into") + place
    set_down = phrase("put|place|set") + what + there
    return Rule("put", one_of(set_down, "put it down", "put down" + thing, "drop it"))


def _wait() -> Phrase:
    return Rule("wait", "wait" + maybe("for", 0.3) + DURATION)
