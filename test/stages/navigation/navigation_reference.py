"""What the compiled kernels of navigation are compared with: the same in numpy and plain Python, written to
be read."""

from __future__ import annotations

import heapq
import math

import numpy as np

from vla_sim.stages.navigation.global_planner import NARROW_BELOW, STIFF, STIFF_NARROW


def sample(field, x0, y0, resolution, x, y):
    """Bilinear between cell centres, the border's value outside, -inf at NaN."""
    if math.isnan(x) or math.isnan(y):
        return -math.inf
    rows, columns = field.shape
    u = np.clip((x - x0) / resolution - 0.5, 0, columns - 1)
    v = np.clip((y - y0) / resolution - 0.5, 0, rows - 1)
    c, r = min(int(u), max(0, columns - 2)), min(int(v), max(0, rows - 2))
    patch = np.pad(field, ((0, 1), (0, 1)), mode="edge")[r : r + 2, c : c + 2].astype(float)
    across = np.array([1 - (u - c), u - c])
    return float(np.array([1 - (v - r), v - r]) @ patch @ across)


class Evidence:
    """An evidence grid that looks at every cell each time."""

    def __init__(self, shape):
        self.evidence, self.seen = np.zeros(shape, int), np.zeros(shape)

    def integrate(self, known, x0, y0, h, pose, ranges, angle_min, increment, reach, near, explained, time):
        rows, columns = self.evidence.shape
        for i, distance in enumerate(ranges.astype(float)):
            if not distance >= near:
                continue
            angle = pose[2] + angle_min + i * increment
            direction = np.array([math.cos(angle), math.sin(angle)])
            free = distance - 2 * h if distance <= reach else reach
            last = None
            step = 0.7 * h  # and k * step, as the kernel has it: a beam may run along a border
            for k in range(int(max(0.0, free) / step)):
                x, y = pose[:2] + k * step * direction
                r, c = math.floor((y - y0) / h), math.floor((x - x0) / h)
                if not (0 <= r < rows and 0 <= c < columns):
                    break
                if (r, c) != last:
                    self.evidence[r, c] = max(0, self.evidence[r, c] - 1)
                last = r, c
            x, y = pose[:2] + distance * direction if distance <= reach else (math.nan, math.nan)
            if distance > reach or sample(known, x0, y0, h, x, y) < explained:
                continue
            r, c = math.floor((y - y0) / h), math.floor((x - x0) / h)
            if 0 <= r < rows and 0 <= c < columns:
                self.evidence[r, c] = min(6, self.evidence[r, c] + 2)
                self.seen[r, c] = time

    def occupied(self, oldest):
        self.evidence[self.seen < oldest] = 0
        return self.evidence >= 3


def coarse(fine, factor):
    """The largest of each block; partial blocks at the border count."""
    rows, columns = (math.ceil(n / factor) for n in fine.shape)
    out = np.empty((rows, columns), fine.dtype)
    for r in range(rows):
        for c in range(columns):
            out[r, c] = fine[r * factor : (r + 1) * factor, c * factor : (c + 1) * factor].max()
    return out


def price(clearance, hard, comfort, weight, away, escape):
    """Of a step into a cell; `away` cells from the start. inf: never."""
    if clearance >= comfort:
        return 1.0
    if clearance >= hard:
        return 1.0 + weight * ((comfort - clearance) / (comfort - hard)) ** 2
    return 2.0 + 4.0 * weight * (hard - clearance) / hard if away <= escape else math.inf


def cheapest(clearance, start, hard, comfort, weight, escape):
    """Dijkstra's cost of the cheapest way from `start` (r, c) to every cell, inf where none leads."""
    best = np.full(clearance.shape, np.inf)
    best[start] = 0.0
    heap = [(0.0, start)]
    while heap:
        cost, (r, c) = heapq.heappop(heap)
        if cost > best[r, c]:
            continue
        for dr, dc in ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)):
            n = r + dr, c + dc
            if not (0 <= n[0] < clearance.shape[0] and 0 <= n[1] < clearance.shape[1]):
                continue
            away = math.hypot(n[0] - start[0], n[1] - start[1])
            there = cost + price(clearance[n], hard, comfort, weight, away, escape) * math.hypot(dr, dc)
            if there < best[n]:
                best[n] = there
                heapq.heappush(heap, (there, n))
    return best


