import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_sentences import sentence
from voice_speech import NAMES, grammar

from vla_sim.common.errors import InputError
from vla_sim.stages.voice.grammar import Automaton, Grammar, Names, within_stop_sentence
from vla_sim.stages.voice.spoken_numbers import normalise

COMMANDS = [
    "Move forward 2 meters", "Go to the kitchen", "Pick up the red cup", "Turn left 90 degrees",
    "Stop the robot", "Go to kitchen and pick up cup", "Navigate to charging station",
    "Find red ball and grasp it", "Bring me the blue box from the bedroom",
    "Go to the kitchen and pick up the red cup", "Move forwards 1.5 m", "Turn right 180°", "wait 5 s",
    "Put the cup on the kitchen table, then come back", "Walk back half a metre", "please turn around",
    "Move the red box from the dresser to the kitchen table", "Take two steps back", "no, the blue one",
    "Go to the bedroom via the hallway", "Is there a cup on the dresser?", "never mind",
]  # fmt: skip


@pytest.mark.parametrize("text", COMMANDS)
def test_every_command_is_a_sentence(text: str) -> None:
    assert grammar().read(text).complete


@pytest.mark.parametrize(
    "text",
    ["", "pick up the red", "go to the", "move forward two meters and", "move forward two", "the red cup",
     "the weather is nice", "go to the supermarket", "stop and go"],
)  # fmt: skip
def test_half_and_foreign_sentences_are_none(text: str) -> None:
    assert not grammar().read(text).complete


def test_a_beginning_is_told_from_what_never_becomes_a_sentence() -> None:
    assert grammar().read("pick up the").prefix
    assert not grammar().read("pick up weather").prefix


def test_a_closed_sentence_could_only_be_followed_by_please_or_another_command() -> None:
    assert grammar().read("turn left ninety degrees").closed
    assert not grammar().read("turn left").closed


def test_random_sentences_are_sentences() -> None:
    rng = np.random.default_rng(1)
    for _ in range(300):
        text = sentence(grammar(), rng)
        assert grammar().read(text).complete, text


@given(st.text(max_size=60))
def test_any_text_can_be_read(text: str) -> None:
    reading = grammar().read(text)
    assert reading.prefix or not reading.complete


@given(st.sampled_from(COMMANDS))
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize("text", ["stop", "Stop!", "stop the robot", "robot, stop now please", "halt",
                                  "freeze", "emergency stop", "stop stop stop"])  # fmt: skip
def test_stop_sentences_are_stops(text: str) -> None:
    assert within_stop_sentence(text)
    assert grammar().read(text).complete


@pytest.mark.parametrize("text", ["", "please", "go to the kitchen", "the robot", "go to the bus stop"])
def test_other_texts_are_no_stops(text: str) -> None:
    assert not within_stop_sentence(text)


def test_a_worlds_names_are_in_its_grammar() -> None:
    one = Grammar(Names(("cellar",), ("workbench",), ("spanner",), ("orange",)))
    assert one.read("Bring me the orange spanner from the cellar").complete
    assert one.read("Put it on the workbench").complete
    assert not grammar().read("go to the cellar").complete


def test_names_with_words_that_cannot_be_pronounced_are_left_out() -> None:
    names = Names((*NAMES.places, "xqz room"), NAMES.surfaces, NAMES.kinds, NAMES.colours)
    left = Grammar(names).without(frozenset({"xqz"}))
    assert "xqz" not in left.words
    assert left.read("go to the kitchen").complete


def test_words_of_the_commands_cannot_be_left_out() -> None:
    with pytest.raises(InputError, match="'stop'"):
        grammar().without(frozenset({"stop"}))


@pytest.mark.parametrize(
    ("digits", "words"),
    [("0", "zero"), ("14", "fourteen"), ("135", "one hundred thirty five"), ("1.5", "one point five"),
     ("2.0", "two"), ("360", "three hundred sixty"), ("2,5", "two point five"), ("007", "seven"),
     ("1,000", "one zero zero zero"), ("1,250,000", "one two five zero zero zero zero"),
     (".5 meters", "point five meters"), ("move -2 m", "move minus two meters"), ("1-2", "one two"),
     ("2½ meters", "two one two meters")],
)  # fmt: skip
def test_digits_become_words(digits: str, words: str) -> None:
    assert normalise(digits) == words


@given(st.text(alphabet="0123456789٣½².,-−° m/", max_size=40) | st.just("9" * 5000))
def test_no_figures_are_too_much(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


def test_steps_are_remembered_within_a_bound(monkeypatch):
    monkeypatch.setattr("vla_sim.stages.voice.grammar.MAX_STEPS", 5)
    automaton = Automaton("<one> = go;")
    for k in range(50):
        automaton.step(automaton.start, f"word{k}")
    assert automaton.step.cache_info().currsize <= 5
    assert automaton.end in automaton.step(automaton.start, "go")
