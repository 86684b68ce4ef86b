"""Real speech through the real recogniser."""

import sys
import types
from pathlib import Path

import numpy as np
import pytest
from voice_speech import NAMES, grammar, hear, recogniser, spoken, understood, voice

from vla_sim.common.errors import InputError, MissingError
from vla_sim.stages.voice.audio import Samples, chunks, level_db
from vla_sim.stages.voice.grammar import Grammar, Names
from vla_sim.stages.voice.listener import STOP_ALONE, Listener
from vla_sim.stages.voice.pocketsphinx_recogniser import Pocketsphinx
from vla_sim.stages.voice.second_ear import SecondEar
from vla_sim.stages.voice.simulated_microphone import babble, in_room
from vla_sim.stages.voice.spoken_numbers import normalise
from vla_sim.stages.voice.synthesis import Espeak, Hibari, cmu_phones
from vla_sim.stages.voice.whisper_recogniser import Whisper

pytestmark = pytest.mark.audio


@pytest.mark.parametrize(
    "text",
    ["Move forward 2 meters", "Turn left 90 degrees", "Stop the robot", "Navigate to charging station",
     "Go to the kitchen and pick up the red cup", "Bring me the blue box from the bedroom",
     "Take two steps back", "Go to the bedroom via the hallway", "Slowly walk to the kitchen",
     "Move the red box from the dresser to the kitchen table", "What do you see", "Yes",
     "Go back to where you started", "Pick up the red cup with your left hand",
     "How many balls have you seen", "Put the red cup next to the yellow ball",
     "Put the red cup on top of the blue box", "Place it beside the ball",
     "Bring me the blue box in the bedroom"],
)  # fmt: skip
def test_a_spoken_command_is_heard_word_for_word(text: str) -> None:
    assert [(one.text, one.complete) for one in understood(spoken(text))] == [(normalise(text), True)]


def test_a_sentence_is_heard_alike_whatever_was_heard_before_it() -> None:
    fresh = Pocketsphinx(grammar())
    first = hear(Listener(fresh, grammar()), spoken("find the ball"))
    hear(Listener(fresh, grammar()), spoken("the weather is nice today"))  # looked at again, and for a stop
    fresh.fit("find the ball")
    assert hear(Listener(fresh, grammar()), spoken("find the ball")) == first


def test_stop_is_understood_and_its_silence_is_short() -> None:
    (heard,) = understood(spoken("stop"))
    assert heard.complete
    assert heard.text == "stop"


@pytest.mark.parametrize(
    "text", ["the weather is nice today", "tell me a story about dragons", "pick up the"]
)
def test_other_speech_is_never_acted_on(text: str) -> None:
    heard = understood(spoken(text))
    assert heard
    assert not any(one.complete for one in heard)


def test_noise_with_the_rhythm_of_speech_is_never_acted_on() -> None:
    assert not any(one.complete for one in understood(in_room(babble(1.5))))


@pytest.mark.parametrize(
    "text", ["don't pick up the red cup", "never go to the bedroom", "do not turn around"]
)
def test_what_is_forbidden_is_heard_as_it_was_said(text: str) -> None:
    assert [one.text for one in understood(spoken(text))] == [text]


def test_a_command_is_understood_in_noise() -> None:
    speech = voice().speak("Pick up the red cup")
    noisy = in_room(speech, seed=3, noise_db=level_db(speech) - 20.0)
    assert [one.text for one in understood(noisy) if one.complete] == ["pick up the red cup"]


def test_a_stop_is_understood_in_white_noise() -> None:
    speech = voice().speak("stop")
    for seed in range(3):
        noise = np.random.default_rng(seed).standard_normal(speech.size + 22400)
        noise *= 32768.0 * 10.0 ** ((level_db(speech) - 18.0) / 20.0)
        noisy = np.clip(in_room(speech, seed, lead=0.6) + noise, -32768, 32767).astype(np.int16)
        listener = Listener(recogniser(), grammar())
        for chunk in chunks(noise.astype(np.int16)):  # which was there before
            listener.activity.judge(chunk)
        assert [one.text for one in hear(listener, noisy) if one.complete] == ["stop"]


def finished(text: str) -> Pocketsphinx:
    one = recogniser()
    one.start()
    one.feed(in_room(voice().speak(text), lead=0.15, tail=0.15))
    one.finish()
    return one


def test_the_stops_are_looked_for_alone() -> None:
    one = finished("halt")
    found = one.stop()
    assert found is not None
    assert found.text == "halt"
    assert found.confidence > STOP_ALONE
    again = one.again()
    assert again is not None
    assert again.text == "halt"


