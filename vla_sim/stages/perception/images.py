"""Images as they travel (encoding, rows, step, bytes) to arrays and intrinsics, with every fault named."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.errors import InputError
from vla_sim.stages.perception.camera import Intrinsics

MOST_PIXELS = 4096 * 4096


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
