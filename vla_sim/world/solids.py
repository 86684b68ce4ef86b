"""Primitives around the collisions of SDF models, and how far they extend."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vla_sim.common.errors import SdfError
from vla_sim.common.geometry import Array
from vla_sim.world.sdf import elements


@dataclass(frozen=True)
class Solid:
    """One fixed primitive. pose: (4, 4) in map. size: box (x, y, z); cylinder (radius, length, 0);
    sphere (radius, 0, 0); hull: of the box around it; plane is left out (the floor is z = 0). corners:
    (n, 3) of a hull about its box's middle."""

    name: str
    shape: Literal["box", "cylinder", "sphere", "hull"]
    pose: Array
    size: tuple[float, float, float]
    corners: Array | None = None


def _geometries(
    model: elements.Model, visuals: bool
) -> Iterator[tuple[str, Array, elements.Geometry, elements.Where]]:
    """(scoped name, (4, 4) pose in the world, geometry, where) of all collisions, nested ones too."""
    for name, one, pose in model.walk():
        for link in one.links:
            items: list[elements.Collision | elements.Visual] = [*link.collisions]
            if visuals:
                items.extend(link.visuals)
            for item in items:
                full = f"{name}::{link.name}::{item.name}"
                yield full, pose @ link.pose @ item.pose, item.geometry, item.where


def _primitive(
    geometry: elements.Geometry, where: elements.Where
) -> tuple[Literal["box", "cylinder", "sphere", "hull"], tuple[float, float, float]]:
    """The `Solid` shape and size around a geometry."""
    size = geometry.size
    if geometry.shape in ("box", "hull"):
        return geometry.shape, (size[0], size[1], size[2])
    if geometry.shape == "cylinder":
        return "cylinder", (size[0], size[1], 0.0)
    if geometry.shape == "sphere":
        return "sphere", (size[0], 0.0, 0.0)
    if geometry.shape == "capsule":
        return "cylinder", (size[0], size[1] + 2 * size[0], 0.0)
    if geometry.shape == "ellipsoid":
        return "box", (2 * size[0], 2 * size[1], 2 * size[2])
    raise SdfError(
        f"{where}: a {geometry.shape} cannot be put on the map; give boxes, cylinders or spheres "
        "as collisions"
    )


def solids_of(model: elements.Model) -> Iterator[Solid]:
    """A primitive around each of a model's collisions. Raises `SdfError` for a shape that has none."""
    for name, pose, geometry, where in _geometries(model, visuals=False):
        if geometry.shape != "plane":
            shape, size = _primitive(geometry, where)
            yield Solid(name, shape, pose, size, geometry.corners)


def half_extent(shape: str, size: tuple[float, float, float], rotation: Array) -> Array:
    """(3,) half of the extent along the axes of the frame that `rotation` leads to."""
    if shape == "sphere":
        return np.full(3, size[0])
    if shape in ("box", "hull"):
        return np.abs(rotation) @ (np.asarray(size) / 2)
    axis = rotation[:, 2]
    return size[0] * np.sqrt(np.maximum(1.0 - axis**2, 0.0)) + np.abs(axis) * size[1] / 2


def underside(model: elements.Model) -> float:
    """Height [m] of a model's lowest point; 0 if it has no collision."""
    return min(
        (float(s.pose[2, 3] - half_extent(s.shape, s.size, s.pose[:3, :3])[2]) for s in solids_of(model)),
        default=0.0,
    )


def extent(geometry: elements.Geometry, where: elements.Where, rotation: Array) -> Array:
    """`half_extent` of a geometry."""
    return half_extent(*_primitive(geometry, where), rotation)


def bounds(model: elements.Model) -> tuple[float, float, float, float]:
    """(x0, y0, x1, y1) around all that is to be seen or touched of a model."""
    boxes = []
    for _, pose, geometry, where in _geometries(model, visuals=True):
        half = extent(geometry, where, pose[:3, :3])[:2]
        boxes.append((pose[:2, 3] - half, pose[:2, 3] + half))
    if not boxes:
        raise SdfError(f"{model.where}: {model.name} has no geometry; give it the size of its area")
    low = np.min([b[0] for b in boxes], axis=0)
    high = np.max([b[1] for b in boxes], axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])
