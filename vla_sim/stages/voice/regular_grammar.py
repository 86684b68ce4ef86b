"""Building blocks of a regular grammar: words in order, choices, options, repetitions.

One description serves four purposes: the text of a JSGF grammar for the recogniser, an automaton
that decides whether a text is a sentence, the words that need a pronunciation, and random sentences.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np


class Phrase:
    """Base of all building blocks."""

    def __add__(self, other: Phrase | str) -> Phrase:
        return Sequence((self, phrase(other)))

    def __radd__(self, other: str) -> Phrase:
        return Sequence((phrase(other), self))


@dataclass(frozen=True)
class Words(Phrase):
    """Fixed words, separated by spaces."""

    text: str


@dataclass(frozen=True)
class Sequence(Phrase):
    parts: tuple[Phrase, ...]


@dataclass(frozen=True)
class Choice(Phrase):
    parts: tuple[Phrase, ...]


@dataclass(frozen=True)
class Option(Phrase):
    """The part or nothing; `repeated`: zero or more times. chance: of the part, and of each further round, in
    random sentences."""

    part: Phrase
    chance: float
    repeated: bool = False


@dataclass(frozen=True)
class Rule(Phrase):
    """A part with a name; in JSGF `<name>`."""

    name: str
    part: Phrase


def phrase(value: Phrase | str) -> Phrase:
    """A string "a b|c" stands for the choice between "a b" and "c"."""
    if isinstance(value, Phrase):
        return value
    choices = [Words(one.strip()) for one in value.split("|")]
    return choices[0] if len(choices) == 1 else Choice(tuple(choices))


def one_of(*values: Phrase | str) -> Phrase:
    return Choice(tuple(phrase(value) for value in values))


def maybe(value: Phrase | str, chance: float = 0.5) -> Phrase:
    return Option(phrase(value), chance)


def any_number(value: Phrase | str, chance: float) -> Phrase:
    """Zero or more times."""
    return Option(phrase(value), chance, repeated=True)


# --------------------------------------------------------------------------- JSGF


def jsgf(top: Rule) -> str:
    """The grammar as JSGF 1.0 text (https://www.w3.org/TR/jsgf/), `top` being its public rule."""
    rules: dict[str, str] = {}
    _collect(top, rules)
    lines = [f"<{name}> = {body};\n" for name, body in rules.items() if name != top.name]
    return f"#JSGF V1.0;\ngrammar {top.name};\npublic <{top.name}> = {rules[top.name]};\n{''.join(lines)}"


def _collect(node: Phrase, rules: dict[str, str]) -> str:
    if isinstance(node, Rule):
        if node.name not in rules:
            rules[node.name] = ""
            rules[node.name] = _collect(node.part, rules)
        return f"<{node.name}>"
    if isinstance(node, Words):
        return node.text
    if isinstance(node, Sequence):
        return " ".join(_collect(part, rules) for part in node.parts)
    if isinstance(node, Choice):
        return "(" + " | ".join(_collect(part, rules) for part in node.parts) + ")"
    assert isinstance(node, Option)
    part = _collect(node.part, rules)
    return f"({part})*" if node.repeated else f"[{part}]"


# --------------------------------------------------------------------------- samples


def _parts(node: Phrase) -> tuple[Phrase, ...]:
    if isinstance(node, (Sequence, Choice)):
        return node.parts
    assert isinstance(node, (Option, Rule))
    return (node.part,)


def sample(node: Phrase, rng: np.random.Generator) -> str:
    """A random sentence."""
    return " ".join(_sample(node, rng))


def _sample(node: Phrase, rng: np.random.Generator) -> Iterator[str]:
    if isinstance(node, Words):
        if node.text:
            yield node.text
    elif isinstance(node, Choice):
        yield from _sample(node.parts[rng.integers(len(node.parts))], rng)
    elif isinstance(node, Option):
        while rng.random() < node.chance:
            yield from _sample(node.part, rng)
            if not node.repeated:
                break
    else:
        for part in _parts(node):
            yield from _sample(part, rng)


# --------------------------------------------------------------------------- automaton

MAX_STEPS = 10_000
"""Steps through the grammar that are cached."""


class Automaton:
    """Thompson's construction (Comm. ACM 11(6), 1968) with state sets made as they are needed."""

    def __init__(self, node: Phrase) -> None:
        self._arcs: list[list[tuple[str, int]]] = []
        self._epsilon: list[list[int]] = []
        begin = self._state()
        self._end = self._build(node, begin)
        self.start: frozenset[int] = self._close({begin})
        self.words = frozenset(word for arcs in self._arcs for word, _ in arcs)
        self.step = lru_cache(MAX_STEPS)(self._step)
        """(states, word) -> the states after one more word; empty when no sentence goes on like this."""

    def _state(self) -> int:
        self._arcs.append([])
        self._epsilon.append([])
        return len(self._arcs) - 1

    def _build(self, node: Phrase, begin: int) -> int:
        """Adds the node after the state `begin`; the state at its end."""
        if isinstance(node, Words):
            for word in node.text.split():
                self._arcs[begin].append((word, end := self._state()))
                begin = end
            return begin
        if isinstance(node, Choice):
            end = self._state()
            for part in node.parts:
                self._epsilon[self._build(part, begin)].append(end)
            return end
        if isinstance(node, Option):
            inner, end = self._state(), self._state()
            self._epsilon[begin] += [inner, end]
            last = self._build(node.part, inner)
            self._epsilon[last] += [inner, end] if node.repeated else [end]
            return end
        for part in _parts(node):
            begin = self._build(part, begin)
        return begin

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

    def final(self, states: frozenset[int]) -> bool:
        return self._end in states

    def following(self, states: frozenset[int]) -> set[str]:
        """The words that may come next."""
        return {word for state in states for word, _ in self._arcs[state]}
