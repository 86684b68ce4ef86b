"""Which 20 ms chunks hold a voice, and where an utterance begins and ends among them.

Two judges of a chunk. The energy above an adaptive noise floor says when a sound begins and ends: it is
exact in time. WebRTC's detector (in pocketsphinx) says whether a sound is like speech: it hangs over for
100 ms, so it has no say in where a sound ends.
"""

from dataclasses import dataclass, field
from typing import Literal

import pocketsphinx

from vla_sim.stages.voice.audio import CHUNK, CHUNK_SECONDS, SAMPLE_RATE, Samples, voiced_level_db


@dataclass(frozen=True)
class Activity:
    """loud: well above the noise floor. speechlike: loud, and sounds like speech. level [dB re full
    scale]."""

    loud: bool
    speechlike: bool
    level: float


class VoiceActivity:
    """margin_db: how far above the floor a voice is. quietest_db: what is below is never a voice.
    drop_db: how far below the loudest of the last second the end of a word may fall."""

    FLOOR_RISE = 4.0
    """[dB/s], so that a fan that starts is part of the floor after some seconds."""
    PEAK_FALL = 20.0
    """[dB/s]"""

    def __init__(self, margin_db: float = 9.0, quietest_db: float = -58.0, drop_db: float = 32.0) -> None:
        self.margin_db, self.quietest_db, self.drop_db = margin_db, quietest_db, drop_db
        self._webrtc = pocketsphinx.Vad(pocketsphinx.Vad.MEDIUM_STRICT, SAMPLE_RATE, CHUNK_SECONDS)
        assert self._webrtc.frame_bytes == 2 * CHUNK
        self.floor_db = -50.0
        self._peak_db = -120.0

    def judge(self, chunk: Samples) -> Activity:
        """The verdict on one chunk of `audio.CHUNK` samples; chunks must come in order."""
        level = max(voiced_level_db(chunk), -90.0)
        speech = bool(self._webrtc.is_speech(chunk.tobytes()))
        self._peak_db = max(level, self._peak_db - self.PEAK_FALL * CHUNK_SECONDS)
        threshold = max(self.floor_db + self.margin_db, self.quietest_db, self._peak_db - self.drop_db)
        loud = level > threshold
        if level < self.floor_db:
            self.floor_db += 0.3 * (level - self.floor_db)
        else:
            self.floor_db += min(level - self.floor_db, self.FLOOR_RISE * CHUNK_SECONDS)
        return Activity(loud, loud and speech, level)


Edge = Literal["none", "begin", "end"]


@dataclass(frozen=True)
class Hangover:
    """Seconds of silence that end an utterance, by what has been understood so far.

    closed: a sentence that only "please" or a further command could follow, or a stop.
    complete: a sentence that could go on. unfinished: a beginning that was well heard, of which more must
    come: people pause within a sentence. open: anything else.
    """

    closed: float = 0.14
    complete: float = 0.20
    unfinished: float = 1.2
    open: float = 0.44


@dataclass
class Endpointer:
    """Chunk by chunk: `push` says whether an utterance begins or ends with this one.

    onset: loud chunks among the last `window` that make a beginning. longest [s] of an utterance.
    """

    onset: int = 3
    window: int = 5
    longest: float = 15.0
    active: bool = False
    chunks: int = 0
    """Since the beginning."""
    loud: int = 0
    speechlike: int = 0
    silence: float = 0.0
    """[s] since the last loud chunk."""
    _recent: list[Activity] = field(default_factory=list)

    def push(self, activity: Activity, hangover: float) -> Edge:
        """hangover: seconds of silence that end the utterance now."""
        if not self.active:
            self._recent = [*self._recent, activity][-self.window :]
            self.loud = sum(one.loud for one in self._recent)
            if self.loud < self.onset:
                return "none"
            self.active, self.chunks = True, len(self._recent)
            self.speechlike = sum(one.speechlike for one in self._recent)
            self.silence = 0.0
            return "begin"
        self.chunks += 1
        self.loud += activity.loud
        self.speechlike += activity.speechlike
        self.silence = 0.0 if activity.loud else self.silence + CHUNK_SECONDS
        if self.silence >= hangover - 1e-9 or self.chunks * CHUNK_SECONDS >= self.longest:
            self.reset()
            return "end"
        return "none"

    def reset(self) -> None:
        self.active = False
        self._recent.clear()
