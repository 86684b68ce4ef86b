"""A simulated microphone: a spoken command as a microphone in a quiet room would record it."""

import numpy as np

from vla_sim.stages.voice.audio import FULL_SCALE, SAMPLE_RATE, Samples

ROOM_DB = -66.0
"""Level of the noise of a quiet room [dB re full scale]."""


def room_noise(count: int, rng: np.random.Generator, db: float = ROOM_DB) -> np.ndarray:
    """`count` samples of a room's hum: noise that falls by 3 dB an octave (pink), float, full scale
    32768."""
    spectrum = np.fft.rfft(rng.standard_normal(max(count, 2)))
    spectrum /= np.sqrt(np.maximum(np.arange(spectrum.size), 20.0 * count / SAMPLE_RATE))
    noise = np.fft.irfft(spectrum, max(count, 2))[:count]
    return noise / max(float(noise.std()), 1e-9) * FULL_SCALE * 10.0 ** (db / 20.0)


def in_room(
    speech: Samples, seed: int = 0, lead: float = 0.4, tail: float = 0.8, noise_db: float = ROOM_DB
) -> Samples:
    """The speech with `lead` and `tail` seconds of room noise around it, and the noise under it."""
    rng = np.random.default_rng(seed)
    before, after = int(lead * SAMPLE_RATE), int(tail * SAMPLE_RATE)
    sound = np.pad(np.asarray(speech, dtype=np.float64), (before, after))
    sound += room_noise(sound.size, rng, noise_db)
    return np.clip(np.rint(sound), -32768, 32767).astype(np.int16)


def babble(seconds: float) -> Samples:
    """Noise with the rhythm of syllables (4 Hz): no words, but enough to warm a recogniser with."""
    rng = np.random.default_rng(0)
    count = int(seconds * SAMPLE_RATE)
    rhythm = np.clip(np.sin(2.0 * np.pi * 4.0 * np.arange(count) / SAMPLE_RATE), 0.0, 1.0)
    sound = room_noise(count, rng, -20.0) * rhythm + room_noise(count, rng)
    return sound.clip(-32768, 32767).astype(np.int16)
