"""Compiled: rays on upright solids, and the cost and search of the pose fit."""

import math

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array
from vla_sim.common.numba_cache import kernel

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
