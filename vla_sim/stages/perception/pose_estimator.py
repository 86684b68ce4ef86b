"""From a component of an image to an object with kind, pose and confidence, or to nothing.

What the robot knows of objects in advance is which kinds there are and how large, never where.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array
from vla_sim.contract.vocabulary import THING
from vla_sim.stages.perception.camera import Intrinsics
from vla_sim.stages.perception.colour import VIVID
from vla_sim.stages.perception.solid_fit import BOX, Fit, Samples, Solid, fit, hits, refine, solid_of
from vla_sim.world.colour_names import COLOURS, label_of
from vla_sim.world.objects import ObjectKind


@dataclass(frozen=True)
class ObjectModels:
    """solids: one for each kind and size. pairs: the (kind, colour) that exist; others may be seen but
    are less likely. colours: labels (len(COLOURS),) bool that are looked for: the vivid ones and those
    that an object has."""

    solids: tuple[Solid, ...]
    pairs: frozenset[tuple[str, str]]
    colours: NDArray[np.bool_]

    @staticmethod
    def of(objects: Iterable[ObjectKind]) -> ObjectModels:
        """The models of a world."""
        solids: dict[Solid, None] = {}
        pairs = set()
        colours = np.array([name in VIVID for name in COLOURS])
        for one in objects:
            if one.shape == "other" or one.kind == THING or not one.colour:
                continue  # nothing to fit: see `standing_things`
            solids[solid_of(one.kind, one.shape, one.size)] = None
            pairs.add((one.kind, one.colour))
            colours[label_of(one.colour)] = True
        return ObjectModels(tuple(solids), frozenset(pairs), colours)

    @staticmethod
    def household() -> ObjectModels:
        """Cup, ball, box and bottle of usual size, of any vivid colour: for a world that names none."""
        solids = (
            solid_of("cup", "cylinder", (0.068, 0.068, 0.10)),
            solid_of("ball", "sphere", (0.07, 0.07, 0.07)),
            solid_of("box", "box", (0.06, 0.06, 0.09)),
            solid_of("bottle", "cylinder", (0.06, 0.06, 0.18)),
        )
        return ObjectModels(solids, frozenset(), np.array([name in VIVID for name in COLOURS]))

    def unlikely(self, kind: str, colour: str) -> bool:
        """The world has no object of this kind and colour."""
        return bool(self.pairs) and (kind, colour) not in self.pairs


@dataclass(frozen=True)
class Detection:
    """One object in one image.

    position: (3,) its centre, yaw [rad], in the level frame of `Detector.detect`'s pose. size: extent
    along x, y, z of a frame turned by yaw [m]. box: left, top, right, bottom [px], inclusive. distance
    from the camera [m]. visible: the part of its outline, 0..1, inside the image and not hidden. standing:
    found by where it stands, not by its looks. points: (n, 3) of its surface, as far as they are seen and
    known, in the level frame.
    """

    kind: str
    colour: str
    confidence: float
    position: Array
    yaw: float
    size: tuple[float, float, float]
    box: tuple[int, int, int, int]
    distance: float
    visible: float = 1.0
    standing: bool = False
    points: Array | None = None


def suppress_duplicates(found: list[Detection], apart: float = 0.05) -> list[Detection]:
    """The most confident of detections of one colour that are less than `apart` [m] apart: a thing cut
    in two by what stands before it is found twice."""
    kept: list[Detection] = []
    for one in sorted(found, key=lambda d: -d.confidence):
        if all(
            one.colour != k.colour or float(np.linalg.norm(one.position - k.position)) >= apart for k in kept
        ):
            kept.append(one)
    return kept


Box = tuple[int, int, int, int]

SAMPLES = 350
"""Pixels that are compared in a fit, at most about."""
REJECT_COST = 4.0
"""A fit worse than this is not the thing (1 is perfect, 9 is nothing in common)."""
POOR_COST = 1.5
"""A fit worse than this is tried again without a support."""
UNLIKELY_COST = 0.5
"""Added for a kind and colour that the world has no object of."""
SURE_PIXELS = 80
"""Fewer pixels than this let too many things fit; 80 are a ball at 1.6 m in a 320 pixel wide image."""
LEAST_MEASURED = 0.4
"""The part of a thing's pixels that must have depth."""
LEAST_VISIBLE = 0.45
"""A smaller part of a thing says too little about its kind: wait for a better view."""


