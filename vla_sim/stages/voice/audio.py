"""Sound as the voice stage knows it: int16, mono, 16 kHz, in chunks of 20 ms."""

from collections.abc import Iterator
from math import gcd
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.errors import InputError
from vla_sim.common.geometry import Array

SAMPLE_RATE = 16_000
"""[Hz]"""
CHUNK = 320
"""Samples a message: 20 ms."""
CHUNK_SECONDS = CHUNK / SAMPLE_RATE
FULL_SCALE = 32768.0

RATES = (4_000, 384_000)
"""[Hz] that a recording may have."""
MOST_SECONDS = 600.0
MOST_CHANNELS = 16
MOST_LOST = 0.4
"""Of the loudest channel's amplitude: a voice in one of two channels is half as loud in their mean."""

Samples = NDArray[np.int16]


def to_int16(signal: NDArray[np.floating]) -> Samples:
    """A signal in -1..1 as int16; what is outside is clipped."""
    return np.clip(np.rint(np.asarray(signal) * FULL_SCALE), -32768, 32767).astype(np.int16)


def resample(signal: NDArray[np.floating], rate: int, to_rate: int = SAMPLE_RATE) -> Array:
    """A (n,) signal at another sampling rate [Hz], band-limited: its spectrum is cut or extended.

    The signal is extended by a block of zeros, so that its end does not wrap around to its start.
    """
    values: Array = np.asarray(signal, dtype=np.float64)
    if rate == to_rate or values.size == 0:
        return values
    step = rate // gcd(rate, to_rate)
    length = round(values.size * to_rate / rate)
    padded = -(-(values.size + rate // 20) // step) * step
    resized = padded * to_rate // rate
    spectrum = np.fft.rfft(values, padded)
    kept = np.zeros(resized // 2 + 1, dtype=complex)
    n = min(kept.size, spectrum.size)
    kept[:n] = spectrum[:n]
    resampled: Array = np.fft.irfft(kept, resized)[:length] * (resized / padded)
    return resampled


def load(path: str | Path) -> Samples:
    """The sound of an audio file (WAV, FLAC, OGG; any rate, any number of channels) at 16 kHz mono.

    Raises `InputError` if there is no such file, or it holds no sound that can be read, or more than
    `MOST_SECONDS`.
    """
    import soundfile

    file = Path(path)
    if not file.is_file():
        raise InputError(f"no audio file {str(file)!r}; give the path of a WAV file")
    try:
        about = soundfile.info(file)
        rate, seconds = about.samplerate, about.frames / max(1, about.samplerate)
        if not RATES[0] <= rate <= RATES[1] or seconds > MOST_SECONDS or about.channels > MOST_CHANNELS:
            raise InputError(
                f"{file} has {about.channels} channels of {seconds:g} s at {rate} Hz; allowed are up to "
                f"{MOST_CHANNELS} of {MOST_SECONDS:g} s at {RATES[0]} to {RATES[1]} Hz"
            )
        signal, rate = soundfile.read(file, dtype="float64", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise InputError(f"{file} is not an audio file ({error}); give a WAV, FLAC or OGG file") from None
    if signal.shape[0] == 0:
        raise InputError(f"{file} is empty: it has a header but no samples; record it again")
    if not np.isfinite(signal).all():
        raise InputError(f"{file} has samples that are not finite; save it as 16 bit PCM")
    return to_int16(resample(mix(signal), rate))


def mix(signal: NDArray[np.floating]) -> NDArray[np.floating]:
    """One channel (n,) of (n, channels): their mean, or the loudest one where the mean has lost more than
    `MOST_LOST` of it: channels of opposite phase cancel, and a voice in one of many fades."""
    mean = signal.mean(axis=1)
    loudest = signal[:, np.argmax(signal.std(axis=0))]
    return mean if mean.std() >= MOST_LOST * loudest.std() else loudest


def save(path: str | Path, samples: Samples) -> None:
    """Write a 16 bit WAV file."""
    import wave

    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.ascontiguousarray(samples, dtype="<i2").tobytes())


def chunks(samples: Samples) -> Iterator[Samples]:
    """The sound in pieces of 20 ms, the last one filled up with zeros."""
    for begin in range(0, len(samples), CHUNK):
        piece = samples[begin : begin + CHUNK]
        yield piece if len(piece) == CHUNK else np.pad(piece, (0, CHUNK - len(piece)))


def level_db(samples: Samples) -> float:
    """Root mean square in dB relative to full scale; -120 for digital silence."""
    power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
    return _db(power)


def voiced_level_db(chunk: Samples) -> float:
    """`level_db` of a chunk without what is below 75 Hz, where no voice is: a microphone's offset and the hum
    of the mains. The bins of the chunk's spectrum are 50 Hz apart, and the first two fall away."""
    spectrum = np.abs(np.fft.rfft(chunk))[2:] / CHUNK
    return _db(float(2.0 * np.sum(spectrum**2)))


def _db(power: float) -> float:
    return 10.0 * np.log10(max(power / FULL_SCALE**2, 1e-12))
