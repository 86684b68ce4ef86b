"""YAML within a budget: whatever a file holds, it is data or one error with its place."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.common import yaml_records
from vla_sim.common.errors import InputError


def parse(text):
    return yaml_records.parse(text, "f.yaml", "a mapping belongs here", dict)


def said(text):
    """The error; "" if there is none."""
    try:
        parse(text)
    except InputError as error:
        return str(error)
    return ""


NINE = ", ".join
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{NINE([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10)
)


@pytest.mark.parametrize(("text", "told"), [
    (BOMB, "50000 parts, nested 50 deep, are the most"),
    ("a: " + "[" * 60 + "]" * 60, "nested 50 deep, are the most"),
    ("a: &a [*a]", "the most"),
    ("a: 2001-13-45", r"f.yaml:1:4: '2001-13-45' has no value: month must be in 1..12"),
    (f"a: {'9' * 5000}", "f.yaml:1:4: '9999"),
    ("a: !!int one", "f.yaml:1:4: 'one' has no value"),
    ("a: 0b_", "f.yaml:1:4: '0b_' has no value"),
    ("a: !!int", "f.yaml:1:4: '' has no value"),
    ("a: !!timestamp now", "f.yaml:1:4: 'now' has no value"),
    ("a: !!bool 3", "f.yaml:1:4: '3' has no value"),
    (r'a: "\U0011ffff"', "f.yaml: not YAML: chr"),
    ("? [a]\n: b", "a name must be a text"),
    ("a: 1\na: 2", "f.yaml:2:1: a is given twice"),
])  # fmt: skip
def test_it_is_refused_at_once_with_the_place(text, told):
    began = time.process_time()
    with pytest.raises(InputError, match=told):
        parse(text)
    assert time.process_time() - began < 5.0


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    file = tmp_path / "large.yaml"
    with file.open("wb") as out:
        out.truncate(20_000_000_000)
    with pytest.raises(InputError, match=r"large\.yaml: is larger than 1 MB"):
        yaml_records.read(file)


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_is_data_or_one_error(text):
    assert "\n" not in said(text)


# Pieces that mean something to YAML meet more of it than letters do.
PIECES = st.sampled_from([
    "a", ": ", "- ", "&x ", "*x", "[", "]", "{", "}", "!!int ", "!!binary ", "!!timestamp ", "0x", "1e999",
    "\n", "  ", "? ", "| ", "> ", "'", '"', "\\u12", "#", "<<: ", "%YAML 1.1\n", "---\n", "...\n", "\t", "~",
])  # fmt: skip


@given(st.lists(PIECES, max_size=40).map("".join))
def test_any_heap_of_pieces_is_data_or_one_error(text):
    assert "\n" not in said(text)
