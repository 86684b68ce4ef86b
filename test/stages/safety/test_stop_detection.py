import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.stages.safety.stop_detection import is_stop


@pytest.mark.parametrize(
    "text", ["Stop the robot", "stop", "please STOP now", "emergency stop!", "halt", "Robot, freeze"]
)
def test_a_stop_is_heard(text):
    assert is_stop(text)


@pytest.mark.parametrize("text", ["", "go to the bus stop", "pick up the red cup", "robot please"])
def test_other_sentences_are_not_a_stop(text):
    assert not is_stop(text)


@given(st.text())
def test_no_text_breaks_it(text):
    assert is_stop(text) in (True, False)
