"""A world as the stack may know it: places, surfaces, the vocabulary of objects, fixed geometry, a map.

Everything comes from the SDF file. What a robot could not know in advance (where the movable objects
are) is not in here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vla_sim.contract import ObjectQuery


@dataclass(frozen=True)
class Place:
    """A named standing pose: an SDF frame `place/<name>` of the world. x, y [m], yaw [rad] in map.

    name: as spoken, with spaces ("living room"); the frame has underscores (`place/living_room`).
    """

    name: str
    x: float
    y: float
    yaw: float


@dataclass(frozen=True)
class Surface:
    """A fixed table, counter or shelf top that things stand on.

    name: as spoken ("kitchen table"). place: name of the nearest place by walking distance.
    (x, y) centre, yaw, (length, width) along its own x and y, height of its top. [m], [rad]
    """

    name: str
    place: str
    x: float
    y: float
    yaw: float
    length: float
    width: float
    height: float


@dataclass(frozen=True)
class ObjectKind:
    """A movable object the world speaks of: model `red_cup` is kind "cup", colour "red".

    size: extent [m] along its own x, y, z standing upright. shape: what the gripper closes on.
    """

    name: str
    kind: str
    colour: str
    shape: Literal["cylinder", "sphere", "box"]
    size: tuple[float, float, float]
    mass: float

    def matches(self, query: ObjectQuery) -> bool:
        return query.kind in ("", self.kind) and query.colour in ("", self.colour)


@dataclass(frozen=True)
class Solid:
    """One fixed primitive. pose: (4, 4) in map. size: box (x, y, z); cylinder (radius, length, 0);
    sphere (radius, 0, 0); plane is left out (the floor is z = 0)."""

    name: str
    shape: Literal["box", "cylinder", "sphere"]
    pose: NDArray[np.float64]
    size: tuple[float, float, float]


@dataclass(frozen=True)
class Grid:
    """occupied: (rows, columns) bool, row 0 at the smallest y, column 0 at the smallest x.
    (x0, y0): the outer corner of cell (0, 0) in map [m]; resolution [m] a cell."""

    occupied: NDArray[np.bool_]
    x0: float
    y0: float
    resolution: float

    def write(self, stem: Path) -> None:
        """`stem`.pgm and `stem`.yaml as nav2's map server reads them (trinary)."""
        raise NotImplementedError


@dataclass(frozen=True)
class World:
    """name: of the SDF world. start: the robot's pose (x, y, yaw). forbidden: (x0, y0, x1, y1)
    rectangles in map that the robot must not enter (static models named `forbidden_*`)."""

    name: str
    path: Path
    start: tuple[float, float, float]
    places: tuple[Place, ...]
    surfaces: tuple[Surface, ...]
    objects: tuple[ObjectKind, ...]
    solids: tuple[Solid, ...]
    forbidden: tuple[tuple[float, float, float, float], ...]

    @staticmethod
    def load(name_or_path: str) -> World:
        """A shipped world by name ("apartment") or an SDF file by path.

        Raises `InputError` for an unknown name (listing the known ones), `SdfError` for a bad file.
        """
        raise NotImplementedError

    def rasterise(self, resolution: float = 0.05, low: float = 0.05, high: float = 1.40) -> Grid:
        """Cells that a fixed solid enters between the heights `low` and `high` [m]: the robot's."""
        raise NotImplementedError
