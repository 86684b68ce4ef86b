"""pocketsphinx with the grammar of one world, decoding while the words arrive.

Measured with version 5.1.1 and hibari's voice: the search over the word lattice (`bestpath`) makes
things worse (it loses whole sentences after a little background noise), so it is off. The model wants
cepstra without their mean; the mean of the first `SETTLE` seconds of the utterance itself does much
better in noise (all of 22 commands at 20 dB) than a mean kept from elsewhere (16 of 22).
"""

import math
from collections.abc import Callable

import numpy as np
import pocketsphinx

from vla_sim.stages.voice.audio import SAMPLE_RATE, Samples
from vla_sim.stages.voice.grammar import STOPS, Grammar
from vla_sim.stages.voice.recogniser import Recognition, Word

FRAME_RATE = 100
"""Frames a second of the acoustic model."""
LOG_BASE = math.log(1.0001)
"""Scores are logarithms to this base."""
SETTLE = 0.5
"""[s], half of it the silence before the voice: soon enough for "stop" to be decoded as it is spoken."""
MISFIT_LIMIT = 62.0
WORD_MISFIT_LIMIT = 72.0
MISFIT_SCALE = 8.0
"""Confidence is 0.5 at a limit and 0.73 at one scale less. Misfit of a sentence: that of its mean
frame plus half that of its worst word, which has a limit of its own. Measured: commands by hibari 36
in the median, 57 at most; other sentences forced into the grammar 87 in the median, 6 % below 62."""
MORE_MISFIT = 20.0
"""By which the limits are higher where a misfit counts from the best of all sounds there are. Measured in
noise: stops 60 to 95, other words that were taken for stops 96 and more."""


class Pocketsphinx:
    """The English model of the pocketsphinx wheel.

    spell: gives the CMU phones of a word that the dictionary lacks ("" if it cannot).
    unpronounced: words without a pronunciation; the names that hold them are left out of the grammar.
    spelt: words whose pronunciation came from `spell`.
    """

    name = "pocketsphinx"
    free_form = False

    def __init__(self, grammar: Grammar, spell: Callable[[str], str] | None = None) -> None:
        self._decoder = _decoder()
        self._strict = _decoder(compallsen=True)
        """Asked about few words. Its misfit counts from the best of all sounds there are, that of the other
        from the best that its search has in view: to that, "put it down" was a "freeze" among stops alone."""
        self._spell = spell
        unknown = [w for w in sorted(grammar.words) if self._decoder.lookup_word(w) is None]
        found = {word: spell(word) if spell else "" for word in unknown}
        self.spelt = {word: phones for word, phones in found.items() if phones}
        for word, phones in self.spelt.items():
            for decoder in (self._decoder, self._strict):
                decoder.add_word(word, phones, True)
        self.unpronounced = tuple(word for word, phones in found.items() if not phones)
        self.grammar = grammar.without(frozenset(self.unpronounced)) if self.unpronounced else grammar
        self._decoder.add_jsgf_string("commands", self.grammar.jsgf)
        self._decoder.activate_search("commands")
        self._strict.add_jsgf_string("stops", f"#JSGF V1.0; grammar stops; public <stop> = {STOPS};")
        self._heard: list[bytes] = []
        self._running = False

    def start(self) -> None:
        if self._running:
            self._decoder.end_utt()
        self._decoder.reinit_feat()  # 0.02 ms; else what was heard before spoils all that follows
        self._heard, self._running = [], False

    def feed(self, chunk: Samples) -> None:
        data = np.ascontiguousarray(chunk, dtype="<i2").tobytes()
        self._heard.append(data)
        if self._running:
            self._decoder.process_raw(data)
        elif sum(map(len, self._heard)) >= 2 * SETTLE * SAMPLE_RATE:
            self._settle()

    def so_far(self) -> Recognition:
        if not self._running and self._heard:
            self._settle()
        return _result(self._decoder) if self._running else Recognition("", 0.0)

    def finish(self) -> Recognition:
        if not self._running and self._heard:
            self._settle()
        if not self._running:
            return Recognition("", 0.0)
        self._decoder.end_utt()
        self._running = False
        return _result(self._decoder)

    def again(self) -> Recognition | None:
        """With the noise and the cepstral mean of the whole utterance, all at once."""
        if not self._heard or self._running:
            return None
        self._pass(self._decoder)
        return _result(self._decoder)

    def stop(self) -> Recognition | None:
        """By the grammar of the stops."""
        return self._by("stops")

    def phones(self, text: str) -> tuple[str, ...]:
        """Of a text's words, without stress; empty if one has no pronunciation."""
        found = [self._spelt(word) for word in text.split()]
        return tuple(phone for phones in found for phone in phones.split()) if all(found) else ()

    def fit(self, text: str) -> Recognition:
        """How well the utterance that was finished last fits these words, of the grammar or not."""
        if not self._heard or self._running or not self.phones(text):
            return Recognition("", 0.0)
        self._strict.add_jsgf_string("fit", f"#JSGF V1.0; grammar fit; public <fit> = {text};")
        found = self._by("fit")
        return found if found is not None and found.text == text else Recognition("", 0.0)

    def _by(self, search: str) -> Recognition | None:
        if not self._heard or self._running:
            return None
        self._strict.activate_search(search)
        self._pass(self._strict)
        return _result(self._strict, MORE_MISFIT)

    def _pass(self, decoder: pocketsphinx.Decoder) -> None:
        """Over the whole utterance, the same whatever was heard before."""
        sound = b"".join(self._heard)
        decoder.reinit_feat()  # it has learnt from each pass so far
        for only_learn in (True, False):
            decoder.start_utt()
            decoder.process_raw(sound, no_search=only_learn, full_utt=True)
            decoder.end_utt()

    def _spelt(self, word: str) -> str:
        """Phones of a word, made known to the decoder that is asked about few words (to the other it would
        cost 0.1 s: its search is built anew); "" if nothing can pronounce it."""
        phones = self._strict.lookup_word(word)
        if phones is None and self._spell is not None and (phones := self._spell(word)):
            self._strict.add_word(word, phones, True)
        return phones or ""

    def _settle(self) -> None:
        """Take the cepstral mean of what was heard so far, then decode it and what follows with it."""
        data = b"".join(self._heard)
        decoder = self._decoder
        decoder.start_utt()
        decoder.process_raw(data, no_search=True, full_utt=True)
        decoder.end_utt()
        decoder.set_cmn(decoder.get_cmn(True))
        decoder.start_utt()
        self._running = True
        decoder.process_raw(data)


