"""The newest pair of images, for who wants one now and then."""

from types import SimpleNamespace

import numpy as np

from vla_sim.stages.perception.last_images import OLDEST, LastImages

HEIGHT, WIDTH = 4, 6


def image(stamp, array, encoding):
    return SimpleNamespace(
        header=SimpleNamespace(stamp=SimpleNamespace(sec=int(stamp), nanosec=round(1e9 * (stamp % 1.0)))),
        encoding=encoding, height=array.shape[0], width=array.shape[1], is_bigendian=0,
        step=array.strides[0], data=array.tobytes(),
    )  # fmt: skip


def send(images, stamp, shade=0):
    images.on_color(image(stamp, np.full((HEIGHT, WIDTH, 3), shade, np.uint8), "rgb8"))
    images.on_depth(image(stamp, np.ones((HEIGHT, WIDTH), np.float32), "32FC1"))


def looking():
    said = []
    images = LastImages(0.015, said.append)
    k = [5.0, 0.0, 2.5, 0.0, 5.0, 1.5, 0.0, 0.0, 1.0]
    images.on_camera_info(SimpleNamespace(k=k, width=WIDTH, height=HEIGHT))
    return images, said


def test_it_is_the_newest_pair():
    images, said = looking()
    assert images.last(1.0) is None
    send(images, 1.0, 10)
    send(images, 1.1, 20)
    assert images.last(1.15).color[0, 0, 0] == 20
    assert images.last(1.2).stamp == 1.1
    assert not said


def test_what_a_camera_that_fell_silent_showed_last_is_not_shown_for_ever():
    images, _ = looking()
    send(images, 1.0)
    assert images.last(1.0 + OLDEST) is not None
    assert images.last(1.1 + OLDEST) is None
    send(images, 5.0)
    assert images.last(5.1).stamp == 5.0
    assert images.last(3.0) is None, "a clock that was set back does not make it new"


def test_a_pair_that_cannot_be_read_is_told_and_left_out():
    images, said = looking()
    send(images, 1.0)
    assert images.last(1.0).stamp == 1.0
    images.on_color(image(1.1, np.zeros((HEIGHT, WIDTH, 3), np.uint8), "rgb8"))
    images.on_depth(image(1.1, np.ones((HEIGHT + 1, WIDTH), np.float32), "32FC1"))
    assert images.last(1.1).stamp == 1.0
    assert len(said) == 1
