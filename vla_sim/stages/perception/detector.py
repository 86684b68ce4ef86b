"""Detector: from one colour and depth image to objects with pose. The interface and the default one.

`ColourDetector` names every pixel's colour, joins pixels of one colour and one surface, throws away
what cannot be an object by its size in metres, and fits the known solids to the rest.
"""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array
from vla_sim.stages.perception.camera import Intrinsics, check_images
from vla_sim.stages.perception.colour import COLOURS, name_pixels
from vla_sim.stages.perception.connected_components import AREA, BOTTOM, LABEL, LEFT, RIGHT, TOP, connect
from vla_sim.stages.perception.detection import Detection, suppress_duplicates
from vla_sim.stages.perception.object_models import ObjectModels
from vla_sim.stages.perception.pose_estimator import PoseEstimator
from vla_sim.stages.perception.solid_kernels import hits


class Detector(ABC):
    """From images to detections of the objects that it has models of."""

    def __init__(self, models: ObjectModels | None = None) -> None:
        """models: of the objects to find; default: those of a household."""
        self.models = models or ObjectModels.household()
        self.estimator = PoseEstimator(self.models)

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
        # A camera 0.5 m above a grey floor on which stands one of the things it looks for, in red.
        down = np.diag([1.0, -1.0, -1.0, 1.0])
        down[2, 3] = 0.5
        v, u = np.indices((camera.height, camera.width)).reshape(2, -1)
        rays = np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones(u.size)], axis=1)
        found = np.full(u.size, np.inf)
        for solid in self.models.solids[:1]:
            pose = np.array([0.02, 0.02, solid.size[2] / 2, 0.0])
            hits(solid.code, solid.lengths, pose, down[:3, 3].copy(), rays @ down[:3, :3].T, found)
        rgb = np.where(np.isfinite(found)[:, None], (220, 20, 20), (128, 128, 128)).astype(np.uint8)
        depth = np.minimum(found, 0.5).astype(np.float32).reshape(camera.height, camera.width)
        self.detect(rgb.reshape(camera.height, camera.width, 3), depth, camera, down)


class ColourDetector(Detector):
    """Objects of one vivid colour each, by colour, shape and size."""

    least_pixels = 30

    def detect(
        self, rgb: NDArray[np.uint8], depth: NDArray[np.float32], camera: Intrinsics, pose: Array
    ) -> list[Detection]:
        check_images(rgb, depth, camera)
        ids, stats = connect(name_pixels(rgb), depth, self.models.colours, self.least_pixels)
        found = []
        for i, row in enumerate(stats):
            box = (int(row[LEFT]), int(row[TOP]), int(row[RIGHT]), int(row[BOTTOM]))
            one = self.estimator.estimate(
                ids, i + 1, int(row[AREA]), box, depth, camera, pose, COLOURS[row[LABEL]]
            )
            if one is not None:
                found.append(one)
        return suppress_duplicates(found)
