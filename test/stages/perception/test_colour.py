import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.stages.perception.colour import name_pixels
from vla_sim.world.colour_names import COLOURS, TABLE, hsv, label_of


def name(*rgb: int) -> str:
    return COLOURS[name_pixels(np.array([[rgb]], np.uint8))[0, 0]]


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [
        ((217, 13, 13), "red"), ((10, 148, 31), "green"), ((13, 38, 217), "blue"),
        ((242, 204, 10), "yellow"), ((250, 130, 10), "orange"), ((130, 30, 170), "purple"),
        ((242, 242, 242), "white"), ((110, 110, 112), "grey"), ((10, 10, 12), "black"),
        ((140, 102, 66), "brown"),
    ],
)  # fmt: skip
def test_plain_colours_have_their_names(rgb, expected):
    assert name(*rgb) == expected


@pytest.mark.parametrize("rgb", [(217, 13, 13), (10, 148, 31), (13, 38, 217), (242, 204, 10)])
@pytest.mark.parametrize("shade", [1.0, 0.8, 0.6, 0.45])
def test_shading_does_not_change_the_name(rgb, shade):
    assert name(*(int(c * shade) for c in rgb)) == name(*rgb)


@pytest.mark.parametrize("rgb", [(165, 140, 105), (204, 184, 153), (102, 82, 66), (179, 150, 117)])
def test_wood_has_no_vivid_colour(rgb):
    assert name(*rgb) not in ("red", "orange", "yellow", "green", "blue", "purple", "pink")


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_look_up_agrees_with_the_table(rgb):
    r, g, b = (c >> 3 for c in rgb)
    assert label_of(name(*rgb)) == TABLE[r * 1024 + g * 32 + b]


def test_hsv_is_the_usual_one():
    import colorsys

    rgb = np.random.default_rng(0).random((200, 3))
    ours = np.stack(hsv(rgb), axis=-1) / [360.0, 1.0, 1.0]
    np.testing.assert_allclose(ours, [colorsys.rgb_to_hsv(*c) for c in rgb], atol=1e-9)


def test_an_unknown_name_has_no_label():
    assert label_of("mauve") == 0
