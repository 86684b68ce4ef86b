"""What all parts of a scene use: nodes that are sent only when they have moved."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from vla_sim.common.geometry import Array

JUMP = 1e-3
"""What has moved less than this [m], or turned by less (in a quaternion's components), is not sent."""

Rgb = tuple[int, int, int]
BELIEVED: Rgb = (70, 110, 190)
PLANNED: Rgb = (60, 150, 250)
NEAR: Rgb = (240, 160, 30)
TOUCHED: Rgb = (230, 50, 50)
GRASPED: Rgb = (60, 180, 90)
"""Colours of what is detected, planned, too near, touched and held."""


class Placed:
    """A node of viser's, hidden until it is placed."""

    def __init__(self, handle: Any) -> None:
        self.handle = handle
        self._sent: Array | None = None
        handle.visible = False

    def at(self, position: ArrayLike, wxyz: ArrayLike = (1.0, 0.0, 0.0, 0.0)) -> None:
        pose = np.concatenate([np.asarray(position, float), np.asarray(wxyz, float)])
        if self._sent is None or np.abs(pose - self._sent).max() > JUMP:
            self.handle.position, self.handle.wxyz = pose[:3], pose[3:]
            self._sent = pose
        self.handle.visible = True

    def hide(self) -> None:
        self.handle.visible = False
