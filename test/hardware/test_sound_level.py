"""How loud a microphone is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.hardware.sound_level import SoundLevel
from vla_sim.stages.voice.audio import CHUNK


def level(*values, times=50):
    made = SoundLevel()
    for _ in range(times):
        for value in values:
            made.add(np.full(CHUNK, value, np.int16))
    return made


def test_half_of_full_scale_is_six_decibels_below_it():
    assert level(16384).rms == pytest.approx(-6.02, abs=0.01)
    assert level(-16384).peak == pytest.approx(-6.02, abs=0.01)


def test_only_the_last_second_counts():
    made = level(20000)
    for _ in range(50):
        made.add(np.full(CHUNK, 2, np.int16))
    assert made.peak < -80.0
    assert made.rms < -80.0


def test_a_muted_microphone_and_one_that_is_too_loud_are_told():
    assert level(0, times=499).verdict() == ""
    assert level(0, times=501).verdict() == "nothing but zeros: the microphone is muted"
    assert level(32767).verdict() == "too loud: turn the microphone down"
    assert level(-32768).clipped
    assert level(3000).verdict() == ""


def test_before_any_sound_there_is_silence():
    one = SoundLevel()
    assert (one.rms, one.peak, one.verdict()) == (-120.0, -120.0, "")


@given(st.lists(st.integers(-32768, 32767), min_size=1, max_size=60))
def test_no_sound_is_louder_than_full_scale_or_than_its_peak(values):
    made = level(*values, times=1)
    assert -120.0 <= made.rms <= made.peak + 1e-9 <= 1e-3 + 1e-9
