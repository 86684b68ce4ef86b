"""Sound as a device has it, made into what the voice stage takes: one channel of 16 kHz, pieces of 20 ms."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.errors import InputError, package
from vla_sim.stages.voice.audio import CHUNK, FULL_SCALE, RATES, SAMPLE_RATE, Samples

CONVERTER = "sinc_medium"
"""Of libsamplerate: what is above 8 kHz falls by more than 120 dB, and a sample comes out 3 ms later. soxr's
default takes 40 ms for that (measured)."""


class MonoStream:
    """rate [Hz] of the blocks. channel: which one is taken, from 1 on; 0: the mean of all. Raises
    `InputError` for a rate that is not allowed, `MissingError`."""

    def __init__(self, rate: int, channel: int = 0) -> None:
        if not RATES[0] <= rate <= RATES[1]:
            raise InputError(f"rate {rate}: {RATES[0]} to {RATES[1]} Hz is allowed")
        self.rate, self.channel = rate, channel
        self._converter: Any = None
        if rate != SAMPLE_RATE:
            library = package(
                "samplerate", "sound devices need samplerate; install it with: pip install samplerate==0.2.4"
            )
            self._converter = library.Resampler(CONVERTER, 1)
        self._taken = self._given = 0
        self._rest = np.zeros(0, dtype=np.int16)

    def push(self, block: NDArray[np.int16], begin: float) -> Iterator[tuple[Samples, float]]:
        """Each piece (CHUNK,) that is whole with this block (n, channels), and when its last sample was
        captured [s]. begin: when the block's first one was."""
        taken = self._taken / self.rate
        self._taken += len(block)
        self._rest = np.concatenate((self._rest, self._converted(block)))
        while len(self._rest) >= CHUNK:
            piece, self._rest = self._rest[:CHUNK], self._rest[CHUNK:]
            self._given += CHUNK
            yield piece, begin + self._given / SAMPLE_RATE - taken

    def _converted(self, block: NDArray[np.int16]) -> Samples:
        mono = block[:, self.channel - 1] if self.channel else block.mean(axis=1)
        if self._converter is not None and len(mono):
            signal = np.asarray(mono, dtype=np.float32) / np.float32(FULL_SCALE)
            mono = self._converter.process(signal, SAMPLE_RATE / self.rate) * FULL_SCALE
        return np.clip(np.rint(mono), -32768, 32767).astype(np.int16)
