"""What the robot asks back: one sentence that names what it did not understand and what it knows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vla_sim.contract.phrases import Phrases
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
    unknown: str = ""
    """The words that were taken for a name and are none."""
    held: str = ""
    """What has to be put down first."""


NOTHING_HEARD = Problem("I did not hear anything.", "heard")
NOISE_HEARD = Problem("I heard a noise but no command.", "heard")
SKILLS = "I can go to a place, turn, move, wait, and find, pick up, bring and put down things."
NO_SLOWNESS = Problem("Slowly is how I walk or carry; the rest has its own pace. What should I do?", "limit")
NO_HANDEDNESS = Problem("I choose a hand for what I take. What should I take?", "limit")
ONE_HAND = Problem("I take a thing with one hand. With which?", "limit")
NOTHING_HELD = Problem("I am not holding anything.", "held")
WHERE_ARE_YOU = Problem(
    'I do not see where you are. Name a place, or say "go back to where you started".', "name"
)
ONLY_BY = Problem(
    "I put a thing next to another one, on top of it or into it. Where shall I put it?", "limit"
)
WHAT_IS_IT = Problem('What do you mean by "it"?', "missing")
WHICH_TWO = Problem("I put one thing next to, on top of or into another. Which two do you mean?", "name")


def missing(question: str) -> Problem:
    return Problem(question, "missing")


_BEYOND = (
    (Phrases("if|when|whenever|until|unless|while|as soon as|once you|every time|in case"),
     "I cannot wait for something to happen, or decide by it. Tell me each step when it is time."),
    (Phrases("in a minute|in a moment|later|tomorrow|tonight|at noon|in an hour|minutes|hours"),
     'I cannot do it at another time. Say it when it is time, or "wait" with seconds or minutes.'),
    (Phrases("both hands|two hands"), ONE_HAND.question),
    (Phrases("both|all|every|everything|everywhere|each|two cups|two balls|two boxes|all of them"),
     "I take one thing at a time, and go to one place. Which one?"),
    (Phrases("again|twice|times|once more|repeat"), "Say what I should do, once for each time."),
    (Phrases("follow|accompany|come with me"), "I cannot follow anyone. Name a place and I go there."),
    (Phrases("behind|next to|beside|left of|right of|in front of|between|under|underneath|below|near",
             "around the"),
     "I cannot choose a thing or a way by what is beside it, and put things only next to, on top of or into "
     "another."),
    (Phrases("leftmost|rightmost|biggest|smallest|bigger|smaller|nearest|closest|big|small|large|heavy"),
     "I tell things apart by kind and colour alone. Which one do you mean?"),
    (Phrases("or"), "Which one? I do one thing, you choose."),
    (Phrases("floor|ground"), "I cannot reach the floor."),
)  # fmt: skip
"""Words that were not understood, and the one sentence that says why it cannot be done."""


def beyond(tokens: Sequence[str]) -> Problem | None:
    """Why what was asked is beyond the robot; None if no word tells."""
    for table, sentence in _BEYOND:
        if table.within(tokens, 0, len(tokens)):
            return Problem(sentence, "words")
    return None


def not_understood(understood: Sequence[str], rest: Sequence[str]) -> Problem:
    strange = ", ".join(f'"{one}"' for one in rest)
    if not understood:
        return Problem(f"I did not understand {strange}. {SKILLS} What should I do?", "words")
    known = " and ".join(f'"{one}"' for one in understood)
    return Problem(f"I understood {known}, but not {strange}. What should I do?", "words")


def unknown_place(words: str, lexicon: Lexicon) -> Problem:
    known = ", ".join(lexicon.place_names) or "no places"
    return Problem(f'I do not know a place called "{words}". I know: {known}.', "name", words)


def unknown_object(words: str, lexicon: Lexicon) -> Problem:
    return Problem(f'I do not know an object called "{words}". {_known(lexicon)}', "name", words)


def unknown_own(name: str) -> Problem:
    show = f'Have it before me and say "this is my {name}".'
    return Problem(f"I do not know your {name}. {show}", "name", name)


def no_such_object(query: ObjectQuery, lexicon: Lexicon) -> Problem:
    return Problem(f"I do not know a {query}. {_known(lexicon)}", "name")


def which_object(lexicon: Lexicon, colour: str = "") -> Problem:
    question = f"The {colour} what?" if colour else "Which object do you mean?"
    return Problem(f"{question} {_known(lexicon)}", "missing")


def which_of_them(query: ObjectQuery, count: int) -> Problem:
    return missing(f"I see {count} of them. Which {query} do you mean: the left or the right one?")


def which_name(word: str, names: Sequence[str]) -> Problem:
    return Problem(f'By "{word}", do you mean {_either(names)}?', "name")


def which_of(things: Sequence[ObjectQuery]) -> Problem:
    return Problem(f"Which one do you mean: {_either([f'the {one}' for one in things])}?", "name")


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
    return Problem(question, "held", held=str(held))


def too_long_text(length: int, most: int) -> Problem:
    return Problem(f"That was {length} characters; I read up to {most}. Please say it shorter.", "words")


def did_you_say(text: str) -> Problem:
    return Problem(f'Did you say "{text}"?', "heard")


def half_heard(text: str) -> Problem:
    return Problem(f'I only understood "{text}". Please say it again.', "heard")


def _known(lexicon: Lexicon) -> str:
    known = ", ".join(str(one) for one in lexicon.objects)
    return f"I know: {known}." if known else "I know no objects here."


def _either(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return ", ".join(names[:-1]) + f" or {names[-1]}"
