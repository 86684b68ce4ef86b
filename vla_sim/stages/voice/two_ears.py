"""Two ears on one utterance: what the grammar's recogniser and a free one make of it together.

The grammar's ear hears the robot's sentences and forces all else into them; the free one hears any words and
takes "red cup" for "rack up". Where they agree, each is right more often than either alone; where they
differ on what would move, the robot asks.
"""

from collections.abc import Callable
from typing import Protocol

from vla_sim.contract import phrases
from vla_sim.contract.vocabulary import STOP_WORDS
from vla_sim.stages.voice.grammar import QUESTIONS, Grammar, within_stop_sentence
from vla_sim.stages.voice.nearest_sentence import Phones, nearest
from vla_sim.stages.voice.recogniser import Recognition
from vla_sim.stages.voice.spoken_numbers import normalise

RIVAL = 0.2
"""Confidence of the grammar's ear that counts by itself: from here on, words that only sound like its
sentence are enough, and against another sentence the free ear is not believed alone. Where both wrote the
same, neither need be sure."""
FREE_CONFIDENCE = 0.5
"""From which the free ear is believed alone, if its words fit the sound too."""
IDLE_WORDS = frozenset(
    ("the", "a", "an", "please", "robot", "could", "can", "would", "you", "and", "then", "now")
)
"""Which change nothing of what is to be done."""
_ASKED = frozenset(one for table in QUESTIONS for one in table.spoken)


class Witness(Protocol):
    """The grammar's recogniser, asked about the utterance that was finished last."""

    def phones(self, text: str) -> Phones:
        """Empty if a word has no pronunciation."""
        ...

    def fit(self, text: str) -> Recognition:
        """How well the sound fits these words, which need not be a sentence of the grammar."""
        ...


def vote(
    sure: Recognition, free: Recognition, grammar: Grammar, witness: Witness,
    fits: Callable[[Recognition], bool],
) -> tuple[Recognition, bool]:  # fmt: skip
    """What was said, and whether it may be acted on. sure: of the grammar's ear, which was not sure enough
    alone; free: of the other. fits: whether words explain the sound."""
    if not free.text:
        return sure, False
    if within_stop_sentence(free.text):
        return Recognition("stop", free.confidence, ear="free"), True
    sentence = nearest(grammar.automaton, witness.phones(free.text), witness.phones)
    left_out = {*free.text.split()} - {*sentence.split()}
    if any(word in STOP_WORDS or phrases.negates(word) for word in left_out):
        sentence = ""  # "go to the kitchen stop" and "don't go to the kitchen" sound like it, too
    literal = not sentence or same(sentence, free.text)
    whole = grammar.read(sure.text).complete
    counts = whole and sure.confidence >= RIVAL
    if whole and same(sentence, sure.text) and (literal or counts):
        return Recognition(sure.text, max(sure.confidence, free.confidence), ear="both"), True
    said = sentence or free.text
    rival = counts and sure.text not in _ASKED  # a question moves nothing
    believed = literal and not rival and free.confidence >= FREE_CONFIDENCE and fits(witness.fit(said))
    return Recognition(said, free.confidence, ear="free"), believed


def same(one: str, other: str) -> bool:
    """Whether two texts say the same but for words that change nothing."""
    return _meant(one) == _meant(other)


def _meant(text: str) -> list[str]:
    return [word for word in normalise(text).split() if word not in IDLE_WORDS]
