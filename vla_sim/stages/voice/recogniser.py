"""From sound to words: the interface of a recogniser, and what it says of an utterance."""

from dataclasses import dataclass
from typing import Protocol

from vla_sim.stages.voice.audio import Samples


@dataclass(frozen=True)
class Word:
    """begin, end [s] from the start of the utterance. misfit: how much worse the word's sounds fit than
    the best sounds there are; below 40 is usual for a word that was said."""

    text: str
    begin: float
    end: float
    misfit: float = 0.0


@dataclass(frozen=True)
class Recognition:
    """text: lower case, numbers as words; empty if nothing was recognised. confidence: 0..1, from 0.5
    on it is more likely right than not. words: with their times, empty if the recogniser has none."""

    text: str
    confidence: float
    words: tuple[Word, ...] = ()

    @property
    def sure_text(self) -> str:
        """The words that fit well on their own."""
        return " ".join(word.text for word in self.words if word.misfit < 50.0) if self.words else self.text


class Recogniser(Protocol):
    """Takes one utterance at a time, chunk by chunk as it is spoken."""

    name: str
    free_form: bool
    """Whether it hears any words, or only the sentences of a grammar."""

    def start(self) -> None:
        """A new utterance begins; an unfinished one is forgotten."""
        ...

    def feed(self, chunk: Samples) -> None: ...

    def so_far(self) -> Recognition:
        """As far as it is known; cheap. Without text if the recogniser cannot say."""
        ...

    def finish(self) -> Recognition:
        """The utterance is over."""
        ...

    def again(self) -> Recognition | None:
        """A second, slower look at the utterance that was finished last; None if there is no other."""
        ...


def warm(recogniser: Recogniser, speech: Samples) -> Recognition:
    """One utterance through the recogniser, so that the first real one finds everything loaded."""
    recogniser.start()
    recogniser.feed(speech)
    recogniser.so_far()
    return recogniser.finish()
