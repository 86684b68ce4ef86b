import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.stages.language.understanding.tokens import one_edit, slip, tokenise, words


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Turn left 90°!", "turn left 90 degrees !"), ("2½ m", "2 1/2 m"), ("2m", "2 m"),
        ("counter-clockwise", "counter clockwise"), ("Go to the KITCHEN.", "go to the kitchen ."),
        ("living_room", "living room"), ("café", "cafe"), ("don’t", "don't"), ("move -2 m", "move minus 2 m"),
        ("٣ meters", "3 meters"), ("“cup” 🙂", "cup"), ("x²", "x 2"),
    ],
)  # fmt: skip
def test_text_becomes_plain_tokens(text, tokens):
    assert tokenise(text) == tokens.split()


@given(st.text())
def test_no_text_crashes_the_tokeniser(text):
    words(tokenise(text))


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_one_edit_agrees_with_the_definition(a, b):
    def distance(a: str, b: str) -> int:
        d = {(i, -1): i + 1 for i in range(-1, len(a))} | {(-1, j): j + 1 for j in range(-1, len(b))}
        for i, x in enumerate(a):
            for j, y in enumerate(b):
                d[i, j] = min(d[i - 1, j] + 1, d[i, j - 1] + 1, d[i - 1, j - 1] + (x != y))
                if i and j and x == b[j - 1] and a[i - 1] == y:
                    d[i, j] = min(d[i, j], d[i - 2, j - 2] + 1)
        return d[len(a) - 1, len(b) - 1]

    assert one_edit(a, b) == (distance(a, b) == 1)


def test_a_slip_is_no_other_word():
    assert slip("trun", "turn")
    assert slip("turnn", "turn")
    assert slip("foward", "forward")
    assert not slip("burn", "turn")
    assert not slip("cap", "cup")