class PoseEstimator:
    """Fits the solids of the object models to components."""

    def __init__(self, models: ObjectModels) -> None:
        self.models = models
        self.largest = max((2.0 * s.radius for s in models.solids), default=0.0)

    def estimate(
        self, ids: NDArray[np.int32], number: int, area: int, box: Box, depth: NDArray[np.float32],
        camera: Intrinsics, pose: Array, colour: str, kinds: Collection[str] | None = None,
    ) -> Detection | None:  # fmt: skip
        """The best object for the pixels with ids == number, None if none fits.

        area: their count. box: left, top, right, bottom [px]. pose: (4, 4) optical frame in the level
        frame. kinds: the kinds to try, all if None.
        """
        if not self._plausible(ids, number, area, box, depth, camera):
            return None
        samples = sample(ids, number, box, depth, camera, pose)
        seen = samples.inside & np.isfinite(samples.depth)
        if seen.sum() < max(8, LEAST_MEASURED * samples.inside.sum()):
            return None
        points = samples.origin + samples.rays * samples.depth[:, None]
        guess = np.median(points[seen], axis=0)
        height = support_height(points, seen, samples.inside)
        solids = [s for s in self.models.solids if kinds is None or s.kind in kinds]
        ranked = self._rank(solids, samples, guess, height, colour)
        if math.isfinite(height) and ranked and ranked[0][0] > POOR_COST:
            # What is held stands on nothing, though a hand or table around it looks like a support.
            ranked = min(ranked, self._rank(solids, samples, guess, math.nan, colour), key=lambda r: r[0][0])
        if not ranked:
            return None
        cost, best = ranked[0]
        if cost > REJECT_COST:
            return None
        visible = visible_part(best, depth, camera, pose)
        if visible < LEAST_VISIBLE:
            return None
        rival = next((c for c, f in ranked[1:] if f.solid.kind != best.solid.kind), REJECT_COST)
        confidence = _confidence(cost, rival, visible) * min(1.0, area / SURE_PIXELS)
        x, y, z, yaw = best.pose
        distance = float(np.linalg.norm(best.pose[:3] - samples.origin))
        return Detection(
            best.solid.kind, colour, confidence, np.array([x, y, z]), _canonical(best.solid, yaw),
            best.solid.size, box, distance, visible,
        )  # fmt: skip

    def _rank(
        self, solids: list[Solid], samples: Samples, guess: Array, height: float, colour: str
    ) -> list[tuple[float, Fit]]:
        """Fits with their cost, what the world does not have counted as worse; the best first."""
        thin = samples.thinned(3)
        coarse = [fit(s, thin, guess, height) for s in solids]
        limit = min((f.cost for f in coarse), default=0.0) + 1.2
        fine = [refine(f, samples, height) for f in coarse if f.cost <= limit]
        ranked = [(f.cost + UNLIKELY_COST * self.models.unlikely(f.solid.kind, colour), f) for f in fine]
        return sorted(ranked, key=lambda pair: pair[0])

    def _plausible(
        self, ids: NDArray[np.int32], number: int, area: int, box: Box, depth: NDArray[np.float32],
        camera: Intrinsics,
    ) -> bool:  # fmt: skip
        """Size gate in metres: furniture, rugs and walls are larger than anything to be picked up."""
        left, top, right, bottom = box
        part = depth[top : bottom + 1, left : right + 1]
        z = part[(ids[top : bottom + 1, left : right + 1] == number) & np.isfinite(part)]
        if z.size < 8:
            return False
        metres = float(np.median(z)) / camera.fx
        extent = max(right - left + 1, bottom - top + 1) * metres
        return extent < 1.3 * self.largest and area * metres**2 < self.largest**2


