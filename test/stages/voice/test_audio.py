import contextlib
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.common.errors import InputError
from vla_sim.stages.voice.audio import CHUNK, SAMPLE_RATE, chunks, level_db, load, resample, save, to_int16


def tone(rate: int, seconds: float = 0.5, hertz: float = 440.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 24000, 44100, 48000])
def test_a_tone_keeps_its_pitch_level_and_length_at_another_rate(rate: int) -> None:
    out = resample(tone(rate), rate)
    assert len(out) == pytest.approx(SAMPLE_RATE / 2, abs=1)
    middle = slice(800, -800)
    np.testing.assert_allclose(out[middle], tone(SAMPLE_RATE)[: len(out)][middle], atol=0.01)


def test_a_stereo_wav_of_any_rate_is_loaded_as_mono_at_16_khz(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44100)
        both = np.stack([to_int16(tone(44100)), np.zeros(22050, dtype=np.int16)], axis=1)
        file.writeframes(both.tobytes())
    sound = load(path)
    assert sound.dtype == np.int16
    assert len(sound) == 8000
    assert level_db(sound) == pytest.approx(-15.05, abs=0.2)  # half the amplitude of one channel


def test_a_saved_sound_is_loaded_unchanged(tmp_path: Path) -> None:
    sound = np.arange(-500, 500, dtype=np.int16)
    save(tmp_path / "a.wav", sound)
    np.testing.assert_array_equal(load(tmp_path / "a.wav"), sound)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no audio file .*gone.wav.*give the path"):
        load(tmp_path / "gone.wav")


def test_a_text_file_is_no_audio(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("hello")
    with pytest.raises(InputError, match="is not an audio file"):
        load(tmp_path / "a.wav")


def test_a_wav_without_samples_is_empty(tmp_path: Path) -> None:
    save(tmp_path / "a.wav", np.zeros(0, dtype=np.int16))
    with pytest.raises(InputError, match="is empty"):
        load(tmp_path / "a.wav")


def header(rate: int, size: int) -> bytes:
    """Of a WAV file with one channel of 16 bits."""
    form = struct.pack("<IHHIIHH", 16, 1, 1, rate, min(2 * rate, 2**32 - 1), 2, 16)
    return b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + form + b"data" + struct.pack("<I", size)


@pytest.mark.parametrize(("rate", "size"), [(1, 400_000), (2_000_000_011, 400_000), (16_000, 4_000_000_000)])
def test_a_recording_out_of_bounds_is_refused_before_it_is_read(tmp_path: Path, rate: int, size: int) -> None:
    path = tmp_path / "bomb.wav"
    with path.open("wb") as file:
        file.write(header(rate, size))
        file.truncate(44 + size)
    with pytest.raises(InputError, match=r"bomb\.wav has 1 channels of .* allowed are up to 16 of 600 s"):
        load(path)


@given(st.binary(max_size=300))
def test_any_bytes_after_a_header_are_sound_or_one_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "any.wav"
    path.write_bytes(header(16_000, 200)[: 44 - len(data) % 20] + data)
    with contextlib.suppress(InputError):
        assert load(path).dtype == np.int16


@given(st.integers(0, 3000))
def test_chunks_hold_the_whole_sound(count: int) -> None:
    sound = np.arange(count, dtype=np.int16)
    pieces = list(chunks(sound))
    assert all(len(piece) == CHUNK for piece in pieces)
    if pieces:
        np.testing.assert_array_equal(np.concatenate(pieces)[:count], sound)


def test_what_is_too_loud_is_clipped() -> None:
    assert to_int16(np.array([-2.0, 2.0])).tolist() == [-32768, 32767]
