import contextlib
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.common.errors import InputError
from vla_sim.stages.perception.camera import color_image, depth_image, intrinsics


def message(array, encoding, /, **changes):
    fields = {
        "encoding": encoding, "height": array.shape[0], "width": array.shape[1], "is_bigendian": 0,
        "step": array.strides[0], "data": array.tobytes(),
    }  # fmt: skip
    return SimpleNamespace(**(fields | changes))


RGB = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)


def test_both_orders_of_colour_are_read():
    np.testing.assert_array_equal(color_image(message(RGB, "rgb8")), RGB)
    np.testing.assert_array_equal(color_image(message(RGB, "bgr8")), RGB[..., ::-1])


def test_padded_rows_are_read():
    padded = np.pad(RGB.reshape(2, 12), ((0, 0), (0, 4)))
    one = message(padded, "rgb8", width=4, step=16)
    np.testing.assert_array_equal(color_image(one), RGB)


def test_depth_in_metres_and_in_millimetres():
    metres = np.array([[0.5, np.inf], [0.0, np.nan]], np.float32)
    expected = [[0.5, np.nan], [np.nan, np.nan]]
    np.testing.assert_allclose(depth_image(message(metres, "32FC1")), expected)
    millimetres = np.array([[500, 0]], np.uint16)
    np.testing.assert_allclose(depth_image(message(millimetres, "16UC1")), [[0.5, np.nan]])


def test_big_endian_depth_is_read():
    big = np.array([[0.5, 1.5]], ">f4")
    np.testing.assert_allclose(depth_image(message(big, "32FC1", is_bigendian=1)), [[0.5, 1.5]])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"encoding": "mono8"}, "colour image is 'mono8'; it must be rgb8 or bgr8"),
        ({"data": b"123"}, "has 3 bytes; it needs 24"),
        ({"step": 5}, "step 5"),
        ({"width": 0}, "0 x 2"),
        ({"height": 10**9}, "allowed: 1 to"),
    ],
)
def test_a_wrong_image_is_named(changes, words):
    with pytest.raises(InputError, match=words):
        color_image(message(RGB, "rgb8", **changes))


def test_a_wrong_depth_encoding_is_named():
    with pytest.raises(InputError, match="'rgb8'; it must be 32FC1 or 16UC1"):
        depth_image(message(RGB, "rgb8"))


@given(
    st.integers(-2, 6), st.integers(-2, 6), st.integers(-5, 40), st.binary(max_size=64),
    st.sampled_from(["rgb8", "bgr8", "32FC1", "16UC1", "", "x"]), st.integers(0, 1),
)  # fmt: skip
def test_any_other_message_gives_an_image_or_an_input_error(height, width, step, data, encoding, big):
    one = SimpleNamespace(
        encoding=encoding, height=height, width=width, step=step, data=data, is_bigendian=big
    )
    for read in (color_image, depth_image):
        with contextlib.suppress(InputError):
            assert read(one).shape[:2] == (height, width)


def test_camera_info_becomes_intrinsics_or_is_refused():
    info = SimpleNamespace(k=[230.0, 0, 160.0, 0, 231.0, 120.0, 0, 0, 1], width=320, height=240)
    camera = intrinsics(info)
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (230.0, 231.0, 160.0, 120.0)
    for bad in (0.0, float("nan"), -1.0):
        info.k = [bad, *info.k[1:]]
        with pytest.raises(InputError, match="fx"):
            intrinsics(info)
