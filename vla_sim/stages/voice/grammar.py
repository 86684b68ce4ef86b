"""What can be said to the robot: the sentences of one world, for the recogniser and for the parser.

The names of the world's places, surfaces and objects fill the slots of a fixed set of sentences, whose
phrases are those that the reader of texts reads too.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from vla_sim.common.errors import InputError
from vla_sim.contract import phrases
from vla_sim.contract.vocabulary import COMMON_COLOURS, KINDS, NUMBERS, STOP_WORDS, TENS, THING, plural
from vla_sim.stages.voice.spoken_numbers import normalise
from vla_sim.world.semantic_map import World

SENTENCES = """#JSGF V1.0;
grammar sentence;
public <sentence> = (<commands> | <question> | <reply> | <stop>);
<commands> = [<link>] <polite> [({FORBIDDEN})] <command> (<link> <command>)* [please];
<link> = ({LINKS});
<polite> = [robot] [(could you | can you | would you)] [please];
<command> = (<move> | <turn> | <navigate> | <pick> | <find> | <bring> | <put> | <wait> | say hello);
<move> = [<pace>] ({STEP}) (<way> [by] <amount> | <amount> <way> | <steps> [<way>]) | take <steps> <way>;
<way> = ({FORWARD} | {BACKWARD} | {LEFT} | {RIGHT});
<amount> = (<distance> | {A_BIT});
<steps> = (a step | <several> steps);
<distance> = (<several> [and a half] meters | one and a half meters | ten meters | one meter | a meter
    | half a meter | [(zero | one | two | three | four)] point <digit> meters | <tens> [five] centimeters
    | ten centimeters);
<several> = ({several});
<digit> = ({digits});
<tens> = ({tens});
<turn> = ({TURN}) (<side> [[by] (<angle> | {A_BIT})] | (<angle> | {A_BIT}) <side> | {AROUND});
<side> = ({LEFT} | {RIGHT});
<angle> = (<below_hundred> | (one | two | three) hundred [and] [<below_hundred>]) degrees;
<below_hundred> = (<digit> | (({teens}) | <tens> [<digit>]));
<navigate> = ([<pace>] ({GO}) [<pace>] ({TO}) <place> [({VIA}) <place>] [<pace>] [<link> to <place>]
    | ({COME}) ({HERE}) | go back to ({START}));
<pace> = ({SLOWLY} | {QUICKLY});
<place> = [the] ({places});
<pick> = (({PICK}) <thing> [<where>] [<hand>] | pick (it | <thing>) up | ({take_it}) it);
<hand> = ({LEFT_HAND} | {RIGHT_HAND});
<thing> = [(the | a)] ([({colours})] ({kinds}) | ({colours}) (object | one) | object);
<where> = ({FROM}) <place>;
<find> = ({FIND}) <thing> [<where>];
<bring> = ((bring [me] | get me | give me | hand me | fetch [me]) <thing> [<where>]
    | (bring | take | {CARRY}) (<thing> [<where>] | it) (to <place> | to me | <beside>)
    | bring it here | bring it back | give it to me);
<put> = (({PUT}) (<thing> | it) [down] (({ON}) <place> | <beside>)
    | put (it | <thing>) down | put down <thing> | drop it);
<beside> = ({NEXT_TO} | {ON_TOP_OF} | {INSIDE}) <thing>;
<wait> = wait [for] <duration>;
<duration> = (<few> seconds | one second);
<few> = (<several> | (({teens}) | <tens> [<digit>]));
<question> = [robot] (({IS_THERE}) <thing> [<where>] | is <thing> <where>
    | ({HOW_MANY}) ({plurals}) ({EXIST}) [<where>]
    | ({WHAT_IS}) (in | on) <place> | ({questions}));
