"""Which device is meant."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.common.errors import InputError
from vla_sim.stages.voice.sound_devices import SoundDevice, choose

FOUND = [
    SoundDevice(0, "HDA Intel: ALC (hw:0,0)", 2, 2, 44100),
    SoundDevice(1, "HDMI (hw:0,3)", 0, 8, 48000),
    SoundDevice(2, "ReSpeaker 4 Mic Array: USB Audio (hw:1,0)", 6, 2, 16000),
    SoundDevice(3, "pulse", 32, 32, 44100, (True, False)),
    SoundDevice(4, "default", 32, 32, 44100, (False, True)),
]


@pytest.mark.parametrize(
    ("wanted", "kind", "number"),
    [
        ("", "microphone", 3), ("", "speaker", 4), ("0", "microphone", 0), (" 2 ", "microphone", 2),
        ("respeaker", "microphone", 2), ("pulse", "microphone", 3), ("HDMI", "speaker", 1),
        ("hw:1,0", "microphone", 2),
    ],
)  # fmt: skip
def test_a_device_is_meant_by_its_number_its_name_or_a_part_of_it(wanted, kind, number):
    assert choose(FOUND, wanted, kind).number == number


def test_what_there_is_not_is_one_line_that_lists_what_there_is():
    with pytest.raises(InputError) as caught:
        choose(FOUND, "HDMI", "microphone")
    assert str(caught.value) == (
        "no microphone 'HDMI'; there are 0 'HDA Intel: ALC (hw:0,0)', "
        "2 'ReSpeaker 4 Mic Array: USB Audio (hw:1,0)', 3 'pulse', 4 'default'"
    )
    with pytest.raises(InputError, match="no microphone '9'; there are 0"):
        choose(FOUND, "9", "microphone")


def test_a_name_of_several_is_not_guessed():
    with pytest.raises(
        InputError, match="'hw:' is not one microphone; give more of its name, or its number: 0"
    ):
        choose(FOUND, "hw:", "microphone")


def test_a_machine_without_any_says_so():
    for wanted in ("", "USB"):
        with pytest.raises(InputError, match="no microphone: this machine has none; plug one in"):
            choose(FOUND[1:2], wanted, "microphone")


def test_without_a_default_the_first_one_is_taken():
    assert choose(FOUND[:3], "", "speaker").number == 0


device = st.builds(
    SoundDevice, st.integers(0, 5), st.text(max_size=6), *[st.integers(0, 2)] * 2, st.just(48000)
)


@given(st.lists(device, max_size=6), st.text(max_size=6), st.sampled_from(("microphone", "speaker")))
def test_what_is_chosen_has_channels_and_fits(found, wanted, kind):
    with contextlib.suppress(InputError):
        chosen = choose(found, wanted, kind)
        word = wanted.strip()
        assert chosen.channels(kind) > 0
        assert word.lower() in chosen.name.lower() or (word.isdecimal() and int(word) == chosen.number)
