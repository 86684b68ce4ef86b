"""Does a language model's plan fit the words that were said? A small model answers "sing a song" with
picking up a cup, and forgets the kitchen in "go to the kitchen and take the cup"; so each name and
amount of its plan must be grounded in the text, and each name in the text must appear in the plan. Neither
holds of a text that says what is not to be done: "don't go to the kitchen" names it."""

import math
from collections.abc import Mapping, Sequence

from vla_sim.contract import phrases
from vla_sim.contract.records import ObjectQuery, Step
from vla_sim.stages.language.dialogue_context import Context
from vla_sim.stages.language.understanding import quantities
from vla_sim.stages.language.understanding.lexicon import Lexicon, Names
from vla_sim.stages.language.understanding.tokens import tokenise

_AMOUNT = (
    (quantities.WORDS - {"and", "a", "an", "of", "point"})
    | phrases.FORWARD.words | phrases.BACKWARD.words | phrases.LEFT.words | phrases.RIGHT.words
    | phrases.AROUND.words
) - {"to", "the", "your", "on"}  # fmt: skip

ROUNDED = 0.02
"""Share of an amount by which a model may round it."""
_WAYS = ((phrases.LEFT, phrases.RIGHT), (phrases.FORWARD, phrases.BACKWARD))
"""Which of them is said alone is the way to go."""
_POINTING = frozenset({"it", "that", "this", "them", "there", "one", "thing", "object", "again"})
_SPEAKER = frozenset({"me", "us", "i", "my", "here", "back", "hand", "give", "fetch", "bring", "return"})


def ungrounded(text: str, steps: Sequence[Step], lexicon: Lexicon, context: Context) -> str:
    """The first thing in the intent's steps that the text does not speak of; "" if all is grounded."""
    said = tokenise(text)
    strange = frozenset(i for i, word in enumerate(said) if word not in phrases.WORDS)
    places = {*_spoken(said, strange, lexicon.places), *_spoken(said, strange, lexicon.surfaces)}
    kinds, colours = _spoken(said, strange, lexicon.kinds), _spoken(said, strange, lexicon.colours)
    if not _POINTING.isdisjoint(said):
        places.add(context.mentioned_place)
    if not _SPEAKER.isdisjoint(said):
        places.add("user")
    amounts = _amounts(said)
    last = context.mentioned if not _POINTING.isdisjoint(said) else None
    for step in steps:
        if step.place and step.place not in places:
            return "you" if step.place == "user" else f"the {step.place}"
        held = context.held if step.skill in ("place", "carry") else None
        known = (last, held)
        if step.object is not None and not _meant(step.object, kinds, colours, known):
            return f"the {step.object}"
        if (what := _amiss(step, said, amounts)) is not None:
            return what
        if step.arm and step.arm not in said:
            return f"the {step.arm} hand"
    return ""


def negation(text: str) -> str:
    """The first word with which the text says what is not to be done, which no plan can hold; "" if there is
    none."""
    return next((word for word in tokenise(text) if phrases.negates(word)), "")


def _amiss(step: Step, said: Sequence[str], amounts: Mapping[str, list[float]]) -> str | None:
    """An amount of the step that is none of those that were said, if some of its kind were, or a way that is
    not the one that was. amounts: those that were said [m], [rad], [s]."""
    if step.skill not in ("move", "turn", "wait"):
        return None
    if not any(word in _AMOUNT or word[0].isdigit() for word in said):
        return f"to {step.skill}"
    for kind, unit, value in (
        ("length", "m", step.distance), ("length", "m", step.lateral), ("angle", "rad", step.angle),
        ("time", "s", step.seconds),
    ):  # fmt: skip
        near = (math.isclose(abs(value or 0.0), one, rel_tol=ROUNDED) for one in amounts[kind])
        if value is not None and amounts[kind] and not any(near):
            return f"{abs(value):.3g} {unit}"
    for (ahead, astern), value in zip(_WAYS, (step.angle or step.lateral, step.distance), strict=True):
        ways = [table.within(said, 0, len(said)) for table in (ahead, astern)]
        if value and ways == [value < 0.0, value > 0.0]:
            return "that way"
    return None


def _amounts(said: Sequence[str]) -> dict[str, list[float]]:
    """By what they measure, the amounts that were said [m], [rad], [s]."""
    found: dict[str, list[float]] = {"length": [], "angle": [], "time": []}
    i = 0
    while i < len(said):
        amount = quantities.quantity(said, i)
        if amount is not None:
            found[amount.dimension].append(amount.value)
        i = amount.end if amount is not None else i + 1
    return found


def forgotten(text: str, steps: Sequence[Step], lexicon: Lexicon) -> str:
    """The first place or object that the text names and the intent's steps do not; "" if there is none."""
    said = tokenise(text)
    places = {step.place for step in steps}
    places |= {lexicon.surface_place[place] for place in places if place in lexicon.surface_place}
    objects = {step.object for step in steps if step.object is not None}
    kinds, colours = {one.kind for one in objects}, {one.colour for one in objects}
    planned = (places, places, kinds, colours)
    tables = (lexicon.surfaces, lexicon.places, lexicon.kinds, lexicon.colours)
    i = 0
    while i < len(said):
        found = [(m, used) for names, used in zip(tables, planned, strict=True) if (m := names.find(said, i))]
        if not found:
            i += 1
            continue
        match, used = max(found, key=lambda one: one[0].end)
        if used.isdisjoint(match.values):
            return " ".join(said[i : match.end])
        i = match.end
    return ""


def _meant(
    query: ObjectQuery, kinds: set[str], colours: set[str], known: Sequence[ObjectQuery | None]
) -> bool:
    """The kind was said and no other colour, or "the red one" without a kind."""
    if query in known:
        return True
    colour = not query.colour or query.colour in colours
    return colour and (query.kind in kinds or (bool(query.colour) and not kinds))


def _spoken(said: Sequence[str], strange: frozenset[int], names: Names) -> set[str]:
    matches = [m for i in range(len(said)) for m in (names.find(said, i), names.mend(said, i, strange)) if m]
    return {value for match in matches for value in match.values}
