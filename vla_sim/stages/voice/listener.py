"""Speech understanding of a stream: chunks in, one decision per utterance out. No ROS, no clock of its
own."""

import math
from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vla_sim.contract import phrases
from vla_sim.stages.voice.audio import CHUNK_SECONDS, Samples
from vla_sim.stages.voice.endpointing import Activity, Endpointer, Hangover, VoiceActivity
from vla_sim.stages.voice.grammar import Grammar, within_stop_sentence
from vla_sim.stages.voice.recogniser import Recogniser, Recognition
from vla_sim.stages.voice.second_ear import SecondEar
from vla_sim.stages.voice.two_ears import same, vote

Reason = Literal["", "silence", "noise", "partial"]
PRE_ROLL = 12
"""Chunks before the onset that are decoded too: the recogniser's silence model needs some."""
MIN_SPEECHLIKE = 5
"""Speech-like chunks (100 ms) without which a sound is noise."""
MIN_SPEECHLIKE_SHARE = 0.3
"""Of the loud chunks; a click in a fan's noise has less."""
MAX_UNEXPLAINED = 0.35
"""[s] of voice outside the recognised words: more, and it was only half understood."""
STOP_CONFIDENCE = 0.25
"""Little is enough for a stop: standing still by mistake does no harm."""
STOP_ALONE = 0.5
"""Confidence of a stop that was looked for among the stops alone. Noise with the rhythm of speech has 0.3;
stops that are lost at this limit were lost at half of it, too."""
STOP_TWICE = 0.15
"""And if the best of all sentences was a stop too, though not surely. Seen in noise: other words have at most
0.14, stops 0.17 and more."""
PAUSE = 0.2
"""[s] of silence after which the second ear begins: an utterance that goes on hereafter is not the grammar's
to end."""
QUIET = 36.0
"""[dB] of the loudest chunk above the quietest tenth of the utterance, below which one hearing is not
believed. Measured: at least 44 in a quiet room, at most 33 in noise 20 dB below the voice. "Come back" at 10
dB above a fan is "fetch the cup" to the grammar's ear, with confidence 0.93."""
RECHECK_AFTER = 0.06
"""[s] of silence after which the hypothesis decides how much more silence ends the utterance."""
_LINKS = tuple(f"{link} " for link in phrases.LINKS.spoken)


@dataclass(frozen=True)
class Utterance:
    """What was understood of it. complete: it may be acted on. speech_end: when its last voiced chunk was
    captured, on the caller's clock. ear: "free" or "both" where a second one was asked."""

    text: str
    confidence: float
    complete: bool
    reason: Reason
    speech_end: float
    ear: str = ""


