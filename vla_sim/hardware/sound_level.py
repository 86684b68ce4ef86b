"""How loud a microphone is, for the person who sets it up."""

from collections import deque

import numpy as np

from vla_sim.stages.voice.audio import CHUNK_SECONDS, FULL_SCALE, Samples, level_db

CLIPPED = 32_700
"""A sample as large as this has reached full scale."""


class SoundLevel:
    """Of the last second."""

    def __init__(self) -> None:
        self._powers: deque[float] = deque(maxlen=round(1.0 / CHUNK_SECONDS))
        self._peaks: deque[int] = deque(maxlen=self._powers.maxlen)
        self.silent = 0.0
        """[s] of zeros, until now."""

    def add(self, piece: Samples) -> None:
        """The next piece (n,)."""
        self._powers.append(10.0 ** (level_db(piece) / 10.0))
        self._peaks.append(int(np.abs(piece.astype(np.int32)).max(initial=0)))
        self.silent = self.silent + CHUNK_SECONDS if self._peaks[-1] == 0 else 0.0

    @property
    def rms(self) -> float:
        """[dB re full scale]"""
        mean = sum(self._powers) / len(self._powers) if self._powers else 0.0
        return 10.0 * float(np.log10(max(mean, 1e-12)))

    @property
    def peak(self) -> float:
        """[dB re full scale]"""
        return 20.0 * float(np.log10(max(self._peaks, default=0) / FULL_SCALE or 1e-6))

    @property
    def clipped(self) -> bool:
        """Whether it was too loud for the device: its loudest parts are cut off."""
        return max(self._peaks, default=0) >= CLIPPED

    def verdict(self) -> str:
        """What is wrong with it in words; "" if nothing is."""
        if self.silent >= 10.0:
            return "nothing but zeros: the microphone is muted"
        return "too loud: turn the microphone down" if self.clipped else ""
