"""Voice activity: which 20 ms chunks hold a voice.

Two judges. The energy above an adaptive noise floor says when a sound begins and ends: it is exact in
time. WebRTC's detector (in pocketsphinx) says whether a sound is like speech: it hangs over for 100 ms,
so it has no say in where a sound ends.
"""

from dataclasses import dataclass

import pocketsphinx

from vla_sim.stages.voice.audio import CHUNK, CHUNK_SECONDS, SAMPLE_RATE, Samples, level_db


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
        level = max(level_db(chunk), -90.0)
        speech = bool(self._webrtc.is_speech(chunk.tobytes()))
        self._peak_db = max(level, self._peak_db - self.PEAK_FALL * CHUNK_SECONDS)
        threshold = max(self.floor_db + self.margin_db, self.quietest_db, self._peak_db - self.drop_db)
        loud = level > threshold
        if level < self.floor_db:
            self.floor_db += 0.3 * (level - self.floor_db)
        else:
            self.floor_db += min(level - self.floor_db, self.FLOOR_RISE * CHUNK_SECONDS)
        return Activity(loud, loud and speech, level)
