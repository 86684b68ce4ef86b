"""The map as a grid of cells: drawn from solids, written for a map server."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vla_sim.world import projection
from vla_sim.world.solids import Solid


@dataclass(frozen=True)
class Grid:
    """occupied: (rows, columns) bool, row 0 at the smallest y, column 0 at the smallest x.
    (x0, y0): the outer corner of cell (0, 0) in map [m]; resolution [m] a cell."""

    occupied: NDArray[np.bool_]
    x0: float
    y0: float
    resolution: float

    def write(self, stem: Path) -> None:
        """`stem`.pgm and `stem`.yaml as nav2's map server reads them (trinary).

        Format: http://wiki.ros.org/map_server. An image's first row is the map's largest y; origin
        is the outer corner of the lower left pixel.
        """
        rows, columns = self.occupied.shape
        stem = Path(stem)
        pixels = np.where(self.occupied[::-1], 0, 254).astype(np.uint8)
        stem.with_suffix(".pgm").write_bytes(f"P5\n{columns} {rows}\n255\n".encode() + pixels.tobytes())
        stem.with_suffix(".yaml").write_text(
            f"image: {stem.with_suffix('.pgm').name}\n"
            "mode: trinary\n"
            f"resolution: {self.resolution}\n"
            f"origin: [{self.x0}, {self.y0}, 0.0]\n"
            "negate: 0\n"
            "occupied_thresh: 0.65\n"
            "free_thresh: 0.25\n"
        )


def rasterise(
    solids: Iterable[Solid], points: list[tuple[float, float]], resolution: float, low: float, high: float
) -> Grid:
    """Cells that a solid enters between the heights `low` and `high` [m].

    Cell edges lie on multiples of `resolution` [m]; the map ends 0.5 m beyond the outermost solid and
    point (n of x, y [m] in map).
    """
    shadows = [
        one for s in solids if (one := projection.shadow(s.shape, s.size, s.pose, low, high)) is not None
    ]
    lows = [c.min(axis=0) - r for c, r in shadows] + [np.asarray(p) for p in points]
    highs = [c.max(axis=0) + r for c, r in shadows] + [np.asarray(p) for p in points]
    first = np.floor((np.min(lows, axis=0) - 0.5) / resolution + 1e-6).astype(int)
    last = np.ceil((np.max(highs, axis=0) + 0.5) / resolution - 1e-6).astype(int)
    columns, rows = last - first
    x = (first[0] + np.arange(columns) + 0.5) * resolution
    y = (first[1] + np.arange(rows) + 0.5) * resolution
    occupied = np.zeros((rows, columns), dtype=bool)
    for corners, radius in shadows:
        left, below = corners.min(axis=0) - radius - resolution
        right, above = corners.max(axis=0) + radius + resolution
        across = slice(*np.searchsorted(x, (left, right)))
        along = slice(*np.searchsorted(y, (below, above)))
        occupied[along, across] |= projection.entered(corners, radius, x[across], y[along], resolution)
    return Grid(occupied, round(first[0] * resolution, 9), round(first[1] * resolution, 9), resolution)


def spread(wave: NDArray[np.bool_], corners: bool) -> NDArray[np.bool_]:
    """Grown by one cell to the four neighbours, or with `corners` to all eight."""
    wide = np.pad(wave, 1)
    up_down = wide[:-2, 1:-1] | wide[2:, 1:-1] | wave
    if not corners:
        return up_down | wide[1:-1, :-2] | wide[1:-1, 2:]
    rows = np.pad(up_down, ((0, 0), (1, 1)))
    return rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]
