"""The listener with a recogniser that hears what the test says, and sounds that are like a voice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from voice_speech import grammar, hear, quiet

from vla_sim.stages.voice.audio import CHUNK, SAMPLE_RATE, Samples
from vla_sim.stages.voice.endpointing import Activity, Endpointer, Hangover, VoiceActivity
from vla_sim.stages.voice.listener import Listener
from vla_sim.stages.voice.recogniser import Recognition, Word
from vla_sim.stages.voice.simulated_microphone import room_noise


class Scripted:
    name = "scripted"
    free_form = False

    def __init__(
        self, text: str, confidence: float = 0.9, words: tuple[Word, ...] = (), second: str = "",
        stopped: Recognition | None = None,
    ) -> None:  # fmt: skip
        self.text, self.confidence, self.words, self.second = text, confidence, words, second
        self.stopped = stopped
        self.fed = 0

    def start(self) -> None:
        self.fed = 0

    def feed(self, chunk: Samples) -> None:
        self.fed += len(chunk)

    def so_far(self) -> Recognition:
        return Recognition(self.text, self.confidence)

    def finish(self) -> Recognition:
        return Recognition(self.text, self.confidence, self.words)

    def again(self) -> Recognition | None:
        return Recognition(self.second, 0.9) if self.second else None

    def stop(self) -> Recognition | None:
        return self.stopped


def vowel(seconds: float) -> np.ndarray:
    """A buzz of 120 Hz with formants near 700 and 1200 Hz: a voice to any detector."""
    t = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    sound = np.zeros(t.size)
    for k in range(1, 30):
        f = 120.0 * k
        formants = np.exp(-(((f - 700) / 300) ** 2)) + 0.7 * np.exp(-(((f - 1200) / 300) ** 2)) + 0.02
        sound += formants * np.sin(2 * np.pi * f * t)
    return 6000.0 * sound / np.abs(sound).max()


def utterance(seconds: float = 0.6, tail: float = 1.4) -> Samples:
    sound = np.pad(vowel(seconds), (SAMPLE_RATE // 2, int(tail * SAMPLE_RATE)))
    return (sound + room_noise(sound.size, np.random.default_rng(0))).astype(np.int16)


def end_of(recogniser: Scripted) -> float:
    """Seconds from the last voiced chunk to the answer."""
    listener, sound = Listener(recogniser, grammar()), utterance()
    for i in range(len(sound) // CHUNK):
        heard = listener.feed(sound[i * CHUNK : (i + 1) * CHUNK], i * 0.02)
        if heard is not None:
            return i * 0.02 - heard.speech_end
    raise AssertionError("no end found")


def test_a_finished_sentence_ends_sooner_than_one_that_could_go_on() -> None:
    hangover = Hangover()
    assert end_of(Scripted("turn left ninety degrees")) == pytest.approx(hangover.closed)
    assert end_of(Scripted("turn left")) == pytest.approx(hangover.complete)
    assert end_of(Scripted("turn")) == pytest.approx(hangover.unfinished)
    assert end_of(Scripted("turn", confidence=0.1)) == pytest.approx(hangover.open)


def test_a_stop_ends_as_soon_as_can_be() -> None:
    assert end_of(Scripted("stop")) == pytest.approx(Hangover().closed)


def test_a_whole_sentence_may_be_acted_on() -> None:
    (heard,) = hear(Listener(Scripted("go to the kitchen"), grammar()), utterance())
    assert heard.complete
    assert heard.reason == ""
    assert heard.text == "go to the kitchen"
    assert heard.speech_end == pytest.approx(1.1, abs=0.05)


@pytest.mark.parametrize("text", ["pick up the red", "turn around and", "kitchen"])
def test_half_a_sentence_is_asked_back(text: str) -> None:
    (heard,) = hear(Listener(Scripted(text), grammar()), utterance())
    assert not heard.complete
    assert (heard.reason, heard.text) == ("partial", text)


def test_a_sentence_that_fits_badly_is_asked_back() -> None:
    (heard,) = hear(Listener(Scripted("go to the kitchen", confidence=0.3), grammar()), utterance())
    assert (heard.complete, heard.reason) == (False, "partial")


def test_a_second_look_can_save_a_sentence() -> None:
    scripted = Scripted("go to", second="go to the kitchen")
    (heard,) = hear(Listener(scripted, grammar()), utterance())
    assert heard.complete
    assert heard.text == "go to the kitchen"


def test_voice_that_no_word_covers_makes_a_sentence_half_understood() -> None:
    words = (Word("turn", 0.2, 0.4), Word("around", 0.4, 0.6))
    (short,) = hear(Listener(Scripted("turn around", words=words), grammar()), utterance(0.5))
    (long,) = hear(Listener(Scripted("turn around", words=words), grammar()), utterance(1.5))
    assert short.complete
    assert long.reason == "partial"


def test_half_a_stop_is_a_stop() -> None:
    (heard,) = hear(Listener(Scripted("stop the", confidence=0.4), grammar()), utterance())
    assert heard.complete
    assert heard.text == "stop"


@pytest.mark.parametrize(
    ("second", "complete"), [("walk forward half a meter", False), ("turn around", True)]
)
def test_in_noise_a_sentence_is_believed_that_is_heard_twice(second: str, complete: bool) -> None:
    noise = room_noise(utterance().size, np.random.default_rng(1), -40.0)
    (heard,) = hear(
        Listener(Scripted("turn around", second=second), grammar()), (utterance() + noise).astype(np.int16)
    )
    assert (heard.text if complete else heard.reason) == ("turn around" if complete else "partial")


@pytest.mark.parametrize(("first", "complete"), [("turn", [False, False]), ("turn around", [True, True])])
def test_what_goes_on_from_words_that_were_not_understood_is_asked_back(
    first: str, complete: list[bool]
) -> None:
    scripted = Scripted(first)
    listener = Listener(scripted, grammar())
    heard = hear(listener, utterance())
    scripted.text = "and come back"
    heard += hear(listener, utterance())
    assert [one.complete for one in heard] == complete


def test_a_sentence_may_begin_with_a_link() -> None:
    (heard,) = hear(Listener(Scripted("and come back"), grammar()), utterance())
    assert heard.complete


def test_silence_is_reported_once_when_the_stream_ends() -> None:
    (heard,) = hear(Listener(Scripted("stop"), grammar()), quiet(2.0))
    assert (heard.complete, heard.reason, heard.text) == (False, "silence", "")


def test_silence_before_a_voice_is_no_news() -> None:
    sound = np.concatenate((quiet(8.0), utterance()))
    assert [one.reason for one in hear(Listener(Scripted("turn around"), grammar()), sound)] == [""]


def test_the_tail_of_a_stream_that_broke_off_is_no_silent_one() -> None:
    listener = Listener(Scripted("go to the kitchen"), grammar())
    (heard,) = hear(listener, utterance())
    assert heard.complete
    listener.feed(quiet(0.02), heard.speech_end + 2.0)
    assert listener.close(heard.speech_end + 3.0) is None
    listener.feed(quiet(0.02), heard.speech_end + 9.0)
    assert (late := listener.close(heard.speech_end + 10.0)) is not None
    assert late.reason == "silence"


def test_digital_silence_is_silence() -> None:
    (heard,) = hear(Listener(Scripted("stop"), grammar()), np.zeros(SAMPLE_RATE, dtype=np.int16))
    assert heard.reason == "silence"


def test_a_knock_is_noise_without_a_word() -> None:
    sound = quiet(2.0)
    sound[SAMPLE_RATE : SAMPLE_RATE + 900] = np.random.default_rng(0).integers(-9000, 9000, 900)
    assert all(not one.complete and one.text == "" for one in hear(Listener(Scripted(""), grammar()), sound))


def test_an_endless_sound_is_cut() -> None:
    endpointer = Endpointer(longest=1.0)
    edges = [endpointer.push(Activity(True, True, -20.0), 0.2) for _ in range(60)]
    assert edges.index("end") == 49  # one second


@settings(max_examples=20)
@given(st.lists(st.integers(-32768, 32767), min_size=CHUNK, max_size=CHUNK), st.integers(1, 30))
def test_any_samples_can_be_heard(samples: list[int], times: int) -> None:
    sound = np.tile(np.array(samples, dtype=np.int16), times)
    for one in hear(Listener(Scripted("turn around"), grammar()), sound):
        assert 0.0 <= one.confidence <= 1.0


def test_a_steady_fan_becomes_part_of_the_noise_floor() -> None:
    rng = np.random.default_rng(0)
    detector = VoiceActivity()
    fan = room_noise(SAMPLE_RATE * 12, rng, -40.0).astype(np.int16)
    loud = [detector.judge(fan[i : i + CHUNK]).loud for i in range(0, len(fan), CHUNK)]
    assert not any(loud[-100:])


def test_a_voice_that_is_not_listened_to_ends_what_was_said_before_and_no_stream():
    recogniser = Scripted("go to the kitchen")
    listener, said, heard = Listener(recogniser, grammar()), utterance(tail=0.0), []
    for k, chunk in enumerate(np.split(said[: len(said) // CHUNK * CHUNK], len(said) // CHUNK)):
        heard.append(listener.feed(chunk, 0.02 * (k + 1)))
    assert not any(heard)
    assert listener.turn_away().text == "go to the kitchen"
    for _ in range(500):  # ten seconds of the robot's own voice
        assert listener.turn_away() is None
    silence = quiet(20.0)
    for chunk in np.split(silence[: len(silence) // CHUNK * CHUNK], len(silence) // CHUNK):
        assert listener.feed(chunk, 20.0) is None  # somebody has been heard: silence is no news


def test_silence_that_is_never_reported_is_not_at_the_end_of_a_stream_either():
    listener = Listener(Scripted(""), grammar(), silence_seconds=0.0)
    assert hear(listener, quiet(8.0)) == []


def test_a_stop_that_is_lost_among_the_sentences_is_found_among_the_stops():
    scripted = Scripted("drop it", confidence=0.1, stopped=Recognition("halt", 0.6))
    assert [(one.text, one.complete) for one in hear(Listener(scripted, grammar()), utterance())] == [
        ("halt", True)
    ]


def test_a_stop_that_explains_little_of_the_voice_is_none():
    stopped = Recognition("stop", 0.9, (Word("stop", 0.4, 0.6),))
    scripted = Scripted("pick up the", confidence=0.1, stopped=stopped)
    (heard,) = hear(Listener(scripted, grammar()), utterance(1.5))
    assert not heard.complete


def test_a_command_that_was_well_heard_is_no_stop():
    scripted = Scripted("turn around", stopped=Recognition("stop", 0.9))
    assert [one.text for one in hear(Listener(scripted, grammar()), utterance())] == ["turn around"]


def test_a_stop_that_was_found_both_ways_needs_little() -> None:
    for text, complete in (("stop the robot", True), ("pick up the", False)):
        scripted = Scripted(text, confidence=0.1, stopped=Recognition("stop", 0.2))
        (heard,) = hear(Listener(scripted, grammar()), utterance())
        assert (heard.text, heard.complete) == ("stop" if complete else text, complete)


@pytest.mark.parametrize("confidence", [0.4, 0.6])
def test_a_stop_that_fits_no_better_than_a_sentence_is_none(confidence: float) -> None:
    scripted = Scripted("pick up the", confidence=0.7, stopped=Recognition("stop", confidence))
    (heard,) = hear(Listener(scripted, grammar()), utterance())
    assert (heard.complete, heard.text) == (False, "pick up the")
