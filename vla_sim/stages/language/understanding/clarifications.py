"""What the robot asks back: one sentence that names what it did not understand and what it knows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vla_sim.contract.records import ObjectQuery
from vla_sim.stages.language.understanding.lexicon import Lexicon

Reason = Literal["words", "name", "missing", "limit", "held", "heard"]
"""words: words that no command uses. name: an unknown or ambiguous place or object. missing: a command
without its object, place or amount. limit: too far, too long. held: the hand is full or empty. heard:
nothing, noise or half a sentence was heard."""


@dataclass(frozen=True)
class Problem:
    """Why a command is asked back instead of acted on."""

    question: str
    reason: Reason


NOTHING_HEARD = Problem("I did not hear anything.", "heard")
NOISE_HEARD = Problem("I heard a noise but no command.", "heard")
SKILLS = "I can go to a place, turn, move, wait, and find, pick up, bring and put down things."
WHAT_IS_IT = Problem('What do you mean by "it"?', "missing")


def missing(question: str) -> Problem:
    return Problem(question, "missing")


def not_understood(understood: Sequence[str], rest: Sequence[str]) -> Problem:
    strange = ", ".join(f'"{one}"' for one in rest)
    if not understood:
        return Problem(f"I did not understand {strange}. {SKILLS} What should I do?", "words")
    known = " and ".join(f'"{one}"' for one in understood)
    return Problem(f"I understood {known}, but not {strange}. What should I do?", "words")


def unknown_place(words: str, lexicon: Lexicon) -> Problem:
    known = ", ".join(lexicon.place_names) or "no places"
    return Problem(f'I do not know a place called "{words}". I know: {known}.', "name")


def unknown_object(words: str, lexicon: Lexicon) -> Problem:
    return Problem(f'I do not know an object called "{words}". {_known(lexicon)}', "name")


def no_such_object(query: ObjectQuery, lexicon: Lexicon) -> Problem:
    return Problem(f"I do not know a {query}. {_known(lexicon)}", "name")


def which_object(lexicon: Lexicon, colour: str = "") -> Problem:
    question = f"The {colour} what?" if colour else "Which object do you mean?"
    return Problem(f"{question} {_known(lexicon)}", "missing")


def which_of_them(query: ObjectQuery, count: int) -> Problem:
    return missing(f"I see {count} of them. Which {query} do you mean: the left or the right one?")


def which_name(word: str, names: Sequence[str]) -> Problem:
    return Problem(f'By "{word}", do you mean {_either(names)}?', "name")


def which_surface(names: Sequence[str]) -> Problem:
    return Problem(f"Which one do you mean: {_either(names)}?", "name")


def where_to_put(lexicon: Lexicon) -> Problem:
    known = ", ".join(lexicon.surface_place)
    return missing(f"Where shall I put it? I know: {known}." if known else "I know nothing to put it on.")


def no_surface(place: str, lexicon: Lexicon) -> Problem:
    known = ", ".join(lexicon.surface_place) or "nothing"
    return Problem(f"I know nothing to put it on in the {place}. I know: {known}.", "name")


def hand_is_full(held: ObjectQuery, wanted: ObjectQuery) -> Problem:
    question = f"I can hold one thing only. Where shall I put the {held} before I take the {wanted}?"
    return Problem(question, "held")


def too_long_text(length: int, most: int) -> Problem:
    return Problem(f"That was {length} characters; I read up to {most}. Please say it shorter.", "words")


def half_heard(text: str) -> Problem:
    return Problem(f'I only understood "{text}". Please say it again.', "heard")


def _known(lexicon: Lexicon) -> str:
    known = ", ".join(str(one) for one in lexicon.objects)
    return f"I know: {known}." if known else "I know no objects here."


def _either(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return ", ".join(names[:-1]) + f" or {names[-1]}"