def _confidence(cost: float, rival: float, visible: float) -> float:
    quality = np.clip((REJECT_COST + 1.0 - cost) / REJECT_COST, 0.0, 1.0)
    sure = 0.6 + 0.4 * np.clip((rival - cost) / 0.5, 0.0, 1.0)
    whole = np.clip((visible - 0.3) / 0.5, 0.0, 1.0)
    return float(quality * sure * whole)


def _canonical(solid: Solid, yaw: float) -> float:
    """The smallest of the yaws at which the solid looks the same."""
    if solid.code != BOX:
        return 0.0
    turn = math.pi / 2 if abs(solid.size[0] - solid.size[1]) < 1e-3 else math.pi
    return yaw - turn * round(yaw / turn)


def sample(
    ids: NDArray[np.int32], number: int, box: Box, depth: NDArray[np.float32], camera: Intrinsics, pose: Array
) -> Samples:
    """Every n-th pixel of a component and of a margin around it."""
    left, top, right, bottom = box
    margin = max(3, round(0.35 * max(right - left, bottom - top)))
    left, right = max(0, left - margin), min(camera.width - 1, right + margin)
    top, bottom = max(0, top - margin), min(camera.height - 1, bottom + margin)
    wide, high = right - left + 1, bottom - top + 1
    stride = max(1, math.ceil(math.sqrt(wide * high / SAMPLES)))
    v, u = np.mgrid[top : bottom + 1 : stride, left : right + 1 : stride].reshape(2, -1)
    x, y = (u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy
    rays = np.stack([r[0] * x + r[1] * y + r[2] for r in pose[:3, :3]], axis=1)
    return Samples(pose[:3, 3].copy(), rays, depth[v, u].astype(np.float64), ids[v, u] == number)


def support_height(points: Array, seen: NDArray[np.bool_], inside: NDArray[np.bool_]) -> float:
    """Height of the level surface that the thing stands on, NaN if none is seen around it.

    points: (n, 3) in the level frame, seen: those of the thing, inside: of its component (with or
    without depth). The surface is the fullest 1 cm of height among the pixels around it.
    """
    thing = points[seen]
    low, high = np.quantile(thing[:, 2], (0.04, 0.96))
    around = points[~inside & np.isfinite(points[:, 2])]
    away = np.hypot(around[:, 0] - np.median(thing[:, 0]), around[:, 1] - np.median(thing[:, 1]))
    heights = around[(away < 0.15) & (around[:, 2] > low - 0.12) & (around[:, 2] < low + 0.03), 2]
    if heights.size < 10:
        return math.nan
    bins = np.floor((heights - heights.min()) / 0.01).astype(np.int64)
    count = np.bincount(bins)
    peak = heights.min() + (int(np.argmax(count)) + 0.5) * 0.01
    near = heights[np.abs(heights - peak) < 0.015]
    if near.size < 10 or near.size < 0.15 * around.shape[0] or high - low < 0.005:
        return math.nan
    return float(np.median(near))


def visible_part(of: Fit, depth: NDArray[np.float32], camera: Intrinsics, pose: Array) -> float:
    """The part 0..1 of a solid's outline that is inside the image and not behind something else."""
    centre = pose[:3, :3].T @ (of.pose[:3] - pose[:3, 3])
    r = of.solid.radius
    z = max(float(centre[2]), 0.05)
    steps = np.linspace(-1.2, 1.2, 24) * r / z
    x, y = np.meshgrid(centre[0] / z + steps, centre[1] / z + steps)
    directions = np.stack([x.ravel(), y.ravel(), np.ones(x.size)], axis=1)
    t = np.empty(x.size)
    hits(
        of.solid.code, of.solid.lengths, of.pose, pose[:3, 3].copy(),
        np.ascontiguousarray(directions @ pose[:3, :3].T), t,
    )  # fmt: skip
    on = np.isfinite(t)
    if not on.any():
        return 0.0
    u = np.rint(directions[on, 0] * camera.fx + camera.cx).astype(np.int64)
    v = np.rint(directions[on, 1] * camera.fy + camera.cy).astype(np.int64)
    within = (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
    measured = depth[v[within], u[within]]
    hidden = measured < t[on][within] - 0.03
    return float((within.sum() - hidden.sum()) / on.sum())
