import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.common.errors import InputError
from vla_sim.common.params import named_numbers

KNOWN = ("voice", "planning")


def test_numbers_are_read_by_name():
    assert named_numbers("voice=80  planning=1.5e3", KNOWN, "cost") == {"voice": 80.0, "planning": 1500.0}
    assert named_numbers("", KNOWN, "cost") == {}


WRONG = ("voice", "voice=", "voice=x", "voice=-1", "voice=nan", "voice=inf", "ear=1")


@pytest.mark.parametrize("word", WRONG)
def test_a_wrong_word_is_told_with_what_is_allowed(word):
    with pytest.raises(InputError, match="of 0 or more is allowed, with a name of voice, planning"):
        named_numbers(f"planning=1 {word}", KNOWN, "cost")


def test_zero_is_allowed_where_it_means_something():
    assert named_numbers("voice=0", KNOWN, "cost") == {"voice": 0.0}


@given(st.text())
def test_any_text_is_read_or_refused(text):
    try:
        found = named_numbers(text, KNOWN, "cost")
    except InputError:
        return
    assert all(0.0 <= v < float("inf") for v in found.values())
