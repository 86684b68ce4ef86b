"""What rooms, microphones and people do to a perfect sentence: it is heard all the same."""

from functools import cache

import numpy as np
import pytest
from voice_speech import quiet, understood, voice

from vla_sim.stages.voice.audio import SAMPLE_RATE, Samples, mix, resample, to_int16
from vla_sim.stages.voice.simulated_microphone import in_room, room_noise

pytestmark = pytest.mark.audio

WORDS = "pick up the red cup"


@cache
def speech() -> Samples:
    return voice().speak(WORDS)


def told(sound: Samples) -> list[tuple[str, bool]]:
    return [(one.text, one.complete) for one in understood(sound)]


def added(sound: Samples, other: np.ndarray) -> Samples:
    return np.clip(sound + other, -32768, 32767).astype(np.int16)


@pytest.mark.parametrize("offset", [0.1, -0.1])
def test_an_offset_of_the_microphone_is_no_noise(offset: float) -> None:
    assert told(added(in_room(speech()), np.float64(offset * 32768))) == [(WORDS, True)]


@pytest.mark.parametrize("hertz", [50, 60])
def test_the_hum_of_the_mains_is_no_noise(hertz: int) -> None:
    sound = in_room(speech(), lead=1.0)
    hum = 800.0 * np.sin(2 * np.pi * hertz * np.arange(sound.size) / SAMPLE_RATE)
    assert told(added(sound, hum)) == [(WORDS, True)]


def test_a_breath_before_and_after_a_sentence_is_no_part_of_it() -> None:
    rng = np.random.default_rng(1)
    breath = room_noise(int(0.35 * SAMPLE_RATE), rng, -40.0) * np.hanning(int(0.35 * SAMPLE_RATE))
    gap = np.zeros(int(0.12 * SAMPLE_RATE))
    sound = np.concatenate((breath, gap, speech(), gap, breath)).astype(np.int16)
    assert (WORDS, True) in told(in_room(sound))


def test_a_click_beside_a_sentence_is_no_part_of_it() -> None:
    sound = in_room(speech(), lead=1.0).astype(np.float64)
    for at in (0.5, 0.8, 1.0 + speech().size / SAMPLE_RATE + 0.1):
        sound[int(at * SAMPLE_RATE) : int(at * SAMPLE_RATE) + 80] += 12000.0 * np.hanning(80)
    assert (WORDS, True) in told(added(sound, np.float64(0.0)))


def test_opposite_channels_do_not_cancel() -> None:
    one = in_room(speech()) / 32768.0
    assert told(to_int16(mix(np.stack((one, -one), axis=1)))) == [(WORDS, True)]


def test_a_voice_in_one_of_many_channels_does_not_fade() -> None:
    channels = np.zeros((1000, 8))
    channels[:, 5] = 0.25 * np.sin(np.arange(1000))
    np.testing.assert_array_equal(mix(channels), channels[:, 5])


@pytest.mark.parametrize("rate", [22_050, 44_100, 192_000])
def test_a_recording_of_any_rate_is_understood(rate: int) -> None:
    there = resample(in_room(speech()) / 32768.0, SAMPLE_RATE, rate)
    assert told(to_int16(resample(there, rate))) == [(WORDS, True)]


def test_an_overdriven_voice_is_understood() -> None:
    assert told(added(in_room(speech()) * 6.0, np.float64(0.0))) == [(WORDS, True)]


def test_a_command_after_twenty_seconds_of_silence_is_the_first_thing_heard() -> None:
    assert told(in_room(speech(), lead=20.0)) == [(WORDS, True)]


def test_two_commands_in_one_recording_are_two() -> None:
    second = in_room(voice().speak("go to the kitchen"), lead=0.6)
    assert told(np.concatenate((in_room(speech()), second))) == [(WORDS, True), ("go to the kitchen", True)]


def test_a_pause_in_the_middle_of_a_sentence_does_not_end_it() -> None:
    parts = [voice().speak("pick up"), quiet(0.6), voice().speak("the red cup")]
    assert told(in_room(np.concatenate(parts))) == [(WORDS, True)]
