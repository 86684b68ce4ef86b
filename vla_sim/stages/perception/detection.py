"""One object seen in one image."""

from dataclasses import dataclass

import numpy as np

from vla_sim.common.geometry import Array


@dataclass(frozen=True)
class Detection:
    """One object in one image.

    position: (3,) its centre, yaw [rad], in the level frame of `Detector.detect`'s pose. size: extent
    along x, y, z of a frame turned by yaw [m]. box: left, top, right, bottom [px], inclusive. distance
    from the camera [m]. visible: the part of its outline, 0..1, inside the image and not hidden.
    """

    kind: str
    colour: str
    confidence: float
    position: Array
    yaw: float
    size: tuple[float, float, float]
    box: tuple[int, int, int, int]
    distance: float
    visible: float = 1.0


def suppress_duplicates(found: list[Detection], apart: float = 0.05) -> list[Detection]:
    """The most confident of detections of one colour that are less than `apart` [m] apart: a thing cut
    in two by what stands before it is found twice."""
    kept: list[Detection] = []
    for one in sorted(found, key=lambda d: -d.confidence):
        if all(
            one.colour != k.colour or float(np.linalg.norm(one.position - k.position)) >= apart for k in kept
        ):
            kept.append(one)
    return kept
