"""Rays against boxes, spheres and cylinders in numpy: what the compiled ray caster is compared with."""

from __future__ import annotations

import numpy as np

from vla_sim.common.geometry import inverse
from vla_sim.simulation.simulator import Array
from vla_sim.world.solids import Solid


def cast(origin: Array, rays: Array, solids: tuple[Solid, ...]) -> Array:
    """(n,) distances [m] from `origin` (3,) along unit vectors `rays` (n, 3), in the world, to the
    nearest solid that it starts outside of; inf where nothing is hit."""
    with np.errstate(divide="ignore", invalid="ignore"):
        best = np.full(len(rays), np.inf)
        for solid in solids:
            to_solid = inverse(solid.pose)
            o = to_solid[:3, :3] @ origin + to_solid[:3, 3]
            r = rays @ to_solid[:3, :3].T
            best = np.minimum(best, _SHAPES[solid.shape](o, r, solid.size))
    return best


def _slabs(o: Array, r: Array, half: Array) -> tuple[Array, Array]:
    """Where the rays enter and leave the slabs |x_i| <= half_i."""
    a, b = (-half - o) / r, (half - o) / r
    near, far = np.minimum(a, b), np.maximum(a, b)
    inside = np.abs(o) <= half  # a ray along a slab: in it for ever, or never
    along = r == 0
    near = np.where(along, np.where(inside, -np.inf, np.inf), near)
    far = np.where(along, np.where(inside, np.inf, -np.inf), far)
    return near.max(axis=1), far.min(axis=1)


def _first(near: Array, far: Array) -> Array:
    """The distance at which a ray enters; inf if it misses or starts inside."""
    return np.where((near <= far) & (near > 0), near, np.inf)


def _box(o: Array, r: Array, size: tuple[float, float, float]) -> Array:
    return _first(*_slabs(o, r, np.array(size) / 2))


def _round(o: Array, r: Array, radius: float) -> tuple[Array, Array]:
    """Where rays enter and leave a circle or sphere around 0: |o + t r| <= radius."""
    a = (r * r).sum(axis=1)
    b = r @ o
    root = np.sqrt(b * b - a * (o @ o - radius * radius))  # NaN for a miss
    near, far = (-b - root) / a, (-b + root) / a
    upright = a < 1e-12
    inside = bool(o @ o <= radius * radius)
    near = np.where(upright, -np.inf if inside else np.inf, np.nan_to_num(near, nan=np.inf))
    far = np.where(upright, np.inf if inside else -np.inf, np.nan_to_num(far, nan=-np.inf))
    return near, far


def _sphere(o: Array, r: Array, size: tuple[float, float, float]) -> Array:
    return _first(*_round(o, r, size[0]))


def _cylinder(o: Array, r: Array, size: tuple[float, float, float]) -> Array:
    near, far = _round(o[:2], r[:, :2], size[0])
    low, high = _slabs(o[2:], r[:, 2:], np.array([size[1] / 2]))
    return _first(np.maximum(near, low), np.minimum(far, high))


_SHAPES = {"box": _box, "sphere": _sphere, "cylinder": _cylinder}
