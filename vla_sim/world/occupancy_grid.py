"""The map as a grid of cells: drawn from solids, written for a map server.

A cell is occupied where a solid's shadow on the floor between two heights enters it.
A solid is cut to the slab `low <= z <= high`; what remains is convex, so its shadow is a disc (upright
cylinder, sphere) or a convex polygon (the hull of the cut's corners). A cell is entered if the open
square and the shadow overlap: discs by their distance, polygons by the separating axis theorem.
A tilted cylinder is replaced by the prism of 32 sides around it (0.5 % wider at most).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.errors import InputError
from vla_sim.common.geometry import Array
from vla_sim.world.solids import Solid

TOUCH = 1e-4
"""Overlap [m] up to which a solid only touches a cell: a wall on a cell's edge fills one side, also
when its pose was written with four decimals."""
UPRIGHT = 1.0 - 1e-9
UNKNOWN = 205
"""The grey that map savers write where nothing is known."""
MOST_CELLS = 16_000_000
"""Of a map: 100 m by 100 m in cells of 25 mm. Planning takes some ten bytes a cell."""


@dataclass(frozen=True)
class Grid:
    """occupied: (rows, columns) bool, row 0 at the smallest y, column 0 at the smallest x.
    (x0, y0): the outer corner of cell (0, 0) in map [m]; resolution [m] a cell. unknown: as occupied, the
    cells that nothing is known of; None: there are none."""

    occupied: NDArray[np.bool_]
    x0: float
    y0: float
    resolution: float
    unknown: NDArray[np.bool_] | None = None

    def write(self, stem: Path) -> None:
        """`stem`.pgm and `stem`.yaml as nav2's map server reads them (trinary).

        Format: http://wiki.ros.org/map_server. An image's first row is the map's largest y; origin
        is the outer corner of the lower left pixel.
        """
        rows, columns = self.occupied.shape
        stem = Path(stem)
        pixels = np.where(self.occupied, 0, 254).astype(np.uint8)
        if self.unknown is not None:
            pixels[self.unknown] = UNKNOWN
        pixels = pixels[::-1]
        stem.with_suffix(".pgm").write_bytes(f"P5\n{columns} {rows}\n255\n".encode() + pixels.tobytes())
        stem.with_suffix(".yaml").write_text(
            f"image: {stem.with_suffix('.pgm').name}\n"
            "mode: trinary\n"
            f"resolution: {self.resolution}\n"
            f"origin: [{self.x0}, {self.y0}, 0.0]\n"
            "negate: 0\n"
            "occupied_thresh: 0.65\n"
            "free_thresh: 0.196\n"  # below what `UNKNOWN` is
        )


@dataclass(frozen=True)
class Layers:
    """The cells of each solid apart, so that maps without some of them need no new look at the rest.

    shape: rows, columns. cells: of each solid that enters the map's heights, where it lies in the map (a
    slice of rows, one of columns) and (rows, columns) bool there, by the solid's name.
    """

    shape: tuple[int, int]
    cells: tuple[tuple[str, tuple[slice, slice], NDArray[np.bool_]], ...]
    x0: float
    y0: float
    resolution: float

    def grid(self, but: str = "") -> Grid:
        """The map of all solids; but: beginning of the names of those that are left out."""
        occupied = np.zeros(self.shape, dtype=bool)
        for name, where, inside in self.cells:
            if not but or not name.startswith(but):
                occupied[where] |= inside
        return Grid(occupied, self.x0, self.y0, self.resolution)


def rasterise(
    solids: Iterable[Solid], points: list[tuple[float, float]], resolution: float, low: float, high: float
) -> Layers:
    """Cells that each solid enters between the heights `low` and `high` [m].

    Cell edges lie on multiples of `resolution` [m]; the map ends 0.5 m beyond the outermost solid and
    point (n of x, y [m] in map). Raises `InputError` for more than `MOST_CELLS`.
    """
    shadows = [(s.name, *one) for s in solids if (one := shadow(s, low, high)) is not None]
    lows = [c.min(axis=0) - r for _, c, r in shadows] + [np.asarray(p) for p in points]
    highs = [c.max(axis=0) + r for _, c, r in shadows] + [np.asarray(p) for p in points]
    wide, long = map(float, np.max(highs, axis=0) - np.min(lows, axis=0) + 1.0)
    if not wide * long <= MOST_CELLS * resolution**2:
        raise InputError(
            f"the map would be {wide:.4g} m by {long:.4g} m; {MOST_CELLS} cells of {resolution:g} m are the "
            "most: is something placed far away by mistake?"
        )
    first = np.floor((np.min(lows, axis=0) - 0.5) / resolution + 1e-6).astype(int)
    last = np.ceil((np.max(highs, axis=0) + 0.5) / resolution - 1e-6).astype(int)
    columns, rows = last - first
    x = (first[0] + np.arange(columns) + 0.5) * resolution
    y = (first[1] + np.arange(rows) + 0.5) * resolution
    cells = []
    for name, corners, radius in shadows:
        left, below = corners.min(axis=0) - radius - resolution
        right, above = corners.max(axis=0) + radius + resolution
        across = slice(*np.searchsorted(x, (left, right)))
        along = slice(*np.searchsorted(y, (below, above)))
        cells.append((name, (along, across), entered(corners, radius, x[across], y[along], resolution)))
    x0, y0 = (round(first[i] * resolution, 9) for i in (0, 1))
    return Layers((int(rows), int(columns)), tuple(cells), x0, y0, resolution)


def outline(solids: Iterable[Solid], low: float, high: float) -> list[tuple[float, float]]:
    """Two corners (x, y) [m] of the area that the solids enter between two heights; none without any."""
    found = [one for s in solids if (one := shadow(s, low, high)) is not None]
    if not found:
        return []
    first = np.min([corners.min(axis=0) - radius for corners, radius in found], axis=0)
    last = np.max([corners.max(axis=0) + radius for corners, radius in found], axis=0)
    return [(float(first[0]), float(first[1])), (float(last[0]), float(last[1]))]


def spread(wave: NDArray[np.bool_], corners: bool) -> NDArray[np.bool_]:
    """Grown by one cell to the four neighbours, or with `corners` to all eight."""
    wide = np.pad(wave, 1)
    up_down = wide[:-2, 1:-1] | wide[2:, 1:-1] | wave
    if not corners:
        return up_down | wide[1:-1, :-2] | wide[1:-1, 2:]
    rows = np.pad(up_down, ((0, 0), (1, 1)))
    return rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]


def shadow(solid: Solid, low: float, high: float) -> tuple[Array, float] | None:
    """((n, 2) corners, radius): the shadow is every point within `radius` of the corners' hull.

    None if the solid has nothing between `low` and `high` [m].
    """
    shape, size, pose = solid.shape, solid.size, solid.pose
    centre = pose[:3, 3]
    if shape == "sphere":
        off = max(low - centre[2], centre[2] - high, 0.0)
        if off >= size[0]:
            return None
        return centre[None, :2].copy(), math.sqrt(size[0] ** 2 - off**2)
    if shape == "cylinder" and abs(pose[2, 2]) > UPRIGHT:
        if centre[2] + size[1] / 2 <= low or centre[2] - size[1] / 2 >= high:
            return None
        return centre[None, :2].copy(), size[0]
    if solid.corners is not None:  # lines between any two corners lie in the hull, its edges among them
        corners, edges = solid.corners, list(combinations(range(len(solid.corners)), 2))
    else:
        corners, edges = (_CORNERS * size, _EDGES) if shape == "box" else _prism(size[0], size[1])
    points = corners @ pose[:3, :3].T + centre
    cut = _cut(points, edges, low, high)
    return None if len(cut) == 0 else (_hull(cut[:, :2]), 0.0)


def entered(corners: Array, radius: float, x: Array, y: Array, cell: float) -> NDArray[np.bool_]:
    """(len(y), len(x)) bool: the shadow enters the open square of side `cell` around (x, y)."""
    half = cell / 2
    if len(corners) == 1:
        dx = np.maximum(np.abs(x - corners[0, 0]) - half, 0.0)
        dy = np.maximum(np.abs(y - corners[0, 1]) - half, 0.0)
        near: NDArray[np.bool_] = np.hypot(dx[None, :], dy[:, None]) < radius - TOUCH
        return near
    gx, gy = np.meshgrid(x, y)
    inside = np.ones(gx.shape, dtype=bool)
    sides = np.roll(corners, -1, axis=0) - corners
    for nx, ny in (*np.stack([sides[:, 1], -sides[:, 0]], axis=1), (1.0, 0.0), (0.0, 1.0)):
        length = math.hypot(nx, ny)
        along = corners @ (nx, ny) / length
        reach = half * (abs(nx) + abs(ny)) / length
        at = (gx * nx + gy * ny) / length
        inside &= (at + reach > along.min() + TOUCH) & (at - reach < along.max() - TOUCH)
    return inside


_CORNERS = np.array(list(product((-0.5, 0.5), repeat=3)))
_EDGES = [(a, b) for a, b in combinations(range(8), 2) if np.sum(_CORNERS[a] != _CORNERS[b]) == 1]
"""Of a box of size 1."""


def _prism(radius: float, length: float, sides: int = 32) -> tuple[Array, list[tuple[int, int]]]:
    angle = 2 * math.pi * np.arange(sides) / sides
    ring = radius / math.cos(math.pi / sides) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    corners = np.concatenate([np.column_stack([ring, np.full(sides, z)]) for z in (-length / 2, length / 2)])
    edges = [(i, i + sides) for i in range(sides)]
    edges += [(o + i, o + (i + 1) % sides) for o in (0, sides) for i in range(sides)]
    return corners, edges


def _cut(points: Array, edges: list[tuple[int, int]], low: float, high: float) -> Array:
    """Corners of the convex body within the open slab, and where its edges cross the slab's planes."""
    z = points[:, 2]
    if z.max() <= low or z.min() >= high:
        return np.empty((0, 3))
    kept = [points[(z >= low) & (z <= high)]]
    for plane in (low, high):
        a, b = np.array(edges).T
        a, b = (ends[(z[a] - plane) * (z[b] - plane) < 0] for ends in (a, b))
        t = (plane - z[a]) / (z[b] - z[a])
        kept.append(points[a] + t[:, None] * (points[b] - points[a]))
    return np.concatenate(kept)


def _hull(points: Array) -> Array:
    """Convex hull, counter-clockwise (Andrew's monotone chain)."""
    order = sorted({(round(float(x), 9), round(float(y), 9)) for x, y in points})
    if len(order) < 3:
        return np.array(order)

    def half(sequence: list[tuple[float, float]]) -> list[tuple[float, float]]:
        chain: list[tuple[float, float]] = []
        for p in sequence:
            while len(chain) > 1:
                (ax, ay), (bx, by) = chain[-2:]
                if (bx - ax) * (p[1] - ay) - (by - ay) * (p[0] - ax) > 0:
                    break
                chain.pop()
            chain.append(p)
        return chain[:-1]

    return np.array(half(order) + half(order[::-1]))
