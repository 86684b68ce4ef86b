"""What two recognisers make of one utterance, and how the second one is asked."""

import threading
import time
from typing import Any

import numpy as np
import pytest
from voice_speech import grammar, hear, recogniser, voice

from vla_sim.stages.voice.audio import CHUNK, Samples
from vla_sim.stages.voice.listener import Listener
from vla_sim.stages.voice.recogniser import Recognition
from vla_sim.stages.voice.second_ear import SecondEar
from vla_sim.stages.voice.simulated_microphone import in_room
from vla_sim.stages.voice.two_ears import same, vote


def decided(
    heard: Recognition, free: Recognition, *fitting: str, again: Recognition | None = None, **likely: float
) -> tuple[str, bool, str]:
    """fitting: what the grammar's ear finds to fit. likely: what the free ear does, "_" for a blank."""
    chances = {one.text: 0.0 for one in (heard, free)}
    chances |= {text.replace("_", " "): chance for text, chance in likely.items()}
    found, believed = vote(
        [heard, *([again] if again else [])], free, chances, grammar(), lambda text: text in fitting
    )
    return found.text, believed, found.ear


def test_a_sentence_that_the_free_ear_wrote_otherwise_but_finds_likely_is_done() -> None:
    heard, free = Recognition("pick up the red cup", 0.3), Recognition("pick up the rack up", 0.4)
    assert decided(heard, free, pick_up_the_red_cup=0.1) == ("pick up the red cup", True, "both")


@pytest.mark.parametrize(("confidence", "chance"), [(0.3, 0.01), (0.05, 0.5)])
def test_a_sentence_that_one_ear_hardly_heard_is_not_done(confidence: float, chance: float) -> None:
    heard, free = Recognition("pick up the red cup", confidence), Recognition("pick up the rack up", 0.4)
    assert not decided(heard, free, pick_up_the_red_cup=chance)[1]


def test_two_ears_that_wrote_the_same_are_believed_though_neither_is_sure() -> None:
    heard, free = Recognition("pick up the red cup", 0.01), Recognition("please pick up the red cup", 0.2)
    assert decided(heard, free) == ("pick up the red cup", True, "both")


def test_words_that_change_nothing_are_no_disagreement() -> None:
    assert same("please go to the kitchen", "go to kitchen")
    assert not same("move forward two meters", "move forward ten meters")


def test_ears_that_differ_on_what_would_move_ask() -> None:
    heard, free = Recognition("move forward ten meters", 0.9), Recognition("move forward two meters", 0.9)
    for chance in (0.01, 0.2):
        found = decided(heard, free, free.text, move_forward_ten_meters=chance)
        assert found == ("move forward ten meters", False, "both")


def test_two_hearings_of_the_grammar_that_are_both_likely_are_asked_back() -> None:
    heard, again = Recognition("pick up the red cup", 0.4), Recognition("pick up the red box", 0.4)
    free = Recognition("pick up the rack", 0.4)
    chances = {"pick_up_the_red_cup": 0.3, "pick_up_the_red_box": 0.1}
    assert not decided(heard, free, again=again, **chances)[1]
    chances["pick_up_the_red_box"] = 0.001
    assert decided(heard, free, again=again, **chances)[:2] == ("pick up the red cup", True)


def test_free_words_that_fit_the_sound_are_believed() -> None:
    words = "would you please head over to the bedroom"
    heard = Recognition("would you place cup into the bedroom", 0.02)
    assert decided(heard, Recognition(words, 0.9), words) == (words, True, "free")
    assert decided(heard, Recognition(words, 0.9)) == (words, False, "free")
    assert decided(heard, Recognition(words, 0.3), words) == (words, False, "free")


def test_a_sentence_of_which_the_free_ear_is_certain_needs_no_other() -> None:
    heard = Recognition("head quickly to table", 0.0)
    words = Recognition("turn around and come back", 0.8)
    assert decided(heard, words, turn_around_and_come_back=0.6) == (words.text, True, "free")
    assert not decided(heard, words, turn_around_and_come_back=0.4)[1]
    other = Recognition("the weather is nice today", 0.8)
    assert not decided(heard, other, the_weather_is_nice_today=0.6)[1]


