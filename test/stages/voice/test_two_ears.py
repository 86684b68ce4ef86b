"""What two recognisers make of one utterance, and how the second one is asked."""

import threading
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from voice_speech import grammar, hear, recogniser, voice

from vla_sim.stages.voice.audio import CHUNK, Samples
from vla_sim.stages.voice.listener import Listener
from vla_sim.stages.voice.nearest_sentence import nearest, unlike
from vla_sim.stages.voice.recogniser import Recognition
from vla_sim.stages.voice.second_ear import SecondEar
from vla_sim.stages.voice.simulated_microphone import in_room
from vla_sim.stages.voice.two_ears import same, vote


class Witness:
    """Finds that every sound fits the words in `fitting`."""

    def __init__(self, *fitting: str) -> None:
        self.fitting = fitting

    def phones(self, text: str) -> tuple[str, ...]:
        return recogniser().phones(text)

    def fit(self, text: str) -> Recognition:
        return Recognition(text, 0.9 if text in self.fitting else 0.1)


def decided(sure: Recognition, free: Recognition, *fitting: str) -> tuple[str, bool, str]:
    found, believed = vote(sure, free, grammar(), Witness(*fitting), lambda one: one.confidence >= 0.5)
    return found.text, believed, found.ear


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("pick up the rack up", "pick up the red cup"), ("stop the rail dot", "stop the robot"),
        ("move forward to meters", "move forward two meters"), ("big up the red cup", "pick up the red cup"),
        ("go to the kitchen", "go to the kitchen"),
    ],
)  # fmt: skip
def test_what_sounds_like_a_sentence_is_one(heard: str, meant: str) -> None:
    assert nearest(grammar().automaton, recogniser().phones(heard), recogniser().phones) == meant


@pytest.mark.parametrize("heard", ["the weather is nice today", "she is ten years old"])
def test_other_words_sound_like_no_sentence(heard: str) -> None:
    assert nearest(grammar().automaton, recogniser().phones(heard), recogniser().phones) == ""


def test_talk_is_soon_found_to_be_no_sentence() -> None:
    """Which took 40 s, in which no stop was heard."""
    talk = (
        "well i was thinking that we could go to the market and buy some bread and then we could walk to the"
    )
    phones = recogniser().phones(f"{talk} river and look")
    begin = time.monotonic()
    assert nearest(grammar().automaton, phones, recogniser().phones) == ""
    assert time.monotonic() - begin < 10.0
    assert nearest(grammar().automaton, phones * 10, recogniser().phones) == ""


@given(st.sampled_from(["AA", "P", "B", "S"]), st.sampled_from(["AA", "P", "B", "S"]))
def test_unlikeness_is_symmetric_and_zero_for_the_same(a: str, b: str) -> None:
    assert unlike(a, b) == unlike(b, a)
    assert (unlike(a, b) == 0.0) == (a == b)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.sampled_from(["pick", "up", "the", "red", "cup", "stop", "go", "two", "ten", "left"]), max_size=8
    )
)
def test_the_nearest_sentence_is_a_sentence(words: list[str]) -> None:
    phones = recogniser().phones(" ".join(words))
    found = nearest(grammar().automaton, phones, recogniser().phones)
    assert found == "" or grammar().read(found).complete


def test_two_ears_that_agree_are_believed_though_neither_is_sure() -> None:
    sure, free = Recognition("pick up the red cup", 0.2), Recognition("pick up the rack up", 0.4)
    assert decided(sure, free) == ("pick up the red cup", True, "both")


def test_words_that_only_sound_like_a_sentence_need_a_grammar_that_is_sure_of_it() -> None:
    assert decided(Recognition("pick up the red cup", 0.01), Recognition("pick up the red cup", 0.4))[1]
    assert not decided(Recognition("pick up the red cup", 0.1), Recognition("pick up the rack up", 0.4))[1]


def test_a_sentence_that_nobody_wrote_down_is_proposed() -> None:
    found = decided(Recognition("go to", 0.1), Recognition("pick up the rack up", 0.9), "pick up the red cup")
    assert found == ("pick up the red cup", False, "free")


def test_words_that_change_nothing_are_no_disagreement() -> None:
    assert same("please go to the kitchen", "go to kitchen")
    assert not same("move forward two meters", "move forward ten meters")


def test_ears_that_differ_on_what_would_move_ask() -> None:
    sure, free = Recognition("move forward ten meters", 0.45), Recognition("move forward two meters", 0.9)
    text, believed, _ = decided(sure, free, "move forward two meters", "move forward ten meters")
    assert (text, believed) == ("move forward two meters", False)


def test_free_words_that_fit_the_sound_are_believed() -> None:
    words = "would you please head over to the bedroom"
    sure = Recognition("would you place cup into the bedroom", 0.02)
    assert decided(sure, Recognition(words, 0.9), words) == (words, True, "free")
    assert decided(sure, Recognition(words, 0.9)) == (words, False, "free")
    assert decided(sure, Recognition(words, 0.3), words) == (words, False, "free")


def test_a_stop_that_one_ear_heard_is_a_stop() -> None:
    assert decided(Recognition("go to the box", 0.4), Recognition("stop", 0.2)) == ("stop", True, "free")


