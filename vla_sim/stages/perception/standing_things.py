"""Whatever stands on a level surface, without knowing what it is: the surface's plane is found in the depth
image, and what rises from it in one piece is a thing, with its colour, its extent and its measured points.

What the detector has recognised at the same place goes before it; what remains is called by a kind of the
world's file if size and colour are that kind's, else it is a "thing".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label
from scipy.spatial import cKDTree

from vla_sim.common.geometry import Array, moved
from vla_sim.common.numba_cache import kernel
from vla_sim.contract.vocabulary import THING
from vla_sim.stages.perception.camera import Intrinsics, Pinhole
from vla_sim.stages.perception.colour import VIVID, name_pixels
from vla_sim.stages.perception.detector import connect
from vla_sim.stages.perception.pose_estimator import Detection
from vla_sim.world.colour_names import COLOURS, label_of
from vla_sim.world.objects import ObjectKind
from vla_sim.world.occupancy_grid import spread

FARTHEST = 1.6
"""[m] of depth up to which things are looked for: what is 1 cm wide is a pixel and a half there."""
LOWEST, HIGHEST = 0.40, 1.30
"""[m] of the surfaces that things are looked for on, above the level frame's z = 0."""
BIN = 0.005
"""[m] of height in which a surface's pixels are counted."""
LEVEL = 0.008
"""[m] by which two pixels on a level surface differ in height at most, three pixels apart."""
LEAST_AREA = 0.05
"""[m^2] of a surface that is seen; the top of a carton is less."""
RISE = (0.008, 0.004)
"""A pixel is above the surface if it is higher than a + b * depth [m]: three deviations of the noise."""
TALLEST = 0.35
"""[m] above the surface, and the widest extent of a thing."""
LEAST_PIXELS = 120
LEAST_HEIGHT = 0.015
"""[m]"""
FOOT = 0.012
"""[m] that the surface beside a thing's foot may lie off its plane."""
LOW = 0.04
"""[m] above the surface at which the lowest of a thing must be seen: a ball's foot is hidden by itself."""
STANDING = 0.3
"""The part of a thing's columns that must end on the surface: a wall's end on what hides it."""
OWN_MARGIN, OWN_PART = 0.02, 0.2
"""[m] around the robot's own limbs in which nothing is a thing; the part of its points that may be there."""
BEFORE = 0.03
"""[m] by which a pixel is nearer than the thing beside it if it hides a part of it."""
BEHIND = 0.08
"""[m] beyond its seen edge that a thing may go on behind what hides it: more is too wide for the hand."""
DEEP = (0.0, 0.025, 0.05)
"""[m] behind its seen edge at which it may go on there."""
POINTS, SPACING, NEAR = 600, 0.005, 1.1
"""Most points of a thing, how far they are apart at least [m], and how near to the camera it must be for any
[m]."""
SAME = 0.04
"""[m] beyond a quarter of its width by which a thing may lie off what the detector found there."""
ALIKE = (0.6, 1.25, 0.015)
"""Least and most of a kind's extent that is measured of it, and a tolerance [m] for both."""
SHADES = {"white", "grey"}
"""Colours that are told apart by the light alone: the inside of a white bowl is grey."""
COLOURED = 0.25
"""The part of a thing's pixels that gives it a vivid colour: metal, labels and shadows have dull ones."""


@kernel
def measure_heights(
    depth: NDArray[np.float32], pinhole: Pinhole, pose: Array, heights: NDArray[np.float32], area: Array
) -> None:
    """Height [m] of each pixel in the level frame, NaN beyond `FARTHEST`; and by `BIN` from `LOWEST` up how
    much level surface is seen [m^2].

    depth, heights: (h, w). pose: (4, 4) optical frame in the level frame. area: (bins,).
    """
    fx, fy, cx, cy = pinhole
    rows, columns = depth.shape
    for v in range(rows):
        down = pose[2, 1] * (v - cy) / fy + pose[2, 2]
        for u in range(columns):
            z = np.float64(depth[v, u])
            if not (0.0 < z < FARTHEST):
                heights[v, u] = np.nan
                continue
            slope = pose[2, 0] * (u - cx) / fx + down
            h = pose[2, 3] + slope * z
            heights[v, u] = h
            if v < 3 or u < 3 or not (LOWEST <= h < HIGHEST) or slope > -0.1:
                continue
            if abs(h - heights[v - 3, u]) < LEVEL and abs(h - heights[v, u - 3]) < LEVEL:
                area[int((h - LOWEST) / BIN)] += z * z / (fx * fy * -slope)