def resample(points, spacing):
    """Equal steps along a polyline."""
    steps = np.hypot(*np.diff(points, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    n = max(2, math.ceil(along[-1] / spacing) + 1)
    at = np.linspace(0.0, along[-1], n)
    return np.column_stack([np.interp(at, along, points[:, k]) for k in (0, 1)])


def smooth(points, field, x0, y0, h, hard, comfort, rounds):
    """The elastic band, one point after the other."""

    def at(p):
        return sample(field, x0, y0, h, *p)

    points = points.copy()
    ex, ey = np.array([h, 0.0]), np.array([0.0, h])
    for _ in range(rounds):
        for i in range(1, len(points) - 1):
            p, here = points[i].copy(), at(points[i])
            move = 0.45 * (points[i - 1] + points[i + 1] - 2 * p)
            if here < comfort:
                slope = np.array([at(p + ex) - at(p - ex), at(p + ey) - at(p - ey)]) / (2 * h)
                stiff = STIFF_NARROW if here < NARROW_BELOW else STIFF
                move = move + stiff * (comfort - here) / comfort * slope
            there = at(p + move)
            if there >= hard or there >= here:
                points[i] = p + move
    return points


def placed(pose, discs):
    """(n, 2) centres of the body's discs in map."""
    c, s = math.cos(pose[2]), math.sin(pose[2])
    return np.asarray(pose[:2]) + discs[:, :2] @ np.array([[c, s], [-s, c]])


def body_clearance(field, x0, y0, h, pose, discs):
    centres = placed(pose, discs)
    return min(sample(field, x0, y0, h, *p) - r for p, r in zip(centres, discs[:, 2], strict=True))


def disc_clearance(pose, discs, obstacles, after):
    where = obstacles[:, :2] + after * obstacles[:, 2:4]
    gaps = np.linalg.norm(placed(pose, discs)[:, None] - where[None], axis=2)
    return float((gaps - obstacles[:, 4] - discs[:, 2:3]).min(initial=1e9))


def rollout(pose, velocity, target, lag, steps, dt):
    """(steps, 3) poses under a velocity that goes from one to the other."""
    pose, v, out = np.array(pose, float), np.array(velocity, float), []
    for _ in range(steps):
        v = v + (1 - math.exp(-dt / lag)) * (target - v)
        c, s = math.cos(pose[2]), math.sin(pose[2])
        pose = pose + dt * np.array([c * v[0] - s * v[1], s * v[0] + c * v[1], v[2]])
        out.append(pose)
    return np.array(out).reshape(-1, 3)


def rollout_cost(
    field, x0, y0, h, pose, velocity, candidate, target, lag, discs, points, index, steps, touch, margin,
    previous, expected, movers, dt, spacing, align,
):  # fmt: skip
    """(cost, clearance) of one candidate command; cost inf where it touches."""
    here = body_clearance(field, x0, y0, h, pose, discs)
    here = min(here, disc_clearance(pose, discs, movers, 0.0))
    cost, worst, i, n = 0.0, 1e9, index, len(points)
    where = rollout(pose, velocity, target, lag, steps, dt)
    for k, p in enumerate(where):
        d = body_clearance(field, x0, y0, h, p, discs)
        d = min(d, disc_clearance(p, discs, movers, (k + 1) * dt))
        worst = min(worst, d)
        if d < min(touch, here - 0.01):
            return math.inf, -1e9
        cost += 3.0 * dt * max(0.0, (margin - d) / margin) ** 2
        near = np.linalg.norm(points[i : i + 12] - p[:2], axis=1)
        i += int(np.argmin(near))
        k0, j = max(0, min(i, n - 2)), min(i + 6, n - 1)
        tangent = points[k0 + 1] - points[k0]
        off = p[:2] - points[k0]
        cross = (off[0] * tangent[1] - off[1] * tangent[0]) / max(1e-9, np.linalg.norm(tangent))
        ahead = math.atan2(*(points[j] - points[max(0, j - 6)])[::-1])
        error = math.remainder(p[2] - ahead, 2 * math.pi)
        cost += dt * (12.0 * cross**2 + align * error**2)
    cost += 1.2 * max(0.0, expected - (i - index) * spacing)
    if i >= n - 4:
        cost += np.linalg.norm(points[-1] - where[-1, :2])
    change = (candidate - previous) ** 2
    return cost + 0.20 * abs(candidate[1]) + change @ (0.05, 0.40, 0.04), worst


def align_step(points, pose, longer, start, field, everything, x0, y0, h, width, prior):
    """One Gauss-Newton step of the scan matcher: (pose, longer) after it."""
    c, s = math.cos(pose[2]), math.sin(pose[2])
    rays = points @ np.array([[c, s], [-s, c]])
    unit = rays / np.maximum(1e-6, np.linalg.norm(rays, axis=1))[:, None]
    rays = rays + longer * unit
    at = pose[:2] + rays
    rows, errors, weights = [], [], []
    for p, r, u in zip(at, rays, unit, strict=True):
        d = sample(field, x0, y0, h, *p)
        if d > sample(everything, x0, y0, h, *p) + 0.06 or abs(d) >= width:
            continue
        g = np.array([
            sample(field, x0, y0, h, p[0] + h, p[1]) - sample(field, x0, y0, h, p[0] - h, p[1]),
            sample(field, x0, y0, h, p[0], p[1] + h) - sample(field, x0, y0, h, p[0], p[1] - h),
        ]) / (2 * h)  # fmt: skip
        rows.append([g[0], g[1], g[1] * r[0] - g[0] * r[1], g @ u])
        errors.append(d)
        weights.append((1 - (d / width) ** 2) ** 2)
    j, w = np.array(rows).reshape(-1, 4), np.array(weights)
    hold = np.diag([prior, prior, prior, 10 * prior])
    hessian = (j * w[:, None]).T @ j + hold
    gradient = (j * w[:, None]).T @ np.array(errors) + hold @ np.array([*(pose - start), longer - 0.012])
    step = np.linalg.solve(hessian, gradient)
    return pose - step[:3], float(np.clip(longer - step[3], -0.02, 0.04))