class Listener:
    """Feed it chunks; it answers when an utterance is over.

    confidence: from which a sentence is accepted. silence_seconds: a stream that ends without a voice is
    reported, unless it goes on with one that was answered so short a time before; 0 for never. Silence
    before a voice is no news, however long. second: asked where `recogniser`, the grammar's, is not sure.
    """

    def __init__(
        self, recogniser: Recogniser, grammar: Grammar, confidence: float = 0.5,
        hangover: Hangover | None = None, silence_seconds: float = 5.0, second: SecondEar | None = None,
    ) -> None:  # fmt: skip
        self.recogniser, self.grammar = recogniser, grammar
        self.confidence = confidence
        self.hangover = hangover or Hangover()
        self.silence_seconds, self.second = silence_seconds, second
        self._heard: list[Samples] = []
        self._levels: list[float] = []
        """[dB] of its chunks."""
        self.activity = VoiceActivity()
        self.endpointer = Endpointer()
        self._before: deque[tuple[Samples, Activity]] = deque(maxlen=PRE_ROLL)
        self._loud: list[bool] = []
        self._speech_end = 0.0
        self._waited = 0
        self._answered = False
        self._understood = True
        """Whether the last words were; else none may go on from them."""
        self._last_answer = -math.inf
        self._noisy = 0

    def feed(self, chunk: Samples, captured: float) -> Utterance | None:
        """One chunk and when its last sample was captured [s]; what was heard if an utterance ended with
        it."""
        chunk = np.asarray(chunk, dtype=np.int16)
        judged = self.activity.judge(chunk)
        self._waited += 1
        was_active = self.endpointer.active
        if judged.loud:
            self._speech_end = captured
        if was_active:
            self._take(chunk, judged)
            self._listen_twice(judged.loud)
        else:
            self._before.append((chunk, judged))
        edge = self.endpointer.push(judged, self._hangover(judged.loud) if was_active else 0.0)
        if edge == "begin":
            self.recogniser.start()
            self._loud, self._levels, self._heard = [], [], []
            if self.second is not None:
                self.second.forget()
            for earlier, judgement in self._before:
                self._take(earlier, judgement)
            self._before.clear()
        elif edge == "end":
            return self._end()
        return None

    def _take(self, chunk: Samples, judged: Activity) -> None:
        self.recogniser.feed(chunk)
        self._heard.append(chunk)
        self._loud.append(judged.loud)
        self._levels.append(judged.level)

    def _listen_twice(self, loud: bool) -> None:
        """The second ear begins in a pause."""
        if self.second is None:
            return
        if loud:
            self.second.forget()
        elif not self.second.begun and self.endpointer.silence + CHUNK_SECONDS >= PAUSE:
            self.second.begin(self._heard)

    def turn_away(self) -> Utterance | None:
        """The stream goes on, but what comes is not listened to: what was heard last, if anything."""
        self._before.clear()
        if not self.endpointer.active:
            return None
        self.endpointer.reset()
        return self._end()

    def close(self, now: float) -> Utterance | None:
        """The stream has ended: what was heard last, or that it held no speech. The next chunk begins
        a new stream."""
        utterance = self.turn_away()
        fresh = now - self._last_answer >= self.silence_seconds
        unheard = self.silence_seconds > 0.0 and not self._answered and self._waited > 0
        if utterance is None and unheard and fresh:
            utterance = Utterance("", 0.0, False, "noise" if self._noisy else "silence", now)
        self._waited, self._answered, self._noisy = 0, False, 0
        return utterance

    def _hangover(self, loud: bool) -> float:
        """How much silence ends the utterance now. The hypothesis is asked for only in a pause."""
        pause = self.endpointer.silence + CHUNK_SECONDS
        if loud or pause < RECHECK_AFTER:
            return self.hangover.open
        found = self.recogniser.so_far()
        if self.recogniser.free_form:
            return self.hangover.complete
        if within_stop_sentence(found.text):
            return self.hangover.closed
        reading = self.grammar.read(found.text)
        if reading.complete:
            return self.hangover.closed if reading.closed else self.hangover.complete
        begun = reading.prefix and found.confidence >= self.confidence
        return self.hangover.unfinished if begun else self.hangover.open

    def _end(self) -> Utterance | None:
        recognition = self.recogniser.finish()
        e = self.endpointer
        self._before.clear()
        if e.speechlike < max(MIN_SPEECHLIKE, MIN_SPEECHLIKE_SHARE * e.loud):
            self._noisy += 1
            if e.loud < 2 * MIN_SPEECHLIKE:
                return None  # a click, a knock: not worth an answer
            return self._answer("", 0.0, "noise")
        return self._judge(recognition)

    def _judge(self, first: Recognition) -> Utterance:
        """Accepted, decoded a second time, found to be a stop, heard by the second ear, or not accepted."""
        quiet = self._quiet()
        if self._sure(first, quiet):
            return self._believe(first)
        second = self.recogniser.again() or first
        best = max(first, second, key=lambda one: one.confidence)
        twice = same(first.text, second.text)
        found = best if twice else second
        if self._sure(found, quiet or (twice and self.second is None)):
            return self._believe(found)
        stop = None if twice and self._accepted(best) else self.recogniser.stop()
        if stop is not None and self._stops(stop, best):
            return self._answer(stop.text, stop.confidence, "")
        if self.second is None:
            return self._answer(best.sure_text, best.confidence, "partial" if best.text else "noise")
        silence = self._loud[::-1].index(True) * CHUNK_SECONDS if any(self._loud) else 0.0
        free = self.second.hear(self._heard, silence)
        found, believed = vote(best, free, self.grammar, self.second.witness, self._fits)
        reason: Reason = "" if believed else "partial" if found.text else "noise"
        return self._answer(found.text if believed else found.sure_text, found.confidence, reason, found.ear)

    def _sure(self, found: Recognition, alone: bool) -> bool:
        """Whether it is acted on with nobody else asked. alone: whether one hearing is enough."""
        return self._accepted(found) and (alone or within_stop_sentence(found.text))

    def _believe(self, found: Recognition) -> Utterance:
        half_a_stop = within_stop_sentence(found.text) and not self.grammar.read(found.text).complete
        return self._answer("stop" if half_a_stop else found.text, found.confidence, "")

    def _quiet(self) -> bool:
        levels = self._levels
        return not levels or max(levels) - float(np.percentile(levels, 10)) >= QUIET

    def _accepted(self, found: Recognition) -> bool:
        if within_stop_sentence(found.text):
            return found.confidence >= STOP_CONFIDENCE
        reading = self.grammar.read(found.text)
        whole = reading.complete or (self.recogniser.free_form and bool(found.text) and not reading.prefix)
        return whole and self._fits(found)

    def _stops(self, found: Recognition, best: Recognition) -> bool:
        """Whether it is a stop with little else, found where only stops were looked for. best: what was found
        among all sentences."""
        twice = within_stop_sentence(best.text)
        fits = found.confidence >= (STOP_TWICE if twice else max(STOP_ALONE, best.confidence))
        return fits and within_stop_sentence(found.text) and self._unexplained(found) <= MAX_UNEXPLAINED

    def _fits(self, found: Recognition) -> bool:
        return found.confidence >= self.confidence and self._unexplained(found) <= MAX_UNEXPLAINED

    def _unexplained(self, found: Recognition) -> float:
        """Seconds of voice that no recognised word covers."""
        if not found.words:
            return 0.0
        count = 0
        for i, loud in enumerate(self._loud):
            middle = (i + 0.5) * CHUNK_SECONDS
            count += loud and not any(w.begin - 0.04 <= middle <= w.end + 0.06 for w in found.words)
        return count * CHUNK_SECONDS

    def _answer(self, text: str, confidence: float, reason: Reason, ear: str = "") -> Utterance:
        if not reason and not self._understood and text.startswith(_LINKS):
            reason = "partial"  # half of a sentence, or noise that was taken for words
        if reason in ("", "partial"):
            self._understood = not reason
        self._answered, self._last_answer = True, self._speech_end
        return Utterance(text, min(1.0, max(0.0, confidence)), not reason, reason, self._speech_end, ear)