@pytest.mark.parametrize("text", ["walk to the hallway", "put it down", "he picked up the phone and left"])
def test_other_words_fit_no_stop(text: str) -> None:
    found = finished(text).stop()
    assert found is not None
    assert found.confidence < STOP_ALONE


def test_a_second_look_is_the_same_whatever_was_looked_for_before_it() -> None:
    one = finished("pick up the red cup")
    found = one.again(), one.stop(), one.fit("pick up the red cup")
    assert (one.again(), one.stop(), one.fit("pick up the red cup")) == found


def test_only_words_that_were_said_fit() -> None:
    one = finished("move forward two meters")
    assert one.fit("move forward two meters").confidence > 0.5
    assert one.fit("move forward ten meters").confidence < one.fit("move forward two meters").confidence
    assert one.fit("pick up the red cup").confidence < 0.5


def test_a_place_that_no_dictionary_knows_is_understood() -> None:
    grammar_ = Grammar(Names(("kitchen", "zorbatorium"), NAMES.surfaces, NAMES.kinds, NAMES.colours))
    one = Pocketsphinx(grammar_, voice().spell)
    assert "zorbatorium" in one.spelt
    one.start()
    one.feed(in_room(voice().speak("go to the zorbatorium"), lead=0.15, tail=0.15))
    assert one.finish().text == "go to the zorbatorium"


def test_a_word_that_nothing_can_pronounce_is_named_and_left_out() -> None:
    names = Names(("kitchen", "xqzv"), NAMES.surfaces, NAMES.kinds, NAMES.colours)
    one = Pocketsphinx(Grammar(names), spell=None)
    assert one.unpronounced == ("xqzv",)
    assert "xqzv" not in one.grammar.words


def test_nothing_fed_is_nothing_heard() -> None:
    recogniser().start()
    assert recogniser().finish().text == ""


@pytest.mark.parametrize(("misaki", "phones"), [("fɹˈɪʤ", "F R IH JH"), ("bˈɜɹd", "B ER D"), ("", "")])
def test_misaki_symbols_become_cmu_phones(misaki: str, phones: str) -> None:
    assert cmu_phones(misaki) == phones


def test_the_same_seed_speaks_the_same_samples() -> None:
    np.testing.assert_array_equal(voice().speak("stop"), Hibari().speak("stop"))


def test_faster_speech_is_shorter() -> None:
    assert len(Hibari(speed=1.5).speak("go to the kitchen")) < 0.8 * len(voice().speak("go to the kitchen"))


def test_a_speed_that_no_one_speaks_is_refused() -> None:
    with pytest.raises(InputError, match=r"speed 9.*0\.5 to 2"):
        Hibari(speed=9.0)


def test_a_text_that_the_voice_cannot_say_is_one_line() -> None:
    with pytest.raises(InputError, match="the voice cannot say 'go to 1234"):
        voice().speak("go to " + "1234567890" * 4)


def test_an_empty_text_cannot_be_said() -> None:
    with pytest.raises(InputError, match="nothing to say"):
        voice().speak("  ")


def robotic(name: str) -> Samples:
    return Espeak(name).speak("go to the kitchen")


def test_espeak_has_an_american_and_a_british_voice() -> None:
    assert 8000 < len(robotic("en-us")) < 40000
    assert len(robotic("en-us")) != len(robotic("en-gb"))


def test_an_unknown_espeak_voice_is_named() -> None:
    with pytest.raises(InputError, match="no voice 'nobody'"):
        robotic("nobody")


def test_whisper_without_its_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(MissingError, match="pip install faster-whisper"):
        Whisper("somewhere")


def test_words_of_no_grammar_are_heard_by_the_second_ear() -> None:
    pytest.importorskip("faster_whisper")
    ear = recogniser()
    second = SecondEar(Whisper(threads=1), ear, budget=60.0)
    words = "the weather is nice today"
    (heard,) = hear(Listener(ear, grammar(), second=second), spoken(words))
    assert (heard.text, heard.complete, heard.ear) == (words, True, "free")
    (heard,) = hear(Listener(ear, grammar(), second=second), spoken("turn left ninety degrees"))
    assert (heard.text, heard.complete, heard.ear) == ("turn left ninety degrees", True, "")
    second.close()


def test_whisper_without_a_model_folder_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stub = types.ModuleType("faster_whisper")
    stub.WhisperModel = object  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "faster_whisper", stub)
    with pytest.raises(InputError, match="give the folder of a faster-whisper model"):
        Whisper(tmp_path)


def test_the_grammar_is_the_one_that_was_given() -> None:
    assert recogniser().grammar is grammar()
