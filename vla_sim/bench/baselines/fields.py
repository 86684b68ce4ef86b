"""Distance fields, which costmaps are inflated by, against scipy and OpenCV."""

from typing import Any

import numpy as np

from vla_sim.bench.baselines.against import against, close, library
from vla_sim.bench.benchmark import Meter
from vla_sim.bench.floor import discs
from vla_sim.stages.navigation.distance_field import FAR, clearance_field
from vla_sim.world.semantic_map import World


def distance(meter: Meter, package: str, map_: str) -> None:
    """Cells' distances to the nearest obstacle, which the costmap is inflated by."""
    module, name = ("scipy.ndimage", package) if package == "scipy" else ("cv2", "opencv-python-headless")
    baseline = library(module, name)
    if map_ == "apartment":
        occupied = World.load(map_).rasterise(0.025).occupied.copy()
    else:
        occupied = discs(48.0, 60)
    if package == "scipy":
        free = ~occupied

        def cells() -> Any:
            return baseline.distance_transform_edt(free)
    else:
        baseline.setNumThreads(1)
        image = (~occupied).astype(np.uint8)

        def cells() -> Any:
            return baseline.distanceTransform(image, baseline.DIST_L2, baseline.DIST_MASK_PRECISE)

    def theirs() -> Any:
        return np.minimum(FAR, cells() * 0.025 - 0.0125)

    def check(a: Any, b: Any) -> None:
        close(float(np.abs(a - b).max()), 0.0, 1e-5, "largest difference [m]")

    against(meter, lambda: clearance_field(occupied, 0.025), theirs, check)