<reply> = ({YES} | {NO} | {NEVER_MIND} | {OTHER} | {NO} (<thing> | <place>));
<stop> = {stops};
"""
"""JSGF 1.0 (https://www.w3.org/TR/jsgf/): the shapes of sentences, filled with `contract.phrases` and the
names of a world. A stop never joins other commands: its words mean nothing else. "one seconds" is no phrase.
What is forbidden is listened for, too, else "don't pick up the cup" would be an "and pick up the cup"; but
"don't stop" is not, for which a stop might be taken. "Step" only within "take two steps": "stop" must never
be taken for it. Not "get" alone: so short and weak that "yes" passes for "get it"."""
STOPS = f"[robot] ({' | '.join(phrases.STOP.spoken)}) (stop)* [please]"
"""A rule of its own too: among many sentences a stop in noise is lost sooner than among a few words."""
QUESTIONS = (
    phrases.ASK_HOLDING, phrases.ASK_SEEING, phrases.ASK_WHERE, phrases.ASK_DOING, phrases.ASK_ABLE,
    phrases.ASK_PLACES, phrases.ASK_THINGS,
)  # fmt: skip
MAX_STEPS = 10_000
"""Steps through the grammar that are cached."""
_STOP_VOCABULARY = {word for one in phrases.STOP.spoken for word in one.split()} | {"robot", "please"}


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
            kinds=unique((one.kind for one in world.objects if one.kind != THING), world.words, KINDS),
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
        heads = tuple(name.split()[-1] for name in names.surfaces)  # "the table", even if there are two
        slots = {
            "places": dict.fromkeys(names.places + names.surfaces + heads), "kinds": names.kinds,
            "colours": names.colours, "digits": NUMBERS[1:10], "several": NUMBERS[2:10],
            "teens": NUMBERS[10:], "tens": TENS, "plurals": map(plural, names.kinds),
            # "pick up the" would pass for "pick up it"
            "take_it": [one for one in phrases.PICK.spoken if one != "pick up"],
            "questions": [one for table in QUESTIONS for one in table.spoken], "stops": [STOPS],
        }  # fmt: skip
        fixed = {
            name: table.spoken for name, table in vars(phrases).items() if isinstance(table, phrases.Phrases)
        }
        self.jsgf = SENTENCES.format(
            **{name: " | ".join(words) for name, words in (*slots.items(), *fixed.items())}
        )
        self.automaton = Automaton(self.jsgf)
        self.words = self.automaton.words

    @staticmethod
    def of(world: World) -> Grammar:
        return Grammar(Names.of(world))

    def without(self, words: frozenset[str]) -> Grammar:
        """The grammar without the names that hold one of these words.

        Raises `InputError` if they are words of the commands themselves.
        """
        kept = {
            field: tuple(name for name in names if not words & set(name.split()))
            for field, names in vars(self.names).items()
        }
        left = Grammar(Names(**kept))
        if left.words & words:
            raise InputError(f"the commands need the words {sorted(left.words & words)}; give pronunciations")
        return left

    def read(self, text: str) -> Reading:
        """Whether `text` (any case, digits, punctuation) is a sentence or the beginning of one."""
        states = self.automaton.start
        words = normalise(text).split()
        for word in words:
            states = self.automaton.step(states, word)
        final = self.automaton.end in states
        more = self.automaton.following(states) - {"and", "then", "please", "now"}
        return Reading(complete=final, prefix=bool(words and states), closed=final and not more)


class Automaton:
    """Of the first rule of a JSGF text: Thompson's construction (Comm. ACM 11(6), 1968) with state sets made
    as they are needed. A sentence is complete if `end` is among the states after it."""

    def __init__(self, jsgf: str) -> None:
        self._rules: dict[str, str] = dict(re.findall(r"(<\w+>) = (.*?);", jsgf, re.DOTALL))
        self._arcs: list[list[tuple[str, int]]] = []
        self._epsilon: list[list[int]] = []
        begin = self._state()
        self.end = self._item(deque([next(iter(self._rules))]), begin)
        self.start: frozenset[int] = self._close({begin})
        self.words = frozenset(word for arcs in self._arcs for word, _ in arcs)
        self.step = lru_cache(MAX_STEPS)(self._step)
        """(states, word) -> the states after one more word; empty when no sentence goes on like this."""

    def _state(self) -> int:
        self._arcs.append([])
        self._epsilon.append([])
        return len(self._arcs) - 1

    def _choice(self, tokens: deque[str], begin: int) -> int:
        """Adds the alternatives up to a closing bracket after the state `begin`; the state at their end."""
        end = self._state()
        while True:
            at = begin
            while tokens and tokens[0] not in "|)]":
                at = self._item(tokens, at)
            self._epsilon[at].append(end)
            if not tokens or tokens.popleft() != "|":
                return end

    def _item(self, tokens: deque[str], begin: int) -> int:
        """Adds a word, a rule, (a group), (a repeated one)* or [an option]."""
        token = tokens.popleft()
        if token in self._rules:
            return self._choice(
                deque(re.findall(r"[][()|*]|<\w+>|[^][()|*<>\s]+", self._rules[token])), begin
            )
        if token not in "([":
            end = self._state()
            self._arcs[begin].append((token, end))
            return end
        inner = self._state()
        self._epsilon[begin].append(inner)
        end = self._choice(tokens, inner)
        repeated = bool(tokens) and tokens[0] == "*"
        if repeated:
            tokens.popleft()
            self._epsilon[end].append(inner)
        if repeated or token == "[":
            self._epsilon[begin].append(end)
        return end

    def _close(self, states: set[int]) -> frozenset[int]:
        found, todo = set(states), list(states)
        while todo:
            for state in self._epsilon[todo.pop()]:
                if state not in found:
                    found.add(state)
                    todo.append(state)
        return frozenset(found)

    def _step(self, states: frozenset[int], word: str) -> frozenset[int]:
        return self._close({to for state in states for arc, to in self._arcs[state] if arc == word})

    def following(self, states: frozenset[int]) -> set[str]:
        """The words that may come next."""
        return {word for state in states for word, _ in self._arcs[state]}


def within_stop_sentence(text: str) -> bool:
    """Whether a text is made of the words of the stop sentences alone and has one that means stop; half
    a stop ("stop the") is one too."""
    words = set(normalise(text).split())
    return bool(words & STOP_WORDS) and words <= _STOP_VOCABULARY
