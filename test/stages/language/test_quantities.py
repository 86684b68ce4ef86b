import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.stages.language.understanding.quantities import WORDS, number, quantity
from vla_sim.stages.voice.spoken_numbers import spell


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2", 2.0), ("2.5", 2.5), ("1/2", 0.5), ("2 1/2", 2.5), ("two", 2.0), ("twenty five", 25.0),
        ("one hundred and eighty", 180.0), ("a hundred", 100.0), ("three hundred sixty five", 365.0),
        ("two point five", 2.5), ("point five", 0.5), ("zero point two five", 0.25), ("half", 0.5),
        ("half a", 0.5), ("a quarter", 0.25), ("three quarters of a", 0.75), ("two and a half", 2.5),
        ("one and three quarters", 1.75), ("a couple of", 2.0), ("two thousand five hundred", 2500.0),
    ],
)  # fmt: skip
def test_numbers_are_read_in_words_and_digits(text, value):
    words = text.split()
    assert number(words, 0) == (pytest.approx(value), len(words))


@pytest.mark.parametrize(
    ("text", "value", "dimension"),
    [
        ("2 meters", 2.0, "length"), ("two metres", 2.0, "length"), ("a meter and a half", 1.5, "length"),
        ("half a meter", 0.5, "length"), ("50 cm", 0.5, "length"), ("3 feet", 0.9144, "length"),
        ("1 meter and 50 centimeters", 1.5, "length"), ("1 meter 50 centimeters", 1.5, "length"),
        ("90 degrees", math.pi / 2, "angle"), ("a quarter turn", math.pi / 2, "angle"),
        ("half a turn", math.pi, "angle"), ("1.57 radians", 1.57, "angle"), ("pi radians", math.pi, "angle"),
        ("three hundred and degrees", math.radians(300), "angle"), ("two minutes", 120.0, "time"),
        ("a second", 1.0, "time"),
    ],
)  # fmt: skip
def test_quantities_have_si_units(text, value, dimension):
    words = text.split()
    found = quantity(words, 0)
    assert found is not None
    assert (found.value, found.dimension, found.end) == (pytest.approx(value), dimension, len(words))


@pytest.mark.parametrize("text", ["", ".", "and", "hundred", "meters", "a", "point", "5/0"])
def test_what_is_no_number_gives_none(text):
    assert number(text.split(), 0) is None


@given(st.integers(0, 999), st.integers(0, 9))
def test_what_the_voice_spells_the_parser_reads(whole, tenth):
    words = spell(f"{whole}.{tenth}").split()
    assert number(words, 0) == (pytest.approx(whole + tenth / 10), len(words))


@given(st.lists(st.sampled_from([*sorted(WORDS), "1/2", "3", "5/0", ".", ".5", "/"])))
def test_no_word_order_crashes_the_reader(words):
    for i in range(len(words) + 1):
        number(words, i)
        quantity(words, i)


@pytest.mark.parametrize("word", ["9" * 400, "9" * 400 + "/2", "9" * 20])
def test_no_number_is_infinite(word):
    assert number([word, "degrees"], 0) == (1e9, 1)