@pytest.mark.parametrize(
    "heard", ["go to the kitchen stop", "go to the kitchen not", "shouldn't go to the kitchen"]
)
def test_no_likeness_leaves_out_a_stop_or_a_negation(heard: str) -> None:
    sure = Recognition("go to the kitchen", 0.45)
    assert decided(sure, Recognition(heard, 0.9)) == (heard, False, "free")


def test_a_free_ear_that_heard_nothing_changes_nothing() -> None:
    assert decided(Recognition("go to", 0.4), Recognition("", 0.0)) == ("go to", False, "")


class Free:
    """Takes until it is let go."""

    name = "free"

    def __init__(self) -> None:
        self.go, self.asked = threading.Event(), 0

    def transcribe(self, sound: Samples) -> Recognition:
        self.asked += 1
        self.go.wait(10.0)
        return Recognition(f"{sound.size} samples", 0.9)


SOUND = [np.zeros(CHUNK, dtype=np.int16)] * 3


def test_a_free_ear_that_is_late_is_not_waited_for() -> None:
    free = Free()
    ear = SecondEar(free, Witness(), budget=0.3)
    begin = time.monotonic()
    assert ear.hear(SOUND, silence=0.2).text == ""
    assert time.monotonic() - begin < 5.0
    free.go.set()
    ear.close()


def test_where_the_free_ear_fails_the_other_is_answered() -> None:
    class Deaf(Free):
        def transcribe(self, sound: Samples) -> Recognition:
            raise RuntimeError("out of memory")

    sound = in_room(voice().speak("pick up the red cup"), lead=1.0, noise_db=-42.0)
    second = SecondEar(Deaf(), recogniser(), budget=10.0)
    (heard,) = hear(Listener(recogniser(), grammar(), second=second), sound)
    assert (heard.text, heard.reason) == ("pick up the red cup", "partial")
    second.close()


def test_what_was_begun_in_a_pause_is_not_done_twice() -> None:
    free = Free()
    free.go.set()
    ear = SecondEar(free, Witness(), budget=10.0)
    ear.begin(SOUND)
    assert ear.hear([*SOUND, *SOUND], silence=0.0).text == "960 samples"
    assert free.asked == 1
    assert ear.hear([*SOUND, *SOUND], silence=0.0).text == "1920 samples"
    ear.close()


def test_an_answer_that_came_late_is_none_of_what_is_said_next() -> None:
    free = Free()
    ear = SecondEar(free, Witness(), budget=0.2)
    ear.begin(SOUND)
    assert ear.hear(SOUND, silence=0.0).text == ""
    assert not ear.begun
    ear.begin([*SOUND, *SOUND])
    free.go.set()
    ear.budget = 10.0
    assert ear.hear([*SOUND, *SOUND], silence=0.0).text == "1920 samples"
    ear.close()


class BusyUntilAsked(SecondEar):
    """Still has what was begun first when the end is asked for."""

    def hear(self, *given: Any, **more: Any) -> Recognition:
        assert isinstance(self.recogniser, Free)
        self.recogniser.go.set()
        return super().hear(*given, **more)


def test_words_before_a_pause_are_no_answer_to_all_that_was_said() -> None:
    second = BusyUntilAsked(Free(), recogniser(), budget=10.0)
    begun = in_room(voice().speak("pick up the"), tail=0.3)
    sound = np.concatenate((begun, in_room(voice().speak("shiny old umbrella"), lead=0.0, tail=1.5)))
    (heard,) = hear(Listener(recogniser(), grammar(), second=second), sound)
    assert int(heard.text.split()[0]) > begun.size
    second.close()


class Says:
    name = "says"

    def __init__(self, text: str) -> None:
        self.text = text

    def transcribe(self, sound: Samples) -> Recognition:
        return Recognition(self.text, 0.9)


@pytest.mark.parametrize(("noise_db", "ear"), [(-66.0, ""), (-42.0, "both")])
def test_in_noise_a_second_ear_is_asked_though_the_first_is_sure(noise_db: float, ear: str) -> None:
    sound = in_room(voice().speak("pick up the red cup"), lead=1.0, noise_db=noise_db)
    second = SecondEar(Says("pick up the red cup"), recogniser(), budget=10.0)
    (heard,) = hear(Listener(recogniser(), grammar(), second=second), sound)
    assert (heard.text, heard.complete, heard.ear) == ("pick up the red cup", True, ear)
    second.close()


def test_what_only_one_ear_heard_in_noise_is_asked_back() -> None:
    sound = in_room(voice().speak("pick up the red cup"), lead=1.0, noise_db=-42.0)
    second = SecondEar(Says("pick up the blue box"), recogniser(), budget=10.0)
    (heard,) = hear(Listener(recogniser(), grammar(), second=second), sound)
    assert (heard.complete, heard.reason) == (False, "partial")
    second.close()


def test_a_question_that_the_grammar_found_does_not_speak_against_other_words():
    free = Recognition("the weather is nice today", 0.9)
    found = [
        decided(Recognition(text, 0.3), free, free.text)[1] for text in ("what are you doing", "come here")
    ]
    assert found == [True, False]