def _decoder(**options: bool) -> pocketsphinx.Decoder:
    return pocketsphinx.Decoder(lm=None, bestpath=False, wip=0.3, loglevel="FATAL", **options)


def _result(decoder: pocketsphinx.Decoder, more: float = 0.0) -> Recognition:
    """more: as `confidence` takes it."""
    hypothesis = decoder.hyp()
    if hypothesis is None or not hypothesis.hypstr.strip():
        return Recognition("", 0.0)
    words = tuple(_words(decoder))
    return Recognition(hypothesis.hypstr.strip(), confidence(words, more), words)


def _words(decoder: pocketsphinx.Decoder) -> list[Word]:
    """The words with their times, without silence, noise and the grammar's empty arcs."""
    words = []
    for one in decoder.seg():
        if one.word[0] in "<[(+" or one.end_frame < one.start_frame:
            continue
        frames = one.end_frame - one.start_frame + 1
        misfit = -math.log(max(one.ascore, 1e-300)) / LOG_BASE / frames
        begin, end = one.start_frame / FRAME_RATE, (one.end_frame + 1) / FRAME_RATE
        words.append(Word(one.word.split("(")[0], begin, end, misfit))
    return words


def confidence(words: tuple[Word, ...], more: float = 0.0) -> float:
    """0..1 from the misfit; 0 without words. more: by which the limits are higher."""
    if not words:
        return 0.0
    worst = max(word.misfit for word in words)
    frames = sum(word.end - word.begin for word in words)
    mean = sum(word.misfit * (word.end - word.begin) for word in words) / max(frames, 1e-9)
    over = max(mean + 0.5 * worst - MISFIT_LIMIT, worst - WORD_MISFIT_LIMIT) - more
    return 1.0 / (1.0 + math.exp(min(50.0, over / MISFIT_SCALE)))
