"""From sound to words: the interface of a recogniser, and what it says of an utterance."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

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
    ear: str = ""
    """"free" or "both", where a second one was asked."""

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

    def stop(self) -> Recognition | None:
        """Which stop the utterance that was finished last is, if it is one; None if it cannot be asked."""
        ...


class FreeRecogniser(Protocol):
    """Hears any words, of a whole utterance at once."""

    name: str

    def transcribe(self, sound: Samples) -> Recognition: ...


class WholeUtterance:
    """A free recogniser alone, as a recogniser that hears nothing until the utterance is over."""

    free_form = True

    def __init__(self, recogniser: FreeRecogniser) -> None:
        self.name, self._recogniser = recogniser.name, recogniser
        self._heard: list[Samples] = []

    def start(self) -> None:
        self._heard = []

    def feed(self, chunk: Samples) -> None:
        self._heard.append(chunk)

    def so_far(self) -> Recognition:
        return Recognition("", 0.0)

    def finish(self) -> Recognition:
        heard, self._heard = self._heard, []
        return self._recogniser.transcribe(np.concatenate(heard)) if heard else Recognition("", 0.0)

    def again(self) -> Recognition | None:
        return None

    def stop(self) -> Recognition | None:
        return None


def warm(recogniser: Recogniser, speech: Samples) -> Recognition:
    """One utterance through the recogniser, so that the first real one finds everything loaded."""
    recogniser.start()
    recogniser.feed(speech)
    recogniser.so_far()
    return recogniser.finish()
