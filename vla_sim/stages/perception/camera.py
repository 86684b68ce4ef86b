"""The pinhole camera: its images as drivers send them, and its intrinsics."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.errors import InputError

MOST_PIXELS = 4096 * 4096
WIDEST = 640
"""[px] of the images that are looked at: of wider ones every n-th pixel each way, so that a camera's
resolution does not decide how long an image takes."""


def _rows(message: Any, dtype: Any, channels: int) -> NDArray[Any]:
    """(height, width * channels) of a message with sensor_msgs/Image's fields."""
    height, width, step = message.height, message.width, message.step
    item = np.dtype(dtype).itemsize
    if height < 1 or width < 1 or height * width > MOST_PIXELS:
        raise InputError(f"{message.encoding} image is {width} x {height}; allowed: 1 to {MOST_PIXELS} px")
    if step < width * channels * item or step % item:
        raise InputError(f"{message.encoding} image has step {step}; a row of {width} needs more bytes")
    flat = np.frombuffer(message.data, np.uint8)
    if flat.size != step * height:
        raise InputError(f"{message.encoding} image has {flat.size} bytes; it needs {step * height}")
    order = ">" if message.is_bigendian else "<"
    typed = flat.view(np.dtype(dtype).newbyteorder(order)).reshape(height, step // item)
    return typed[:, : width * channels]


def color_image(message: Any) -> NDArray[np.uint8]:
    """(h, w, 3) uint8 RGB of an rgb8 or bgr8 image; raises `InputError` for any other."""
    if message.encoding not in ("rgb8", "bgr8"):
        raise InputError(f"colour image is {message.encoding!r}; it must be rgb8 or bgr8")
    image = _rows(message, np.uint8, 3).reshape(message.height, message.width, 3)
    return np.ascontiguousarray(image if message.encoding == "rgb8" else image[..., ::-1])


def depth_image(message: Any) -> NDArray[np.float32]:
    """(h, w) float32 [m], NaN where nothing was measured, of a 32FC1 [m] or 16UC1 [mm] image."""
    if message.encoding == "32FC1":
        metres = _rows(message, np.float32, 1).astype(np.float32)
    elif message.encoding == "16UC1":
        metres = _rows(message, np.uint16, 1).astype(np.float32) * np.float32(1e-3)
    else:
        raise InputError(f"depth image is {message.encoding!r}; it must be 32FC1 or 16UC1")
    metres[~(np.isfinite(metres) & (metres > 0.0))] = np.nan
    return metres


def intrinsics(message: Any) -> Intrinsics:
    """Of a sensor_msgs/CameraInfo; raises `InputError` if its matrix cannot be one."""
    k = [float(x) for x in message.k]
    return Intrinsics(k[0], k[4], k[2], k[5], int(message.width), int(message.height))


Pinhole = tuple[float, float, float, float]
"""fx, fy, cx, cy [px], as kernels take them."""


@dataclass(frozen=True)
class Intrinsics:
    """fx, fy, cx, cy [px]; (u, v) = (0, 0) is the centre of the top left pixel."""

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int

    def __post_init__(self) -> None:
        values = (self.fx, self.fy, self.cx, self.cy)
        if not all(math.isfinite(v) for v in values) or self.fx <= 0 or self.fy <= 0:
            raise InputError(f"camera fx, fy, cx, cy are {values}; they must be finite, fx and fy above 0")
        if self.width < 1 or self.height < 1:
            raise InputError(f"camera image is {self.width} x {self.height}; both must be at least 1")

    def shrunk(self, by: int) -> Intrinsics:
        """Of every `by`-th pixel each way, the first one among them."""
        f = 1.0 / by
        return Intrinsics(
            self.fx * f, self.fy * f, self.cx * f, self.cy * f, -(-self.width // by), -(-self.height // by)
        )

    @property
    def pinhole(self) -> Pinhole:
        return self.fx, self.fy, self.cx, self.cy

    @staticmethod
    def from_field_of_view(horizontal: float, width: int, height: int) -> Intrinsics:
        """Square pixels, principal point in the middle. horizontal: [rad]."""
        f = width / (2.0 * math.tan(horizontal / 2.0))
        return Intrinsics(f, f, (width - 1) / 2.0, (height - 1) / 2.0, width, height)


@dataclass(frozen=True)
class Images:
    """A pair of one instant. stamp [s]. color (h, w, 3) uint8; depth (h, w) float32 [m], NaN where
    unknown."""

    stamp: float
    color: NDArray[np.uint8]
    depth: NDArray[np.float32]
    camera: Intrinsics


def check_images(rgb: NDArray[np.uint8], depth: NDArray[np.float32], camera: Intrinsics) -> None:
    """Raises `InputError` unless rgb (h, w, 3) uint8 and depth (h, w) float32 fit the camera."""
    shape = (camera.height, camera.width)
    if rgb.shape != (*shape, 3) or rgb.dtype != np.uint8:
        raise InputError(f"colour image is {rgb.shape} {rgb.dtype}; it must be {(*shape, 3)} uint8")
    if depth.shape != shape or depth.dtype != np.float32:
        raise InputError(f"depth image is {depth.shape} {depth.dtype}; it must be {shape} float32")
