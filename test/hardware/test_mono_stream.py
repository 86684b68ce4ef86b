"""What a device gives becomes 16 kHz mono in pieces of 20 ms, whatever its rate, channels and blocks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.common.errors import InputError
from vla_sim.hardware.mono_stream import MonoStream
from vla_sim.stages.voice.audio import CHUNK, SAMPLE_RATE

pytest.importorskip("samplerate")


def tone(rate, seconds=1.0, hertz=440.0, channels=1):
    wave = 8000.0 * np.sin(2.0 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)
    return np.repeat(np.rint(wave).astype(np.int16)[:, None], channels, axis=1)


def pushed(stream, blocks, begin=100.0):
    """All pieces of consecutive blocks."""
    out, at = [], begin
    for block in blocks:
        out += stream.push(block, at)
        at += len(block) / stream.rate
    return out


@given(st.lists(st.integers(0, 700), max_size=30), st.sampled_from((8000, 16000, 44100, 48000)))
def test_how_a_device_cuts_its_blocks_makes_no_difference(cuts, rate):
    sound = tone(rate, 0.2)
    blocks = np.split(sound, sorted({min(k, len(sound)) for k in np.cumsum(cuts)}))
    found, whole = pushed(MonoStream(rate), blocks), pushed(MonoStream(rate), [sound])
    assert len(found) >= len(whole) >= 8  # 0.2 s are ten, less what is in the filter
    for (piece, captured), (expected, when) in zip(found, whole, strict=False):
        assert piece.shape == (CHUNK,)
        assert piece.dtype == np.int16
        np.testing.assert_allclose(piece, expected, atol=1)
        assert captured == pytest.approx(when, abs=1e-9)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000, 96000])
def test_a_tone_stays_what_it_is_and_where_it_is(rate):
    found = pushed(MonoStream(rate), np.split(tone(rate), 10), begin=7.0)
    sound = np.concatenate([piece for piece, _ in found])
    expected = tone(SAMPLE_RATE)[:, 0][: len(sound)].astype(float)
    np.testing.assert_allclose(sound[400:], expected[400:], atol=40.0)  # of 8000
    assert found[0][1] == pytest.approx(7.02)
    assert found[-1][1] == pytest.approx(7.0 + len(sound) / SAMPLE_RATE)
    assert len(sound) >= 0.97 * SAMPLE_RATE


def test_what_no_16_khz_sound_can_hold_is_not_heard_as_something_else():
    found = pushed(MonoStream(48000), np.split(tone(48000, hertz=11_000.0), 10))
    sound = np.concatenate([piece for piece, _ in found])[400:]
    assert np.abs(sound).max() <= 1


def test_one_channel_or_the_mean_of_all():
    block = np.stack([np.full(CHUNK, value, np.int16) for value in (1000, -500)], axis=1)
    for channel, expected in ((0, 250), (1, 1000), (2, -500)):
        [(piece, _)] = MonoStream(SAMPLE_RATE, channel).push(block, 0.0)
        assert set(piece.tolist()) == {expected}


@pytest.mark.parametrize("rate", [8000, 48000])
def test_full_scale_does_not_wrap_around(rate):
    square = np.where(tone(rate, hertz=50.0) > 0, 32767, -32768).astype(np.int16)
    sound = np.concatenate([piece for piece, _ in pushed(MonoStream(rate), [square])])
    steps = np.abs(np.diff(sound.astype(int)))
    assert (steps > 40_000).sum() <= 110  # its own edges, 100 a second


def test_a_rate_that_no_device_has_is_refused():
    with pytest.raises(InputError, match="rate 1000: 4000 to 384000 Hz is allowed"):
        MonoStream(1000)
