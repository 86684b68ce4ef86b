"""Safety, the planner and the speech grammar agree on the words that mean stop."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from language_world import HOME, RULES

from vla_sim.contract import phrases
from vla_sim.contract.records import ObjectQuery
from vla_sim.contract.vocabulary import STOP_FILLERS, STOP_WORDS
from vla_sim.stages.language.dialogue_context import Context
from vla_sim.stages.safety import stop_detection
from vla_sim.stages.voice import grammar

STOPS = st.sampled_from(sorted(STOP_WORDS))
FILLERS = st.lists(st.sampled_from(sorted(STOP_FILLERS)), max_size=3)


@pytest.mark.parametrize("word", sorted(STOP_WORDS))
@pytest.mark.parametrize("frame", ["{}", "please {}", "robot {} now", "{} at the kitchen", "no {}", "ok {}"])
def test_where_safety_stops_at_once_the_planner_plans_no_motion(word, frame):
    text = frame.format(word)
    assert stop_detection.is_stop(text)
    assert RULES.plan(text).priority == "stop"


@pytest.mark.parametrize("text", ["did you stop at the bank", "does it stop"])
def test_a_question_about_a_stop_is_none(text):
    assert not stop_detection.is_stop(text)
    assert RULES.plan(text).priority != "stop"


@pytest.mark.parametrize("text", ["did you hear me stop", "did you stop robot stop"])
def test_a_stop_after_a_question_is_one(text):
    assert RULES.plan(text).priority == "stop"


@pytest.mark.parametrize(
    "text",
    ["do you see the wall? stop!", "is there a problem? Stop!", "go to the garage stop", "say hello halt",
     "do you see the dog? Don't move!", "go to the garage hold on", "Wait! There is a dog.",
     "this is my mug freeze", "bring me my hat stop", "put the cup on the shelf stop"],
)  # fmt: skip
def test_words_that_may_be_anything_swallow_no_stop(text):
    assert RULES.plan(text).priority == "stop"


@pytest.mark.parametrize(
    "text",
    ["don't do that! Stop!", "don't do that stop", "no, not there, stop", "i don't want the red cup stop",
     "do not go in there. stop"],
)  # fmt: skip
def test_a_negation_of_something_else_takes_no_stop_back(text):
    assert RULES.plan(text).priority == "stop"


@pytest.mark.parametrize("text", ["no wait", "no, hold on!", "oh god wait", "hey whoa"])
def test_a_stop_that_could_be_another_word_is_one_among_fillers(text):
    assert RULES.plan(text).priority == "stop"


@pytest.mark.parametrize(
    "text",
    ["don't move forward 2 meters", "stop moving left 1 meter", "stop turning left 90 degrees",
     "cancel go to the kitchen", "abort: go to the kitchen", "never mind going to the kitchen",
     "stop to take the red cup"],
)  # fmt: skip
def test_what_is_to_be_stopped_is_not_done(text):
    assert RULES.plan(text).priority == "stop"


@pytest.mark.parametrize("text", ["hold it right there!", "hold your position", "keep still", "quit it"])
def test_what_else_is_called_to_who_moves_is_a_stop(text):
    assert RULES.plan(text).priority == "stop"


@pytest.mark.parametrize("text", ["can't you stop", "why don't you just stop", "why not stop"])
def test_who_asks_why_it_does_not_stop_has_it_stop(text):
    assert RULES.plan(text).priority == "stop"


@pytest.mark.parametrize(
    "text",
    [
        "you can't stop now",
        "don't stop",
        "please do not stop now",
        "you don't have to stop",
        "never ever stop",
        "you need not stop",
    ],
)
def test_what_forbids_a_stop_is_none(text):
    assert not stop_detection.is_stop(text)
    assert RULES.plan(text).priority != "stop"


@pytest.mark.parametrize(
    "text", ["wait, pick it up", "hold on and go there", "that's enough, put it on the table"]
)
def test_a_stop_is_one_though_what_follows_it_is_asked_back(text):
    assert RULES.plan(text).priority == "stop"


def test_a_stop_is_one_though_what_follows_needs_an_empty_hand():
    holding = Context(held=ObjectQuery(kind="cup", colour="red"))
    assert RULES.plan("hold on, take the blue box", holding).priority == "stop"


def test_stop_may_be_what_is_to_be_said():
    assert RULES.plan("say stop").steps[0].text == "Stop."


@given(FILLERS, STOPS)
def test_a_stop_counts_after_any_filler(fillers, word):
    text = " ".join([*fillers, word])
    assert stop_detection.is_stop(text)
    assert RULES.plan(text).priority == "stop"


@pytest.mark.parametrize("sentence", phrases.STOP.spoken)
def test_a_stop_that_the_recogniser_knows_is_one_everywhere(sentence):
    assert grammar.within_stop_sentence(sentence)
    assert stop_detection.is_stop(sentence)
    assert RULES.plan(sentence).priority == "stop"
    assert grammar.Grammar.of(HOME).read(sentence).complete
