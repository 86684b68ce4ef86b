"""Upright solids as a ray meets them: the forward model that the pose fit compares with depth.

A solid is a code and five lengths [m]: (half_x or radius, half_y, half_z, neck radius, shoulder).
CYLINDER and SPHERE use the first as radius; BOTTLE is a cylinder up to `shoulder` above its centre and a
thinner neck from there to its top.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]

CYLINDER, SPHERE, BOX, BOTTLE = range(4)

NECK_RADIUS = 0.45
"""Of a bottle's neck, as a part of its body's radius."""
NECK_HEIGHT = 0.26
"""Of a bottle's neck, as a part of its whole height, from the middle of its shoulder."""


@dataclass(frozen=True)
class Solid:
    """What a kind of object looks like. kind: "cup". size: extent along x, y, z [m]."""

    kind: str
    code: int
    size: tuple[float, float, float]

    @property
    def lengths(self) -> Array:
        """(5,) as the kernels take them."""
        x, y, z = (s / 2.0 for s in self.size)
        if self.code == BOTTLE:
            return np.array([x, y, z, NECK_RADIUS * x, z - NECK_HEIGHT * 2.0 * z])
        return np.array([x, y, z, 0.0, 0.0])

    @property
    def radius(self) -> float:
        """Of the enclosing sphere [m]."""
        if self.code == SPHERE:
            return self.size[0] / 2.0
        if self.code == BOX:
            return math.hypot(*self.size) / 2.0
        return math.hypot(self.size[0], self.size[2]) / 2.0


def solid_of(
    kind: str, shape: Literal["cylinder", "sphere", "box"], size: tuple[float, float, float]
) -> Solid:
    """The solid of a kind of object, from the primitive that a gripper closes on."""
    if shape == "sphere":
        return Solid(kind, SPHERE, size)
    if shape == "box":
        return Solid(kind, BOX, size)
    return Solid(kind, BOTTLE if kind == "bottle" else CYLINDER, size)


@njit(cache=True)
def _slab(o: float, d: float, low: float, high: float) -> tuple[float, float]:
    if abs(d) < 1e-12:
        if o < low or o > high:
            return np.inf, -np.inf
        return -np.inf, np.inf
    a, b = (low - o) / d, (high - o) / d
    return (a, b) if a < b else (b, a)


@njit(cache=True)
def _round(ox: float, oy: float, dx: float, dy: float, r: float) -> tuple[float, float]:
    """Where a ray is inside an endless upright cylinder about the origin."""
    a = dx * dx + dy * dy
    c = ox * ox + oy * oy - r * r
    if a < 1e-14:
        if c > 0.0:
            return np.inf, -np.inf
        return -np.inf, np.inf
    b = ox * dx + oy * dy
    q = b * b - a * c
    if q < 0.0:
        return np.inf, -np.inf
    s = math.sqrt(q)
    return (-b - s) / a, (-b + s) / a


@njit(cache=True)
def _capped(
    ox: float, oy: float, oz: float, dx: float, dy: float, dz: float, r: float, low: float, high: float
) -> float:
    a0, a1 = _round(ox, oy, dx, dy, r)
    b0, b1 = _slab(oz, dz, low, high)
    t0, t1 = max(a0, b0), min(a1, b1)
    if t0 <= t1 and t0 > 0.0:
        return t0
    return np.inf


@njit(cache=True)
def hit(
    code: int, s: Array, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float
) -> float:
    """Smallest t > 0 with o + t d on the solid (frame of its centre, yaw taken out); inf if none."""
    if code == SPHERE:
        a = dx * dx + dy * dy + dz * dz
        b = ox * dx + oy * dy + oz * dz
        q = b * b - a * (ox * ox + oy * oy + oz * oz - s[0] * s[0])
        if q < 0.0:
            return np.inf
        t = (-b - math.sqrt(q)) / a
        return t if t > 0.0 else np.inf
    if code == BOX:
        x0, x1 = _slab(ox, dx, -s[0], s[0])
        y0, y1 = _slab(oy, dy, -s[1], s[1])
        z0, z1 = _slab(oz, dz, -s[2], s[2])
        t0, t1 = max(x0, y0, z0), min(x1, y1, z1)
        return t0 if t0 <= t1 and t0 > 0.0 else np.inf
    if code == BOTTLE:
        body = _capped(ox, oy, oz, dx, dy, dz, s[0], -s[2], s[4])
        neck = _capped(ox, oy, oz, dx, dy, dz, s[3], s[4], s[2])
        return min(body, neck)
    return _capped(ox, oy, oz, dx, dy, dz, s[0], -s[2], s[2])


@njit(cache=True)
def hits(code: int, s: Array, pose: Array, origin: Array, rays: Array, out: Array) -> None:
    """t of every ray (n, 3) from `origin` (3,) on the solid at pose (x, y, z, yaw), into out (n,)."""
    c, sn = math.cos(pose[3]), math.sin(pose[3])
    px, py, oz = origin[0] - pose[0], origin[1] - pose[1], origin[2] - pose[2]
    ox, oy = c * px + sn * py, -sn * px + c * py
    for i in range(rays.shape[0]):
        dx, dy = rays[i, 0], rays[i, 1]
        out[i] = hit(code, s, ox, oy, oz, c * dx + sn * dy, -sn * dx + c * dy, rays[i, 2])
