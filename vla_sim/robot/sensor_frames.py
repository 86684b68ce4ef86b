"""What a robot's camera and lidar deliver, before any message is made of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.arrays import Array


@dataclass
class CameraFrame:
    """color: (height, width, 3) uint8 RGB. depth: (height, width) float32 metres along the optical
    axis, NaN where nothing was measured. fx, fy, cx, cy [px]. Both images share one optical frame
    (`head_camera_optical`: x right, y down, z forward). capture_mono: when the state was taken."""

    time: float
    color: NDArray[np.uint8]
    depth: NDArray[np.float32]
    fx: float
    fy: float
    cx: float
    cy: float
    capture_mono: float

    def shrunk(self, by: int) -> CameraFrame:
        """Of every `by`-th pixel each way."""
        return replace(
            self, color=np.ascontiguousarray(self.color[::by, ::by]),
            depth=np.ascontiguousarray(self.depth[::by, ::by]), fx=self.fx / by, fy=self.fy / by,
            cx=self.cx / by, cy=self.cy / by,
        )  # fmt: skip


@dataclass
class LidarFrame:
    """ranges: (rows, columns) float32 [m], inf where nothing was hit. elevation: (rows,) [rad] and
    azimuth: (columns,) [rad] of each ray in the level-mounted lidar frame (x forward, z up);
    the lidar's pose in the pelvis frame is `position` (3,) and `orientation` (4,), waist included."""

    time: float
    ranges: NDArray[np.float32]
    elevation: Array
    azimuth: Array
    position: Array
    orientation: Array
