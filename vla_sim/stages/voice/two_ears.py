"""Two ears on one utterance: what the grammar's recogniser and a free one make of it together.

The grammar's ear hears the robot's sentences and forces all else into them; the free one hears any words and
takes "red cup" for "rack up". So neither is taken at its own word alone: each is asked how well the other's
words fit what it heard. What both find possible is done, if it is one thing; else the robot asks.
"""

from collections.abc import Callable, Mapping, Sequence

from vla_sim.contract import phrases
from vla_sim.contract.vocabulary import STOP_WORDS
from vla_sim.stages.voice.grammar import Grammar, within_stop_sentence
from vla_sim.stages.voice.recogniser import Recognition
from vla_sim.stages.voice.spoken_numbers import normalise

HEARD = 0.1
"""Confidence of the grammar's ear in a sentence, below which the other's consent to it is too little."""
LIKELY = 0.03
"""Chance that the free ear must give to each piece of a sentence after those before it. Measured in quiet and
in noise: of 72 sentences that were not said, most of them one word beside the one that was, 71 had at most
0.0015, and the first half of one 0.008; of 44 that were said 31 had 0.03 and more."""
UNLIKELY = 0.003
"""Below which it says that a sentence was not said."""
CANNOT_SAY = 0.01
"""Of an ear that cannot be asked."""
CERTAIN = 0.5
"""From which no other piece is as likely: enough for a sentence of the grammar that its own ear, between
people who talk, cannot hear."""
FREE_CONFIDENCE = 0.5
"""From which the free ear's own words may be believed."""
IDLE_WORDS = frozenset(
    ("the", "a", "an", "please", "robot", "could", "can", "would", "you", "and", "then", "now")
)
"""Which change nothing of what is to be done."""
_WEIGHTY = STOP_WORDS | phrases.NEGATIONS
"""Which no other sentence may leave out."""


def vote(
    heard: Sequence[Recognition], free: Recognition, likely: Mapping[str, float], grammar: Grammar,
    fits: Callable[[str], bool],
) -> tuple[Recognition, bool]:  # fmt: skip
    """What was said, and whether it may be acted on.

    heard: by the grammar's ear, which was not sure enough alone, the best first. free: by the other, which
    finds each of them so `likely`. fits: whether words explain the sound to the grammar's ear.
    """
    if not free.text:
        return heard[0], False
    if within_stop_sentence(free.text):
        return Recognition("stop", free.confidence, ear="free"), True
    weighty, whole = _WEIGHTY & {*free.text.split()}, grammar.read(free.text).complete
    chances: dict[str, float] = {}
    for one in heard:
        text = one.text
        if grammar.read(text).complete and weighty <= {*text.split()}:
            if same(text, free.text):
                chances[text] = 1.0
            elif one.confidence >= HEARD and likely[text] >= UNLIKELY:
                chances[text] = likely[text]
    if chances:
        said = max(chances, key=lambda text: chances[text])
        others = [text for text in chances if chances[text] >= LIKELY] + [free.text] * whole
        agreed = chances[said] >= LIKELY and all(same(said, other) for other in others)
        sure = max(one.confidence for one in (*heard, free) if one.text in (said, free.text))
        return Recognition(said, sure, ear="both"), agreed
    believed = free.confidence >= FREE_CONFIDENCE and (
        (whole and likely[free.text] >= CERTAIN) or fits(free.text)
    )
    return Recognition(free.text, free.confidence, ear="free"), believed


def same(one: str, other: str) -> bool:
    """Whether two texts say the same but for words that change nothing."""
    return _meant(one) == _meant(other)


def _meant(text: str) -> list[str]:
    return [word for word in normalise(text).split() if word not in IDLE_WORDS]
