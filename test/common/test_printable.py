"""Text of others, and what a user is told of an error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.common.errors import InputError
from vla_sim.common.printable import one_line, printable


@given(st.text())
def test_what_is_left_is_text_and_lines(text):
    assert all(c.isprintable() or c == "\n" for c in printable(text))
    assert len(printable(text)) == len(text)


@given(st.text())
def test_a_line_is_one(text):
    assert one_line(text).isprintable()


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[2Jb", "a\r\n\tb"])
def test_an_error_is_one_line_whatever_it_quotes(name):
    told = str(InputError(f"{name}: no such world"))
    assert told.isprintable()
    assert told.startswith("a")
    assert told.endswith("b: no such world")
