"""Images as they are recorded: colour as JPEG, depth as PNG of 16 bit [mm]; and back."""

import io
import math
import zlib
from array import array
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from sensor_msgs.msg import CompressedImage, Image

from vla_sim.common.pictures import encoded

SUFFIX = "/compressed"
"""Of the topic on which an image is recorded; what image_transport calls it, too."""
QUALITY = 90
"""Of JPEG."""
COLOURS = ("rgb8", "bgr8")
MILLIMETRES, METRES = "16UC1", "32FC1"
KINDS: dict[str, tuple[Any, tuple[int, ...]]] = {
    **dict.fromkeys(COLOURS, (np.uint8, (3,))), MILLIMETRES: (np.uint16, ()), METRES: (np.float32, ()),
}  # fmt: skip
"""Type of a value, and values a pixel where they are several, by encoding."""
FURTHEST = 65.535
"""[m]; a depth beyond it is recorded as unknown."""


def compressed(image: Image) -> CompressedImage | None:
    """None for an encoding that is neither colour (rgb8, bgr8) nor depth (16UC1, 32FC1), for data that do not
    fit the image's size, and for an image without pixels."""
    pixels = _pixels(image)
    if pixels is None:
        return None
    if image.encoding in COLOURS:
        kind, data = "jpeg", encoded(pixels, "JPEG", quality=QUALITY)
    else:
        # Run lengths alone: of noisy depths as small as what looks for more, in three quarters of the time.
        kind, data = "png", encoded(pixels, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
    return CompressedImage(header=image.header, format=kind, data=array("B", data))


def decompressed(message: CompressedImage) -> Image:
    """The image: rgb8 or 16UC1. Raises `OSError` for one that cannot be read."""
    pixels = np.asarray(Pillow.open(io.BytesIO(message.data.tobytes())))
    depth = pixels.ndim == 2
    pixels = pixels.astype(np.uint16) if depth else pixels
    out = Image(
        header=message.header, height=pixels.shape[0], width=pixels.shape[1],
        encoding=MILLIMETRES if depth else COLOURS[0], step=pixels.strides[0],
    )  # fmt: skip
    out.data = array("B", pixels.tobytes())
    return out


def _pixels(image: Image) -> NDArray[Any] | None:
    """(height, width, 3) uint8 as rgb, or (height, width) uint16 [mm], 0 where unknown."""
    if image.encoding not in KINDS or image.is_bigendian:
        return None
    kind, channels = KINDS[image.encoding]
    shape = (image.height, image.width, *channels)
    if not len(image.data) == math.prod(shape) * np.dtype(kind).itemsize > 0:
        return None
    pixels = np.frombuffer(image.data, kind).reshape(shape)
    if image.encoding == "bgr8":
        return np.ascontiguousarray(pixels[:, :, ::-1])
    if image.encoding == METRES:
        known = np.where((pixels > 0.0) & (pixels <= FURTHEST), pixels, 0.0)
        return np.rint(1e3 * known).astype(np.uint16)
    return pixels
