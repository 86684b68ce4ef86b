"""Whether anybody can be heard."""

from vla_sim.stages.voice.microphone import ABSENT, NO_MICROPHONE, SILENT, STREAMS, Microphone


def stream(microphone, begin, seconds):
    for k in range(int(seconds / 0.02) + 1):
        microphone.packet(begin + 0.02 * k)
    return begin + seconds


def test_clips_that_are_played_are_no_microphone():
    microphone = Microphone()
    for begin in (0.0, 20.0, 40.0):
        end = stream(microphone, begin, 3.0)
        assert microphone.problem(end + 10.0, 1) == ""


def test_a_microphone_that_falls_silent_is_told_until_it_is_back():
    microphone = Microphone()
    end = stream(microphone, 0.0, STREAMS + 1.0)
    assert microphone.problem(end + 1.0, 1) == ""
    assert microphone.problem(end + 3.0, 1) == SILENT
    stream(microphone, end + 5.0, 0.1)
    assert microphone.problem(end + 5.2, 1) == ""


def test_without_a_publisher_nobody_is_heard_but_it_may_have_to_be_found():
    microphone = Microphone()
    assert microphone.problem(0.0, 0) == ""
    assert microphone.problem(ABSENT - 1.0, 0) == ""
    assert microphone.problem(ABSENT + 1.0, 0) == NO_MICROPHONE
    assert microphone.problem(ABSENT + 2.0, 1) == ""