def surfaces(area: Array) -> list[float]:
    """Heights [m] of the level surfaces that are seen, the largest first."""
    area = area.copy()
    centres = LOWEST + BIN * (np.arange(area.size) + 0.5)
    found: list[float] = []
    while True:
        wide = np.convolve(area, np.ones(3), "same")
        best = int(np.argmax(wide))
        if wide[best] < LEAST_AREA:
            return found
        near = slice(max(best - 2, 0), best + 3)
        found.append(float(area[near] @ centres[near] / area[near].sum()))
        area[max(best - 6, 0) : best + 7] = 0.0


@dataclass(frozen=True)
class _Seen:
    """One piece of the image. inside: (h, w) bool in its box; points: (n, 3) [m] in the level frame; before:
    (m, 3) of what hides a part of it; behind: (m, 3) on the same rays, where that part may be."""

    box: tuple[int, int, int, int]
    inside: NDArray[np.bool_]
    points: Array
    before: Array
    behind: Array
    height: float


class StandingThings:
    """kinds: what the world's file says of its things; nothing but "thing" without."""

    def __init__(self, kinds: Iterable[ObjectKind] = ()) -> None:
        self.kinds = tuple(dict.fromkeys(kind for kind in kinds if kind.kind != THING))

    def detect(
        self, rgb: NDArray[np.uint8], depth: NDArray[np.float32], camera: Intrinsics, pose: Array,
        own: Array, known: Sequence[Detection],
    ) -> list[Detection]:  # fmt: skip
        """What stands on surfaces and is not `known`. Images, camera, pose: as `Detector.detect`'s. own: (k,
        7) the robot's limbs as capsules, in the same level frame."""
        by = max(1, camera.width // 320)
        if by > 1:
            rgb, depth = np.ascontiguousarray(rgb[::by, ::by]), np.ascontiguousarray(depth[::by, ::by])
            camera = camera.shrunk(by)
        heights = np.empty(depth.shape, np.float32)
        area = np.zeros(math.ceil((HIGHEST - LOWEST) / BIN))
        measure_heights(depth, camera.pinhole, pose, heights, area)
        found: list[Detection] = []
        for height in surfaces(area):
            above = heights - np.float32(height)
            rise = np.float32(RISE[0]) + np.float32(RISE[1]) * depth
            raised = ((above > rise) & (above < TALLEST)).view(np.uint8)
            if int(raised.sum()) < LEAST_PIXELS:
                continue
            ids, stats = connect(raised, depth, np.array([False, True]), LEAST_PIXELS)
            for number, (_, left, top, right, bottom, _) in enumerate(stats, start=1):
                box = (int(left), int(top), int(right), int(bottom))
                middle = _middle(number, box, ids, depth, camera, pose)
                if any(_same_place(middle, 0.0, other) for other in known):
                    continue  # before all that a look at it costs
                seen = self._seen(number, box, ids, depth, above, height, camera, pose)
                if seen is None or _is_own(seen.points, own) > OWN_PART or _is_own(seen.before, own) > 0.0:
                    continue
                one = self._thing(seen, rgb, pose, by)
                if one is not None and not any(
                    _same_place(one.position, max(one.size[:2]), other) for other in (*known, *found)
                ):
                    found.append(one)
        return found

    def _seen(
        self, number: int, box: tuple[int, int, int, int], ids: NDArray[np.int32],
        depth: NDArray[np.float32], above: NDArray[np.float32], height: float, camera: Intrinsics,
        pose: Array,
    ) -> _Seen | None:  # fmt: skip
        """One piece, if it is whole, no larger than a thing, and stands on the surface."""
        left, top, right, bottom = box
        if left <= 0 or top <= 0 or right >= camera.width - 1 or bottom >= camera.height - 1:
            return None
        inside = ids[top : bottom + 1, left : right + 1] == number
        # The foot: the pixels under the lowest ones of each column.
        columns = np.flatnonzero(inside.any(axis=0))
        lowest = top + inside.shape[0] - 1 - inside[::-1, columns].argmax(axis=0)
        under = np.minimum(lowest + 3, camera.height - 1)
        on_surface = np.abs(above[under, left + columns]) < FOOT
        rises = above[top : bottom + 1, left : right + 1][inside]
        if on_surface.mean() < STANDING or np.quantile(rises, 0.02) > LOW:
            return None
        v, u = np.nonzero(inside)
        points = _points(v + top, u + left, depth, camera, pose)
        v, u, z = hidden(ids == number, box, depth, above > FOOT, camera.fx)
        before = _points(v, u, depth, camera, pose)
        behind = np.vstack([_placed(v, u, z + more, camera, pose) for more in DEEP])
        behind = behind[behind[:, 2] > height + FOOT]
        low, high = np.quantile(points, (0.01, 0.99), axis=0)
        if (high - low)[:2].max() > TALLEST or high[2] - height < LEAST_HEIGHT:
            return None
        kept = ((points > low - 0.01) & (points < high + 0.01)).all(axis=1)  # not the mixed ones at its edge
        return _Seen((left, top, right, bottom), inside, points[kept], before, behind, height)

    def _thing(self, seen: _Seen, rgb: NDArray[np.uint8], pose: Array, by: int) -> Detection | None:
        left, top, right, bottom = seen.box
        colour = _colour(name_pixels(rgb[top : bottom + 1, left : right + 1])[seen.inside])
        centre, size, yaw = extent(seen.points, seen.height, pose[:2, 3])
        kind = self._kind(colour, size)
        distance = float(np.linalg.norm(centre - pose[:3, 3]))
        points = thinned(np.vstack((seen.points, seen.behind))) if distance < NEAR else None
        box = (left * by, top * by, right * by, bottom * by)
        return Detection(
            kind.kind if kind else THING, kind.colour if kind else colour, 0.8 if kind else 0.7, centre, yaw,
            size, box, distance, points=points, standing=True,
        )  # fmt: skip

    def _kind(self, colour: str, size: tuple[float, float, float]) -> ObjectKind | None:
        """The one whose extents are most alike, in whatever pose it lies."""
        best, least = None, math.inf
        measured = np.sort(size)
        low, high, slack = ALIKE
        for kind in self.kinds:
            true = np.sort(kind.size)
            fits = (measured > low * true - slack) & (measured < high * true + slack)
            off = float(np.abs(measured - true).sum())
            if (
                (kind.colour in ("", colour) or {kind.colour, colour} <= SHADES)
                and fits.all()
                and off < least
            ):
                best, least = kind, off
        return best


def _middle(
    number: int, box: tuple[int, int, int, int], ids: NDArray[np.int32], depth: NDArray[np.float32],
    camera: Intrinsics, pose: Array,
) -> Array:  # fmt: skip
    """(3,) in the level frame: of what is seen of a piece, roughly."""
    left, top, right, bottom = box
    v, u = np.nonzero(ids[top : bottom + 1, left : right + 1] == number)
    some = slice(None, None, max(1, len(v) // 50))
    return np.asarray(_points(top + v[some], left + u[some], depth, camera, pose).mean(axis=0))


def _points(
    v: NDArray[np.int64], u: NDArray[np.int64], depth: NDArray[np.float32], camera: Intrinsics, pose: Array
) -> Array:
    """(n, 3) in the level frame of the pixels in rows v (n,) and columns u (n,)."""
    return _placed(v, u, depth[v, u].astype(np.float64), camera, pose)


def _placed(v: NDArray[np.int64], u: NDArray[np.int64], z: Array, camera: Intrinsics, pose: Array) -> Array:
    """(n, 3) in the level frame of what is at the depths z (n,) in the pixels (v, u) (n,)."""
    rays = np.stack([(u - camera.cx) / camera.fx * z, (v - camera.cy) / camera.fy * z, z], axis=1)
    return moved(rays, pose)


def hidden(
    piece: NDArray[np.bool_], box: tuple[int, int, int, int], depth: NDArray[np.float32],
    raised: NDArray[np.bool_], focal: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:  # fmt: skip
    """(v, u, z): the pixels (n,) of what stands before a piece of the image and hides what is beside its
    edge, and the depths (n,) [m] of that edge. Nobody sees whether the piece goes on there.

    piece, raised: (h, w), raised above the surface; box: around the piece; focal [pixels].
    """
    left, top, right, bottom = box
    farthest = float(depth[piece].max())
    reach = math.ceil(BEHIND * focal / float(depth[piece].min()))
    v0, u0 = max(top - reach, 0), max(left - reach, 0)
    window = np.s_[v0 : bottom + 1 + reach, u0 : right + 1 + reach]
    piece, depth = piece[window], depth[window]
    before = raised[window] & ~piece & (depth < farthest - BEFORE)
    rim = spread(piece, corners=True) & ~piece
    if not (before & rim).any():
        none = np.zeros(0, np.int64)
        return none, none, np.zeros(0)
    edge = np.argwhere(piece & spread(~piece, corners=True))
    pixels = np.argwhere(before)
    off, nearest = cKDTree(edge).query(pixels)
    z = depth[tuple(edge[nearest].T)].astype(np.float64)
    hides = (off <= reach) & (depth[before] < z - BEFORE)
    before[before] = hides
    parts, _ = label(before, np.ones((3, 3)))
    beside = np.isin(parts[before], np.unique(parts[before & rim]))
    v, u = pixels[hides][beside].T
    return v + v0, u + u0, z[hides][beside]


def _is_own(points: Array, own: Array) -> float:
    """The part of the points (n, 3) that lies within the capsules `own` (k, 7)."""
    if not len(points):
        return 0.0
    some = points[:: max(1, len(points) // 60), None]
    start, way = own[:, :3], own[:, 3:6] - own[:, :3]
    share = ((some - start) * way).sum(axis=2) / np.maximum((way * way).sum(axis=1), 1e-12)
    off = some - start - np.clip(share, 0.0, 1.0)[..., None] * way
    within = (np.linalg.norm(off, axis=2) < own[:, 6] + OWN_MARGIN).any(axis=1)
    return float(within.mean())


def _same_place(position: Array, width: float, other: Detection) -> bool:
    """Whether something so wide [m] is where another thing is."""
    x, y = (position - other.position)[:2]
    return math.hypot(x, y) < SAME + 0.25 * max(width, other.size[0])


def _colour(labels: NDArray[np.uint8]) -> str:
    """The most frequent vivid colour if there is enough of it, else the most frequent one; "" without any."""
    count = np.bincount(labels.ravel(), minlength=len(COLOURS))
    count[0] = 0
    vivid = np.array([label_of(name) for name in VIVID])
    best = int(vivid[np.argmax(count[vivid])])
    if count[best] < COLOURED * labels.size:
        best = int(np.argmax(count))
    return COLOURS[best] if count[best] > 0 else ""


def extent(points: Array, height: float, camera: Array) -> tuple[Array, tuple[float, float, float], float]:
    """(centre (3,), size, yaw) of an upright box around a thing that stands at `height` [m] and of which
    `points` (n, 3) are seen from `camera` (2,).

    The box is the narrowest around the points from above. Their back is hidden: as long as the box is less
    deep than wide it is taken to be as deep as it is high or wide, whichever is less.
    """
    points = points[:: max(1, len(points) // 400)]
    flat = points[:, :2]
    best = (math.inf, 0.0)
    for yaw in np.radians(np.arange(0.0, 90.0, 10.0)):
        best = min(best, (float(np.prod(np.ptp(_turned(flat, float(yaw)), axis=0))), float(yaw)))
    yaw = best[1]
    turned = _turned(flat, yaw)
    low, high = np.quantile(turned, (0.01, 0.99), axis=0)
    top = float(np.quantile(points[:, 2], 0.99))
    eye = _turned(camera[None], yaw)[0]
    middle = (low + high) / 2
    axis = int(np.argmax(np.abs(middle - eye)))  # the one that is looked along
    missing = min(float((high - low)[1 - axis]), top - height) - float((high - low)[axis])
    if missing > 0.0:
        away = float(np.sign(middle[axis] - eye[axis]))
        low[axis], high[axis] = (
            (low[axis], high[axis] + missing) if away > 0 else (low[axis] - missing, high[axis])
        )
    x, y = _turned(((low + high) / 2)[None], -yaw)[0]
    wide, deep = (float(one) for one in high - low)
    return np.array([x, y, (top + height) / 2]), (wide, deep, top - height), yaw


def _turned(flat: Array, yaw: float) -> Array:
    """(n, 2) in the axes of a frame turned by yaw."""
    c, s = math.cos(yaw), math.sin(yaw)
    return flat @ np.array([[c, -s], [s, c]])


def thinned(points: Array) -> Array:
    """(m, 3) the mean of the points in each cube of `SPACING`, or of larger ones: `POINTS` at most."""
    spacing = SPACING
    while True:
        cell = np.floor(points / spacing).astype(np.int64)
        _, where, count = np.unique(cell, axis=0, return_inverse=True, return_counts=True)
        if len(count) <= POINTS:
            sums = np.zeros((len(count), 3))
            np.add.at(sums, where.ravel(), points)
            return sums / count[:, None]
        spacing *= 1.2
