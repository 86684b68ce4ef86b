"""Images as they are recorded, and back."""

from array import array

import numpy as np
import pytest

pytest.importorskip("rclpy")
from sensor_msgs.msg import Image

from vla_sim.recording.images import compressed, decompressed

HEIGHT, WIDTH = 48, 64


def image(pixels, encoding):
    message = Image(height=pixels.shape[0], width=pixels.shape[1], encoding=encoding, step=pixels.strides[0])
    message.header.frame_id, message.header.stamp.sec = "camera", 7
    message.data = array("B", pixels.tobytes())
    return message


def pixels(message, kind, *more):
    return np.frombuffer(message.data, kind).reshape(message.height, message.width, *more)


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8"])
def test_colours_come_back_as_rgb_almost_as_they_were(encoding):
    x, y = np.meshgrid(np.linspace(0, 255, WIDTH), np.linspace(0, 255, HEIGHT))
    rgb = np.stack([x, y, np.full_like(x, 60)], axis=2).astype(np.uint8)
    sent = compressed(image(rgb if encoding == "rgb8" else rgb[:, :, ::-1].copy(), encoding))
    assert sent.format == "jpeg"
    back = decompressed(sent)
    assert back.encoding == "rgb8"
    assert (back.header.frame_id, back.header.stamp.sec) == ("camera", 7)
    assert np.abs(pixels(back, np.uint8, 3).astype(int) - rgb).mean() < 4.0


def test_depth_comes_back_to_the_millimetre_and_what_is_unknown_as_unknown():
    depth = np.linspace(0.3, 60.0, HEIGHT * WIDTH, dtype=np.float32).reshape(HEIGHT, WIDTH)
    depth[0, :4] = np.nan, np.inf, -1.0, 70.0
    back = decompressed(compressed(image(depth, "32FC1")))
    assert back.encoding == "16UC1"
    got = pixels(back, np.uint16)
    np.testing.assert_array_equal(got[0, :4], 0)
    np.testing.assert_allclose(1e-3 * got[1:], depth[1:], atol=0.00051)


def test_depth_in_millimetres_comes_back_as_it_was():
    depth = np.random.default_rng(0).integers(0, 65536, (HEIGHT, WIDTH), dtype=np.uint16)
    np.testing.assert_array_equal(pixels(decompressed(compressed(image(depth, "16UC1"))), np.uint16), depth)


def test_what_cannot_be_compressed_is_left_as_it_is():
    gray = np.zeros((HEIGHT, WIDTH), np.uint8)
    assert compressed(image(gray, "mono8")) is None
    short = image(np.zeros((HEIGHT, WIDTH, 3), np.uint8), "rgb8")
    short.data = short.data[:-1]
    assert compressed(short) is None
    assert compressed(Image(encoding="rgb8")) is None
