"""The head camera's picture as it is sent to the page: a JPEG, and where the detected objects are in it."""

import io
from typing import Any

import numpy as np
from PIL import Image

from vla_sim.common.pictures import encoded
from vla_sim.contract.records import DetectedObject
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.perception.camera import Intrinsics, color_image, intrinsics
from vla_sim.view.detections import boxes
from vla_sim.view.state import Picture

WIDEST = 640
"""[px] of the picture that is sent."""
QUALITY = 70
"""Of the JPEG."""


def drawn(
    picture: Picture, camera_info: Any, found: list[DetectedObject], kinematics: Kinematics, zero: float = 0.0
) -> tuple[dict[str, Any], bytes]:
    """What there is to say of the picture, and its JPEG. camera_info: sensor_msgs/CameraInfo, or None where
    none has come. zero: the stamp that is called 0 s. Raises `InputError` for an image that cannot be one,
    `OSError` for a broken JPEG."""
    jpeg, width, height = _jpeg(picture.message)
    inside = []
    if camera_info is not None:
        camera = _fitting(intrinsics(camera_info), width, height)
        inside = [box._asdict() for box in boxes(picture, found, camera, kinematics)]
    about = {"stamp_s": round(picture.stamp - zero, 2), "width": width, "height": height, "boxes": inside}
    return about, jpeg


def _jpeg(message: Any) -> tuple[bytes, int, int]:
    """With its width and height; message: sensor_msgs/Image or CompressedImage."""
    if hasattr(message, "format"):
        data = bytes(message.data)
        return (data, *Image.open(io.BytesIO(data)).size)
    color = color_image(message)
    by = -(-color.shape[1] // WIDEST)
    color = np.ascontiguousarray(color[::by, ::by])
    return encoded(color, "JPEG", quality=QUALITY), color.shape[1], color.shape[0]


def _fitting(camera: Intrinsics, width: int, height: int) -> Intrinsics:
    """Of an image of another size that shows the same."""
    x, y = width / camera.width, height / camera.height
    return Intrinsics(camera.fx * x, camera.fy * y, camera.cx * x, camera.cy * y, width, height)
