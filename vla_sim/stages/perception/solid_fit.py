"""Pose of a known solid by analysis by synthesis: the pose whose predicted depth and outline agree best.

A solid is a code and five lengths [m]: (half_x or radius, half_y, half_z, neck radius, shoulder).
CYLINDER and SPHERE use the first as radius; BOTTLE is a cylinder up to `shoulder` above its centre and a
thinner neck from there to its top.

A camera sees the front of a thing only, so its centre is inferred: every sampled pixel is predicted by
casting its ray at the solid and compared with what was measured. That averages the depth noise over all
pixels, uses top and side alike, and the same cost tells kinds apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array
from vla_sim.common.numba_cache import kernel

NECK_RADIUS = 0.45
"""Of a bottle's neck, as a part of its body's radius."""
NECK_HEIGHT = 0.24
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


CYLINDER, SPHERE, BOX, BOTTLE = range(4)
"""Codes of the solids; their lengths are in `shapes`."""

SampleArgs = tuple[Array, Array, Array, NDArray[np.bool_]]
"""`solid_fit.Samples` as kernels take them."""

WORST = 9.0
"""Cost of a pixel that contradicts the solid: three standard deviations squared."""


@kernel
def _slab(o: float, d: float, low: float, high: float) -> tuple[float, float]:
    if abs(d) < 1e-12:
        if o < low or o > high:
            return np.inf, -np.inf
        return -np.inf, np.inf
    a, b = (low - o) / d, (high - o) / d
    return (a, b) if a < b else (b, a)


@kernel
def _cylinder(ox: float, oy: float, dx: float, dy: float, r: float) -> tuple[float, float]:
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


@kernel
def _capped_cylinder(
    ox: float, oy: float, oz: float, dx: float, dy: float, dz: float, r: float, low: float, high: float
) -> float:
    a0, a1 = _cylinder(ox, oy, dx, dy, r)
    b0, b1 = _slab(oz, dz, low, high)
    t0, t1 = max(a0, b0), min(a1, b1)
    if t0 <= t1 and t0 > 0.0:
        return t0
    return np.inf


@kernel
def hit(code: int, s: Array, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float) -> float:
    """Smallest t > 0 with o + t d on the solid (frame of its centre, yaw taken out); inf if none."""
    if code == SPHERE:
        a = dx * dx + dy * dy + dz * dz
        b = ox * dx + oy * dy + oz * dz
        q = b * b - a * (ox * ox + oy * oy + oz * oz - s[0] * s[0])
        if q < 0.0 or a == 0.0:
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
        body = _capped_cylinder(ox, oy, oz, dx, dy, dz, s[0], -s[2], s[4])
        neck = _capped_cylinder(ox, oy, oz, dx, dy, dz, s[3], s[4], s[2])
        return min(body, neck)
    return _capped_cylinder(ox, oy, oz, dx, dy, dz, s[0], -s[2], s[2])


@kernel
def hits(code: int, s: Array, pose: Array, origin: Array, rays: Array, out: Array) -> None:
    """t of every ray (n, 3) from `origin` (3,) on the solid at pose (x, y, z, yaw), into out (n,)."""
    c, sn = math.cos(pose[3]), math.sin(pose[3])
    px, py, oz = origin[0] - pose[0], origin[1] - pose[1], origin[2] - pose[2]
    ox, oy = c * px + sn * py, -sn * px + c * py
    for i in range(rays.shape[0]):
        dx, dy = rays[i, 0], rays[i, 1]
        out[i] = hit(code, s, ox, oy, oz, c * dx + sn * dy, -sn * dx + c * dy, rays[i, 2])


@kernel
def cost(code: int, s: Array, pose: Array, samples: SampleArgs, noise: float, height: float) -> float:
    """Mean truncated squared error over the pixels of component and model together."""
    origin, rays, depth, inside = samples
    c, sn = math.cos(pose[3]), math.sin(pose[3])
    px, py, oz = origin[0] - pose[0], origin[1] - pose[1], origin[2] - pose[2]
    ox, oy = c * px + sn * py, -sn * px + c * py
    total, count = 0.0, 0
    for i in range(rays.shape[0]):
        dx, dy = rays[i, 0], rays[i, 1]
        t = hit(code, s, ox, oy, oz, c * dx + sn * dy, -sn * dx + c * dy, rays[i, 2])
        z = depth[i]
        if inside[i]:
            count += 1
            if t == np.inf:
                total += WORST
            elif np.isfinite(z):
                e = (z - t) / (noise * (0.003 + 0.006 * z))
                total += min(e * e, WORST)
            else:
                total += 1.0
        elif t < np.inf and not np.isfinite(z):
            count += 1
            total += 2.0
        elif t < np.inf:
            e = (z - t) / (noise * (0.003 + 0.006 * z))
            if e < -3.0:
                continue  # something else stands before it
            count += 1
            # Another colour at the right depth (a label, a highlight) is no contradiction.
            total += WORST if e > 3.0 else 2.0
    if count == 0:
        return WORST
    mean = total / count
    if np.isfinite(height):
        e = (pose[2] - s[2] - height) / 0.008
        mean += 0.1 * min(e * e, 20.0)
    return mean


@kernel
def search(
    code: int, s: Array, pose: Array, samples: SampleArgs, height: float, turns: bool, noise: float,
    step: float, least: float,
) -> float:  # fmt: skip
    """Pattern search in place: along each axis, half the step when nothing is better."""
    best = cost(code, s, pose, samples, noise, height)
    axes = 4 if turns else 3
    while step >= least:
        better = False
        for axis in range(axes):
            # 0.05 m of arm: a yaw step moves a corner about as far as a linear step.
            size = step / 0.05 if axis == 3 else step
            for sign in (-1.0, 1.0):
                before = pose[axis]
                pose[axis] = before + sign * size
                now = cost(code, s, pose, samples, noise, height)
                if now < best - 1e-6:
                    best = now
                    better = True
                    break
                pose[axis] = before
        if not better:
            step *= 0.5
    return best


class Samples(NamedTuple):
    """Pixels in and around one component.

    origin: (3,) camera in the level frame. rays: (n, 3) in the level frame, scaled so that the ray
    parameter is the depth. depth: (n,) measured [m], NaN allowed. inside: (n,) bool, of the component.
    """

    origin: Array
    rays: Array
    depth: Array
    inside: NDArray[np.bool_]

    def thinned(self, stride: int) -> Samples:
        """Every stride-th sample."""
        return Samples(
            self.origin, np.ascontiguousarray(self.rays[::stride]), self.depth[::stride].copy(),
            self.inside[::stride].copy(),
        )  # fmt: skip


@dataclass(frozen=True)
class Fit:
    """x, y, z of the centre and yaw in the level frame; cost: about 1 for a perfect model."""

    solid: Solid
    pose: Array
    cost: float


def fit(solid: Solid, samples: Samples, guess: Array, height: float) -> Fit:
    """Coarse fit, good to about 5 mm, on thinned samples; `refine` makes it fine.

    guess: (3,) a point on the thing's surface in the level frame. height: of the support under it [m],
    NaN if unknown; the solid then finds its own.
    """
    s = solid.lengths
    view = guess - samples.origin
    view = view / max(float(np.linalg.norm(view)), 1e-9)
    centre = guess + 0.6 * s[0] * view
    z = centre[2] if math.isnan(height) else height + s[2]
    bearing = math.atan2(view[1], view[0])
    starts = [bearing + math.radians(k) for k in (0.0, 30.0, 60.0)] if solid.code == BOX else [0.0]
    fits = []
    for yaw in starts:
        pose = np.array([centre[0], centre[1], z, yaw])
        fits.append(Fit(solid, pose, _search(solid, pose, samples, height, 2.0, 0.016, 0.004)))
    return min(fits, key=lambda one: one.cost)


def refine(coarse: Fit, samples: Samples, height: float) -> Fit:
    """The same fit at the sensor's own noise, to half a millimetre of step."""
    pose = coarse.pose.copy()
    return Fit(coarse.solid, pose, _search(coarse.solid, pose, samples, height, 1.0, 0.004, 0.0005))


def _search(
    solid: Solid, pose: Array, samples: Samples, height: float, noise: float, step: float, least: float
) -> float:
    turns = solid.code == BOX
    found = search(solid.code, solid.lengths, pose, tuple(samples), height, turns, noise, step, least)
    return float(found)
