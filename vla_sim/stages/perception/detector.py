"""Detector: from one colour and depth image to objects with pose. The interface and the default one.

`ColourDetector` names every pixel's colour, joins pixels of one colour and one surface, throws away
what cannot be an object by its size in metres, and fits the known solids to the rest.
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla_sim.common import own_class
from vla_sim.common.geometry import Array
from vla_sim.common.numba_cache import kernel
from vla_sim.stages.perception.camera import Intrinsics
from vla_sim.stages.perception.colour import name_pixels
from vla_sim.stages.perception.pose_estimator import (
    Detection,
    ObjectModels,
    PoseEstimator,
    suppress_duplicates,
)
from vla_sim.stages.perception.solid_fit import hits
from vla_sim.world.colour_names import COLOURS

AREA, LEFT, TOP, RIGHT, BOTTOM, LABEL = range(6)
"""Columns of the statistics; LEFT..BOTTOM are the inclusive bounding box [px]."""
GAP, SLOPE = 0.02, 0.03
"""[m] and [m/m] of depth that part two surfaces."""


@kernel
def _root(parent: NDArray[np.int32], i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@kernel
def _joined(a: float, b: float) -> bool:
    # A pixel without depth belongs to its neighbour of the same colour.
    if not (np.isfinite(a) and np.isfinite(b)):
        return True
    return abs(a - b) < GAP + SLOPE * min(a, b)


@kernel
def connect(
    labels: NDArray[np.uint8], depth: NDArray[np.float32], wanted: NDArray[np.bool_], least: int,
    most: int = 256,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:  # fmt: skip
    """Components of the image: ids (h, w), 0 for none, and statistics (n, 6) int32 of ids 1..n.

    labels, depth: (h, w). wanted: (len(COLOURS),) which labels take part. least: smallest area [px].
    Neighbours join if their label is the same and their depths differ by less than GAP + SLOPE * depth
    [m]; so a red cup before a red sofa stays a component of its own. At most `most` are kept.
    """
    ids, stats = np.zeros(labels.shape, np.int32), np.zeros((most, 6), np.int32)
    rows, columns = labels.shape
    parent = np.empty(rows * columns, np.int32)
    for v in range(rows):
        for u in range(columns):
            i = v * columns + u
            parent[i] = i
            label = labels[v, u]
            if not wanted[label]:
                continue
            z = depth[v, u]
            if u > 0 and labels[v, u - 1] == label and _joined(z, depth[v, u - 1]):
                parent[i] = _root(parent, i - 1)
            if v > 0 and labels[v - 1, u] == label and _joined(z, depth[v - 1, u]):
                a, b = _root(parent, i), _root(parent, i - columns)
                # The smaller index wins, so a root is always its component's first pixel.
                if a < b:
                    parent[b] = a
                else:
                    parent[a] = b
    area = np.zeros(rows * columns, np.int32)
    for v in range(rows):
        for u in range(columns):
            if wanted[labels[v, u]]:
                area[_root(parent, v * columns + u)] += 1
    count = 0
    number = np.zeros(rows * columns, np.int32)
    for v in range(rows):
        for u in range(columns):
            if not wanted[labels[v, u]]:
                continue
            r = _root(parent, v * columns + u)
            if area[r] < least:
                continue
            if number[r] == 0:
                if count == stats.shape[0]:
                    continue
                count += 1
                number[r] = count
                one = stats[count - 1]
                one[AREA], one[LABEL] = area[r], labels[v, u]
                one[LEFT], one[TOP], one[RIGHT] = u, v, u
            ids[v, u] = number[r]
            one = stats[number[r] - 1]
            one[LEFT], one[RIGHT] = min(one[LEFT], u), max(one[RIGHT], u)
            one[BOTTOM] = v
    return ids, stats[:count]


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
        under the camera).
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


def own_detector(path: str, models: ObjectModels) -> Detector:
    """A user's detector, of "my_package.my_module:MyDetector". Raises `InputError`."""

    def make(kind: Any) -> Detector:
        detector: Detector = kind(models)
        detector.warm()
        return detector

    return own_class.own("detector", path, Detector, make)  # type: ignore[type-abstract]
