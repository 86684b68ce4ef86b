"""What the compiled kernels of perception are compared with: the same in numpy."""

from __future__ import annotations

import math

import numpy as np
from perception_scene import cast

from vla_sim.robot.body_size import TRUNK
from vla_sim.stages.perception import depth_scan as layout
from vla_sim.stages.perception import low_obstacles as floor_grid
from vla_sim.stages.perception import near_points as reach
from vla_sim.stages.perception.depth_scan import BIN
from vla_sim.stages.perception.solid_fit import BOTTLE, BOX, SPHERE, WORST

SHAPES = {SPHERE: "sphere", BOX: "box"}


def name_pixels(rgb, table):
    r, g, b = (rgb[..., k].astype(int) >> 3 for k in range(3))
    return table[(r << 10) | (g << 5) | b]


def points_of(depth, camera, pose, stride):
    """(n, 3) what every stride-th pixel sees, NaN where nothing, in the frame of `pose`."""
    v, u = (i[::stride, ::stride].ravel() for i in np.indices(depth.shape))
    d = depth[::stride, ::stride].ravel().astype(float)
    d = np.where((d > 0) & (d < 20), d, np.nan)
    rays = np.column_stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones(len(u))])
    return (d[:, None] * rays) @ pose[:3, :3].T + pose[:3, 3]


def in_capsules(points, capsules):
    """(n,) bool."""
    inside = np.zeros(len(points), bool)
    for a, b, radius in ((c[:3], c[3:6], c[6]) for c in capsules):
        along = (points - a) @ (b - a) / max((b - a) @ (b - a), 1e-300)
        nearest = a + np.clip(along, 0, 1)[:, None] * (b - a)
        inside |= np.linalg.norm(points - nearest, axis=1) < radius
    return inside


def depth_scan(depth, camera, pose, capsules, lowest=layout.LOW):
    points = points_of(depth, camera, pose, max(1, camera.width // 160))
    points = points[np.isfinite(points).all(axis=1)]
    x, y, z = points.T
    r = np.hypot(x, y)
    x0, x1, y0, y1 = TRUNK
    kept = (z >= lowest) & (z <= layout.HIGH) & (r >= layout.RANGE_MIN) & (r < layout.RANGE_MAX)
    kept &= ~((x > x0) & (x < x1) & (y > y0) & (y < y1)) & ~in_capsules(points, capsules)
    beam = np.floor((np.arctan2(y, x) + layout.HALF_ANGLE) / layout.INCREMENT + 0.5).astype(int)
    out = np.full(layout.BEAMS, np.inf)
    bins = math.ceil(layout.RANGE_MAX / BIN)
    for b in range(layout.BEAMS):
        ranges = r[kept & (beam == b)]
        at = np.minimum((ranges / BIN).astype(int), bins - 1)
        for i in range(bins):
            group = ranges[at == i]
            if 0 < len(group) < 3:
                group = ranges[(at == i) | (at == i + 1)]
            if len(group) >= 3:
                out[b] = group.mean()
                break
    return out


def near_points(depth, camera, pose, capsules):
    """{cell: mean point} of the cells with pixels enough."""
    points = points_of(depth, camera, pose, max(1, camera.width // 320))
    with np.errstate(invalid="ignore"):
        points = points[((points >= reach.LOW) & (points < reach.HIGH)).all(axis=1)]
    x0, x1, y0, y1 = TRUNK
    trunk = (points[:, 0] > x0) & (points[:, 0] < x1) & (points[:, 1] > y0) & (points[:, 1] < y1)
    points = points[~trunk & ~in_capsules(points, capsules)]
    at = ((points - reach.LOW) / reach.CELL).astype(int)
    room = at.max(axis=0, initial=0) + 1
    cells, of, count = np.unique(np.ravel_multi_index(at.T, room), return_inverse=True, return_counts=True)
    mean = np.column_stack([np.bincount(of, axis, len(cells)) for axis in points.T]) / count[:, None]
    full = count >= reach.LEAST
    places = np.column_stack(np.unravel_index(cells[full], room)).tolist()
    return dict(zip(map(tuple, places), mean[full], strict=True))


def solid_hits(code, lengths, pose, origin, rays):
    """(n,) smallest t with origin + t ray on the solid, inf if there is none."""
    x, y, z, neck, shoulder = lengths
    if code != BOTTLE:
        return cast(SHAPES.get(code, "cylinder"), (2 * x, 2 * y, 2 * z), pose, origin, rays)[0]
    best = np.full(len(rays), np.inf)
    for r, low, high in ((x, -z, shoulder), (neck, shoulder, z)):
        at = (*pose[:2], pose[2] + (low + high) / 2, pose[3])
        best = np.minimum(best, cast("cylinder", (2 * r, 2 * r, high - low), at, origin, rays)[0])
    return best


def fit_cost(code, lengths, pose, origin, rays, depth, inside, noise, height):
    t = solid_hits(code, lengths, pose, origin, rays)
    seen, met = np.isfinite(depth), np.isfinite(t)
    with np.errstate(invalid="ignore"):
        e = (depth - t) / (noise * (0.003 + 0.006 * depth))
        terms = np.select(
            [inside & ~met, inside & seen, inside, met & ~seen, met & (e < -3), met],
            [WORST, np.minimum(e * e, WORST), 1.0, 2.0, np.nan, np.where(e > 3, WORST, 2.0)], np.nan,
        )  # fmt: skip
    counted = terms[np.isfinite(terms)]
    if not len(counted):
        return WORST
    mean = counted.mean()
    if math.isfinite(height):
        mean += 0.1 * min(((pose[2] - lengths[2] - height) / 0.008) ** 2, 20.0)
    return mean


def search(cost, pose, axes, step, least):
    """Pattern search: (best cost, best pose)."""
    pose, best = list(pose), cost(pose)
    while step >= least:
        better = False
        for axis in range(axes):
            for sign in (-1, 1):
                tried = list(pose)
                tried[axis] += sign * (step / 0.05 if axis == 3 else step)
                if cost(tried) < best - 1e-6:
                    pose, best, better = tried, cost(tried), True
                    break
        step = step if better else step / 2
    return best, pose


def low_cells(depth, camera, pose, base, capsules):
    """What one image shows of each cell of the floor, as `low_obstacles._look` adds it up."""
    points = points_of(depth, camera, pose, 1)
    x, y, z = points.T
    with np.errstate(invalid="ignore"):
        near = (np.hypot(x, y) <= floor_grid.REACH) & (z <= layout.HIGH) & (z >= -layout.LOW)
    near &= depth.ravel() < 5.0
    x0, x1, y0, y1 = TRUNK
    own = ((x > x0) & (x < x1) & (y > y0) & (y < y1)) | in_capsules(points, capsules)
    placed = (x + 1j * y) * np.exp(1j * base[2]) + complex(base[0], base[1])
    things = np.zeros((floor_grid.SIZE, floor_grid.SIZE, 4))
    floor = np.zeros(things.shape[:2], int)
    for p, height, mine in zip(placed[near], z[near], own[near], strict=True):
        cell = tuple(math.floor(v / floor_grid.CELL) % floor_grid.SIZE for v in (p.real, p.imag))
        if height <= layout.LOW:
            floor[cell] += 1
        elif not mine:
            things[cell][:3] += p.real, p.imag, 1.0
            things[cell][3] = max(things[cell][3], height)
    return things, floor
