"""Detector: from one colour and depth image to objects with pose. The interface and the default one.

`ColourDetector` names every pixel's colour, joins pixels of one colour and one surface, throws away
what cannot be an object by its size in metres, and fits the vocabulary's solids to the rest.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from vla_sim.perception.camera import Intrinsics, check_images
from vla_sim.perception.colour import COLOURS, name_pixels
from vla_sim.perception.components import AREA, BOTTOM, LABEL, LEFT, RIGHT, TOP, connect
from vla_sim.perception.detection import Detection, without_doubles
from vla_sim.perception.pose import PoseEstimator
from vla_sim.perception.vocabulary import Vocabulary

Array = NDArray[np.float64]


class Detector(ABC):
    """From images to detections."""

    @abstractmethod
    def detect(
        self, rgb: NDArray[np.uint8], depth: NDArray[np.float32], camera: Intrinsics, pose: Array
    ) -> list[Detection]:
        """All objects in one frame.

        rgb: (h, w, 3) uint8. depth: (h, w) float32 [m] along the optical axis, NaN or inf where nothing
        was measured. pose: (4, 4) of the optical frame in a level frame (z up: map, odom, or a frame
        under the camera). Raises `InputError` for images that do not fit the camera.
        """

    def warm(self) -> None:
        """Do all that the first image would wait for (compile, load)."""
        camera = Intrinsics.from_field_of_view(1.2, 64, 48)
        # A camera 0.5 m above a grey floor with a red square on it.
        rgb = np.full((48, 64, 3), 128, np.uint8)
        rgb[20:30, 26:38] = (220, 20, 20)
        depth = np.full((48, 64), 0.5, np.float32)
        depth[20:30, 26:38] = 0.42
        down = np.diag([1.0, -1.0, -1.0, 1.0])
        down[2, 3] = 0.5
        self.detect(rgb, depth, camera, down)


class ColourDetector(Detector):
    """Objects of one vivid colour each, by colour, shape and size."""

    least_pixels = 30

    def __init__(self, vocabulary: Vocabulary | None = None) -> None:
        self.vocabulary = vocabulary or Vocabulary.household()
        self.estimator = PoseEstimator(self.vocabulary)

    def detect(
        self, rgb: NDArray[np.uint8], depth: NDArray[np.float32], camera: Intrinsics, pose: Array
    ) -> list[Detection]:
        check_images(rgb, depth, camera)
        ids, stats = connect(name_pixels(rgb), depth, self.vocabulary.colours, self.least_pixels)
        found = []
        for i, row in enumerate(stats):
            box = (int(row[LEFT]), int(row[TOP]), int(row[RIGHT]), int(row[BOTTOM]))
            one = self.estimator.estimate(
                ids, i + 1, int(row[AREA]), box, depth, camera, pose, COLOURS[row[LABEL]]
            )
            if one is not None:
                found.append(one)
        return without_doubles(found)
