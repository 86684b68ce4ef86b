"""The newest pair of the camera's images, for who wants one now and then."""

from collections.abc import Callable
from typing import Any

from vla_sim.common.errors import InputError
from vla_sim.stages.perception.camera import (
    Images,
    Intrinsics,
    check_images,
    color_image,
    depth_image,
    intrinsics,
)
from vla_sim.stages.perception.pairing import ImagePairs

OLDEST = 1.0
"""[s] of a pair that still shows what is there, to an arm that moves by it. One from as far ahead is from
before a clock was set back."""


class LastImages:
    """Takes messages of colour, depth and camera info. within: see `ImagePairs`. say: takes a line where one
    is of no use."""

    def __init__(self, within: float, say: Callable[[str], object]) -> None:
        self._say = say
        self._pairs = ImagePairs(within)
        self._camera: Intrinsics | None = None
        self._pair: tuple[float, Any, Any] | None = None
        self._read: Images | None = None

    def on_camera_info(self, message: Any) -> None:
        try:
            self._camera = intrinsics(message)
        except InputError as error:
            self._say(str(error))

    def on_color(self, message: Any) -> None:
        self._pair = self._pairs.color(_seconds(message), message) or self._pair

    def on_depth(self, message: Any) -> None:
        self._pair = self._pairs.depth(_seconds(message), message) or self._pair

    def last(self, now: float) -> Images | None:
        """None until there is a pair, and once the newest is too old; one that cannot be read is left out.
        now: [s], by the clock of the stamps."""
        if self._pair is not None and self._camera is not None:
            (stamp, color, depth), self._pair = self._pair, None
            try:
                rgb, metres = color_image(color), depth_image(depth)
                check_images(rgb, metres, self._camera)
                self._read = Images(stamp, rgb, metres, self._camera)
            except InputError as error:
                self._say(str(error))
        fresh = self._read is not None and abs(now - self._read.stamp) <= OLDEST
        return self._read if fresh else None


def _seconds(message: Any) -> float:
    stamp = message.header.stamp
    return float(stamp.sec) + 1e-9 * float(stamp.nanosec)