def test_what_the_free_ear_finds_impossible_does_not_speak_against_its_words() -> None:
    heard, free = Recognition("pick up the box", 0.54), Recognition("pick up the clock", 0.9)
    assert decided(heard, free, free.text)[:2] == (free.text, True)
    assert decided(heard, free, free.text, pick_up_the_box=0.01)[:2] == ("pick up the box", False)


def test_a_stop_that_one_ear_heard_is_a_stop() -> None:
    assert decided(Recognition("go to the box", 0.4), Recognition("stop", 0.2)) == ("stop", True, "free")


@pytest.mark.parametrize("words", ["go to the kitchen stop", "do not go to the kitchen"])
def test_no_other_sentence_leaves_out_a_stop_or_a_negation(words: str) -> None:
    heard = Recognition("go to the kitchen", 0.9)
    assert decided(heard, Recognition(words, 0.9), go_to_the_kitchen=0.9) == (words, False, "free")


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

    def likely(self, text: str) -> float:
        return 0.0


SOUND = [np.zeros(CHUNK, dtype=np.int16)] * 3


def test_a_free_ear_that_is_late_is_not_waited_for() -> None:
    free = Free()
    ear = SecondEar(free, budget=0.3)
    begin = time.monotonic()
    assert ear.hear(SOUND, 0.2, [])[0].text == ""
    assert time.monotonic() - begin < 5.0
    free.go.set()
    ear.close()


def test_what_was_begun_in_a_pause_is_not_done_twice() -> None:
    free = Free()
    free.go.set()
    ear = SecondEar(free, budget=10.0)
    ear.begin(SOUND)
    assert ear.hear([*SOUND, *SOUND], 0.0, [])[0].text == "960 samples"
    assert free.asked == 1
    assert ear.hear([*SOUND, *SOUND], 0.0, [])[0].text == "1920 samples"
    ear.close()


def test_an_answer_that_came_late_is_none_of_what_is_said_next() -> None:
    free = Free()
    ear = SecondEar(free, budget=0.2)
    ear.begin(SOUND)
    assert ear.hear(SOUND, 0.0, [])[0].text == ""
    assert not ear.begun
    ear.begin([*SOUND, *SOUND])
    free.go.set()
    ear.budget = 10.0
    assert ear.hear([*SOUND, *SOUND], 0.0, [])[0].text == "1920 samples"
    ear.close()


class BusyUntilAsked(SecondEar):
    """Still has what was begun first when the end is asked for."""

    def hear(self, *given: Any) -> tuple[Recognition, dict[str, float]]:
        assert isinstance(self.recogniser, Free)
        self.recogniser.go.set()
        return super().hear(*given)


def test_words_before_a_pause_are_no_answer_to_all_that_was_said() -> None:
    second = BusyUntilAsked(Free(), budget=10.0)
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

    def likely(self, text: str) -> float:
        return 0.0


@pytest.mark.parametrize(("noise_db", "ear"), [(-66.0, ""), (-42.0, "both")])
def test_in_noise_a_second_ear_is_asked_though_the_first_is_sure(noise_db: float, ear: str) -> None:
    sound = in_room(voice().speak("pick up the red cup"), lead=1.0, noise_db=noise_db)
    second = SecondEar(Says("pick up the red cup"), budget=10.0)
    (heard,) = hear(Listener(recogniser(), grammar(), second=second), sound)
    assert (heard.text, heard.complete, heard.ear) == ("pick up the red cup", True, ear)
    second.close()


def test_what_only_one_ear_heard_in_noise_is_asked_back() -> None:
    sound = in_room(voice().speak("pick up the red cup"), lead=1.0, noise_db=-42.0)
    second = SecondEar(Says("pick up the blue box"), budget=10.0)
    (heard,) = hear(Listener(recogniser(), grammar(), second=second), sound)
    assert (heard.complete, heard.reason) == (False, "partial")
    second.close()
