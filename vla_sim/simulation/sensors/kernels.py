"""Ray casting compiled by numba: where rays from one point meet shapes, and what colour is there.

Every ray of a frame starts at the same point, so that point is brought into each shape's frame once
and a ray costs only the turning of its direction. The shapes' boxes form a bounding-volume tree that
is built anew for each frame: 500 boxes take some 0.1 ms, and nothing has to be kept up to date.
"""

import math

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array
from vla_sim.common.numba_cache import kernel

BOX, SPHERE, CYLINDER, CAPSULE, ELLIPSOID, PLANE, MESH = range(7)
"""Kinds of shape. size (3,): box half sides; sphere (r, -, -); cylinder and capsule (r, half length, -);
ellipsoid radii; plane half sides (x, y, -) with normal z; mesh: (first node, first triangle, -) in the
scene's mesh arrays."""

LEAF = 2
STACK = 64
DEPTH = 40
"""From this depth on a node is halved, so that `STACK` is enough for 2 to the 24th shapes."""
BINS = 12
HEADLIGHT = 0.2


@kernel(nogil=True)
def place(
    link_pose: Array, link: NDArray[np.int32], local: Array, kind: NDArray[np.int8], size: Array,
    bound: Array, origin: Array, pose: Array, start: Array, low: Array, high: Array,
) -> None:  # fmt: skip
    """Where the n shapes are now.

    link_pose: (m, 4, 4) world poses; link: (n,) index into it; local: (n, 4, 4) in the link; bound: (n, 2,
    3) lower and upper corner in the shape's own frame. Fills pose (n, 4, 4), start (n, 3): `origin` (3,) in
    the shape's frame, and low, high (n, 3): its box in the world.
    """
    for i in range(kind.shape[0]):
        base = link_pose[link[i]]
        for r in range(3):
            for c in range(4):
                value = base[r, 3] if c == 3 else 0.0
                for k in range(3):
                    value += base[r, k] * local[i, k, c]
                pose[i, r, c] = value
        for c in range(3):
            value = 0.0
            for r in range(3):
                value += pose[i, r, c] * (origin[r] - pose[i, r, 3])
            start[i, c] = value
        for r in range(3):
            if kind[i] == SPHERE:
                low[i, r], high[i, r] = pose[i, r, 3] - size[i, 0], pose[i, r, 3] + size[i, 0]
                continue
            centre, reach = pose[i, r, 3], 0.0
            for c in range(3):
                centre += pose[i, r, c] * 0.5 * (bound[i, 0, c] + bound[i, 1, c])
                reach += abs(pose[i, r, c]) * 0.5 * (bound[i, 1, c] - bound[i, 0, c])
            low[i, r], high[i, r] = centre - reach, centre + reach


@kernel(nogil=True)
def build(low: Array, high: Array, order: NDArray[np.int32], box: Array, child: NDArray[np.int32]) -> int:
    """A bounding-volume tree over n boxes by the surface-area heuristic with bins (Wald 2007); its node
    count.

    low, high: (n, 3). Fills order (n,): items as the leaves list them; box (2n, 6): low and high of a
    node; child (2n, 2): index of the first of two children and 0, or of the first item and their count.
    """
    n = low.shape[0]
    for i in range(n):
        order[i] = i
    if n == 0:
        return 0
    todo = np.empty((STACK, 4), np.int32)
    _push(todo, 0, 0, 0, n, 0)
    top, count = 1, 1
    bins, number = np.empty((BINS, 6)), np.empty(BINS, np.int32)
    right = np.empty(BINS)
    while top > 0:
        top -= 1
        node, begin, end, depth = todo[top, 0], todo[top, 1], todo[top, 2], todo[top, 3]
        for a in range(3):
            small, large = math.inf, -math.inf
            for k in range(begin, end):
                small, large = min(small, low[order[k], a]), max(large, high[order[k], a])
            box[node, a], box[node, 3 + a] = small, large
        if end - begin <= LEAF:
            child[node, 0], child[node, 1] = begin, end - begin
            continue
        cheapest, axis, split, first, width = math.inf, -1, 0, 0.0, 1.0
        for a in range(3 if depth < DEPTH else 0):
            small, large = math.inf, -math.inf
            for k in range(begin, end):
                middle = low[order[k], a] + high[order[k], a]
                small, large = min(small, middle), max(large, middle)
            step = (large - small) / BINS
            if step < 1e-9:
                continue
            for j in range(BINS):
                number[j] = 0
                for c in range(3):
                    bins[j, c], bins[j, 3 + c] = math.inf, -math.inf
            for k in range(begin, end):
                i = order[k]
                j = _bin(low[i, a] + high[i, a] - small, step)
                number[j] += 1
                for c in range(3):
                    bins[j, c], bins[j, 3 + c] = min(bins[j, c], low[i, c]), max(bins[j, 3 + c], high[i, c])
            # Cost of everything right of each border, then sweep from the left.
            x0 = y0 = z0 = math.inf
            x1 = y1 = z1 = -math.inf
            many = 0
            for j in range(BINS - 1, 0, -1):
                x0, y0, z0 = min(x0, bins[j, 0]), min(y0, bins[j, 1]), min(z0, bins[j, 2])
                x1, y1, z1 = max(x1, bins[j, 3]), max(y1, bins[j, 4]), max(z1, bins[j, 5])
                many += number[j]
                right[j] = many * _area(x1 - x0, y1 - y0, z1 - z0) if many else math.inf
            x0 = y0 = z0 = math.inf
            x1 = y1 = z1 = -math.inf
            many = 0
            for j in range(1, BINS):
                x0, y0, z0 = min(x0, bins[j - 1, 0]), min(y0, bins[j - 1, 1]), min(z0, bins[j - 1, 2])
                x1, y1, z1 = max(x1, bins[j - 1, 3]), max(y1, bins[j - 1, 4]), max(z1, bins[j - 1, 5])
                many += number[j - 1]
                if many == 0 or right[j] == math.inf:
                    continue
                cost = right[j] + many * _area(x1 - x0, y1 - y0, z1 - z0)
                if cost < cheapest:
                    cheapest, axis, split, first, width = cost, a, j, small, step
        half = begin
        if axis >= 0:
            for k in range(begin, end):
                i = order[k]
                if _bin(low[i, axis] + high[i, axis] - first, width) < split:
                    order[k], order[half] = order[half], i
                    half += 1
        else:
            half = (begin + end) // 2  # all in one place, or the tree gets too deep
        child[node, 0], child[node, 1] = count, 0
        # The larger part waits at the bottom, so that the stack stays as deep as the logarithm.
        near, far = (0, 1) if half - begin < end - half else (1, 0)
        _push(todo, top + 1 - near, count, begin, half, depth + 1)
        _push(todo, top + 1 - far, count + 1, half, end, depth + 1)
        top, count = top + 2, count + 2
    return count


@kernel(nogil=True, inline="always")
def _push(todo: NDArray[np.int32], at: int, node: int, begin: int, end: int, depth: int) -> None:
    todo[at, 0], todo[at, 1], todo[at, 2], todo[at, 3] = node, begin, end, depth


@kernel(nogil=True, inline="always")
def _bin(along: float, width: float) -> int:
    """Also where a box is so far away that its middle is no number."""
    at = along / width
    return int(at) if 0.0 <= at < BINS else (BINS - 1 if at >= BINS else 0)


@kernel(nogil=True, inline="always")
def _area(x: float, y: float, z: float) -> float:
    return x * y + y * z + z * x


@kernel(nogil=True, inline="always")
def _enter(box: Array, node: int, o: tuple, inv: tuple, best: float) -> float:  # type: ignore[type-arg]
    """Distance at which a ray enters a node's box, inf if it misses it or `best` is nearer."""
    a, b = (box[node, 0] - o[0]) * inv[0], (box[node, 3] - o[0]) * inv[0]
    near, far = min(a, b), max(a, b)
    a, b = (box[node, 1] - o[1]) * inv[1], (box[node, 4] - o[1]) * inv[1]
    near, far = max(near, min(a, b)), min(far, max(a, b))
    a, b = (box[node, 2] - o[2]) * inv[2], (box[node, 5] - o[2]) * inv[2]
    near, far = max(near, min(a, b)), min(far, max(a, b))
    if near > far or far < 0.0 or near >= best:
        return math.inf
    return max(near, 0.0)


@kernel(nogil=True, inline="always")
def _inverse(x: float) -> float:
    return 1.0 / x if abs(x) > 1e-12 else (1e12 if x >= 0.0 else -1e12)


@kernel(nogil=True)
def _mesh(
    root: int, first: int, o: tuple, d: tuple, best: float,  # type: ignore[type-arg]
    box: Array, child: NDArray[np.int32], triangle: Array,
) -> tuple[float, int]:  # fmt: skip
    """Distance to the nearest triangle of a mesh, and which it is (-1: none within `best`), both in the
    mesh's frame (Moeller and Trumbore 1997)."""
    inv = (_inverse(d[0]), _inverse(d[1]), _inverse(d[2]))
    stack = np.empty(STACK, np.int32)
    stack[0] = root
    top = 1
    nearest, found = best, -1
    while top > 0:
        top -= 1
        node = stack[top]
        if _enter(box, node, o, inv, nearest) == math.inf:
            continue
        if child[node, 1] == 0:
            stack[top], stack[top + 1] = root + child[node, 0], root + child[node, 0] + 1
            top += 2
            continue
        for k in range(child[node, 0], child[node, 0] + child[node, 1]):
            t = triangle[first + k]
            ux, uy, uz = t[1, 0] - t[0, 0], t[1, 1] - t[0, 1], t[1, 2] - t[0, 2]
            vx, vy, vz = t[2, 0] - t[0, 0], t[2, 1] - t[0, 1], t[2, 2] - t[0, 2]
            px, py, pz = d[1] * vz - d[2] * vy, d[2] * vx - d[0] * vz, d[0] * vy - d[1] * vx
            det = ux * px + uy * py + uz * pz
            if abs(det) < 1e-15:
                continue
            sx, sy, sz = o[0] - t[0, 0], o[1] - t[0, 1], o[2] - t[0, 2]
            u = (sx * px + sy * py + sz * pz) / det
            if u < 0.0 or u > 1.0:
                continue
            qx, qy, qz = sy * uz - sz * uy, sz * ux - sx * uz, sx * uy - sy * ux
            v = (d[0] * qx + d[1] * qy + d[2] * qz) / det
            if v < 0.0 or u + v > 1.0:
                continue
            distance = (vx * qx + vy * qy + vz * qz) / det
            if 0.0 < distance < nearest:
                nearest, found = distance, first + k
    return (nearest if found >= 0 else math.inf), found


@kernel(nogil=True, inline="always")
def _slab(o: float, d: float, half: float, near: float, far: float) -> tuple[float, float]:
    if abs(d) < 1e-12:
        return (near, far) if abs(o) <= half else (math.inf, -math.inf)
    a, b = (-half - o) / d, (half - o) / d
    return max(near, min(a, b)), min(far, max(a, b))


@kernel(nogil=True, inline="always")
def _sphere(ox: float, oy: float, oz: float, dx: float, dy: float, dz: float, r: float) -> float:
    """Where a ray enters a sphere around 0; d need not be a unit vector; inf from inside."""
    a = dx * dx + dy * dy + dz * dz
    b = ox * dx + oy * dy + oz * dz
    c = ox * ox + oy * oy + oz * oz - r * r
    root = b * b - a * c
    if root < 0.0 or c <= 0.0 or b >= 0.0:
        return math.inf
    return (-b - math.sqrt(root)) / a


@kernel(nogil=True)
def hit(
    kind: int, sx: float, sy: float, sz: float,
    ox: float, oy: float, oz: float, dx: float, dy: float, dz: float,
) -> float:  # fmt: skip
    """Distance along a ray, in the frame of a shape other than a mesh, at which it enters the shape; inf
    if it does not, or if it starts inside (as a renderer leaves out the faces that look away)."""
    if kind == BOX:
        near, far = -math.inf, math.inf
        near, far = _slab(ox, dx, sx, near, far)
        near, far = _slab(oy, dy, sy, near, far)
        near, far = _slab(oz, dz, sz, near, far)
        return near if 0.0 < near <= far else math.inf
    if kind == SPHERE:
        return _sphere(ox, oy, oz, dx, dy, dz, sx)
    if kind == CYLINDER:
        near, far = _slab(oz, dz, sy, -math.inf, math.inf)
        a = dx * dx + dy * dy
        c = ox * ox + oy * oy - sx * sx
        if a < 1e-14:
            return near if c <= 0.0 and 0.0 < near <= far else math.inf
        b = ox * dx + oy * dy
        root = b * b - a * c
        if root < 0.0:
            return math.inf
        root = math.sqrt(root)
        near, far = max(near, (-b - root) / a), min(far, (-b + root) / a)
        return near if 0.0 < near <= far else math.inf
    if kind == CAPSULE:
        r, half = sx, sy
        axial = min(max(oz, -half), half)
        if ox * ox + oy * oy + (oz - axial) * (oz - axial) <= r * r:
            return math.inf
        found = min(_sphere(ox, oy, oz - half, dx, dy, dz, r), _sphere(ox, oy, oz + half, dx, dy, dz, r))
        a = dx * dx + dy * dy
        if a > 1e-14:
            b = ox * dx + oy * dy
            root = b * b - a * (ox * ox + oy * oy - r * r)
            if root >= 0.0:
                t = (-b - math.sqrt(root)) / a
                if 0.0 < t < found and abs(oz + t * dz) <= half:
                    found = t
        return found
    if kind == ELLIPSOID:
        return _sphere(ox / sx, oy / sy, oz / sz, dx / sx, dy / sy, dz / sz, 1.0)
    if dz >= -1e-12 or oz <= 0.0:
        return math.inf
    t = -oz / dz
    return t if abs(ox + t * dx) <= sx and abs(oy + t * dy) <= sy else math.inf


@kernel(nogil=True)
def nearest(
    origin: tuple, d: tuple, reach: float, stack: NDArray[np.int32], distance: Array,  # type: ignore[type-arg]
    nodes: int, box: Array, child: NDArray[np.int32], order: NDArray[np.int32],
    kind: NDArray[np.int8], size: Array, pose: Array, start: Array,
    mesh_box: Array, mesh_child: NDArray[np.int32], triangle: Array,
) -> tuple[int, int, float]:  # fmt: skip
    """The shape that a ray (unit `d` from `origin`, in the world) meets first within `reach`, or -1, its
    triangle if it is a mesh, and the distance. stack, distance: scratch of `STACK` entries."""
    best, found, face = reach, -1, -1
    if nodes == 0:
        return found, face, best
    inv = (_inverse(d[0]), _inverse(d[1]), _inverse(d[2]))
    entry = _enter(box, 0, origin, inv, best)
    if entry == math.inf:
        return found, face, best
    stack[0], distance[0] = 0, entry
    top = 1
    while top > 0:
        top -= 1
        if distance[top] >= best:
            continue
        node = stack[top]
        while child[node, 1] == 0:  # go down the nearer side, keep the other
            one, other = child[node, 0], child[node, 0] + 1
            a, b = _enter(box, one, origin, inv, best), _enter(box, other, origin, inv, best)
            if a > b:
                one, other, a, b = other, one, b, a
            if a == math.inf:
                node = -1
                break
            if b < math.inf:
                stack[top], distance[top] = other, b
                top += 1
            node = one
        if node < 0:
            continue
        for k in range(child[node, 0], child[node, 0] + child[node, 1]):
            i = order[k]
            dx = pose[i, 0, 0] * d[0] + pose[i, 1, 0] * d[1] + pose[i, 2, 0] * d[2]
            dy = pose[i, 0, 1] * d[0] + pose[i, 1, 1] * d[1] + pose[i, 2, 1] * d[2]
            dz = pose[i, 0, 2] * d[0] + pose[i, 1, 2] * d[1] + pose[i, 2, 2] * d[2]
            ox, oy, oz = start[i, 0], start[i, 1], start[i, 2]
            side = -1
            if kind[i] == MESH:
                root, first = int(size[i, 0]), int(size[i, 1])
                t, side = _mesh(root, first, (ox, oy, oz), (dx, dy, dz), best, mesh_box, mesh_child, triangle)
            else:
                t = hit(kind[i], size[i, 0], size[i, 1], size[i, 2], ox, oy, oz, dx, dy, dz)
            if t < best:
                best, found, face = t, i, side
    return found, face, best


@kernel(nogil=True)
def cast(
    origin: Array, rotation: Array, rays: Array, reach: float, out: Array,
    nodes: int, box: Array, child: NDArray[np.int32], order: NDArray[np.int32],
    kind: NDArray[np.int8], size: Array, pose: Array, start: Array,
    mesh_box: Array, mesh_child: NDArray[np.int32], triangle: Array,
) -> None:  # fmt: skip
    """Fill out (n,) with the distances [m] along unit rays (n, 3) of a sensor at `origin` with
    `rotation` (3, 3); inf where nothing is met within `reach`."""
    stack, distance = np.empty(STACK, np.int32), np.empty(STACK)
    o = (origin[0], origin[1], origin[2])
    for i in range(rays.shape[0]):
        x, y, z = rays[i, 0], rays[i, 1], rays[i, 2]
        d = (
            rotation[0, 0] * x + rotation[0, 1] * y + rotation[0, 2] * z,
            rotation[1, 0] * x + rotation[1, 1] * y + rotation[1, 2] * z,
            rotation[2, 0] * x + rotation[2, 1] * y + rotation[2, 2] * z,
        )
        found, _, t = nearest(
            o, d, reach, stack, distance, nodes, box, child, order, kind, size, pose, start,
            mesh_box, mesh_child, triangle,
        )  # fmt: skip
        out[i] = t if found >= 0 else math.inf


@kernel(nogil=True, inline="always")
def _unit(x: float, y: float, z: float) -> tuple[float, float, float]:
    length = math.sqrt(x * x + y * y + z * z)
    return (x / length, y / length, z / length) if length > 0.0 else (0.0, 0.0, 1.0)


@kernel(nogil=True)
def _normal(kind: int, size: Array, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Outward unit normal of a shape at a point of its surface, in its frame."""
    if kind == BOX:
        ax, ay, az = abs(x) - size[0], abs(y) - size[1], abs(z) - size[2]
        if ax >= ay and ax >= az:
            return (math.copysign(1.0, x), 0.0, 0.0)
        if ay >= az:
            return (0.0, math.copysign(1.0, y), 0.0)
        return (0.0, 0.0, math.copysign(1.0, z))
    if kind == SPHERE:
        return _unit(x, y, z)
    if kind == CYLINDER:
        if abs(z) - size[1] >= math.sqrt(x * x + y * y) - size[0]:
            return (0.0, 0.0, math.copysign(1.0, z))
        return _unit(x, y, 0.0)
    if kind == CAPSULE:
        return _unit(x, y, z - min(max(z, -size[1]), size[1]))
    if kind == ELLIPSOID:
        return _unit(x / (size[0] * size[0]), y / (size[1] * size[1]), z / (size[2] * size[2]))
    return (0.0, 0.0, 1.0)


@kernel(nogil=True)
def _face_normal(t: Array, dx: float, dy: float, dz: float) -> tuple[float, float, float]:
    """Unit normal of a triangle (3, 3), on the side that a ray of direction d comes from."""
    ux, uy, uz = t[1, 0] - t[0, 0], t[1, 1] - t[0, 1], t[1, 2] - t[0, 2]
    vx, vy, vz = t[2, 0] - t[0, 0], t[2, 1] - t[0, 1], t[2, 2] - t[0, 2]
    x, y, z = _unit(uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx)
    return (-x, -y, -z) if x * dx + y * dy + z * dz > 0.0 else (x, y, z)


@kernel(nogil=True)
def shoot(
    origin: Array, rotation: Array, focal: float, near: float, far: float,
    ambient: Array, background: Array, lights: Array, colour: Array, color: NDArray[np.uint8],
    depth: NDArray[np.float32],
    nodes: int, box: Array, child: NDArray[np.int32], order: NDArray[np.int32],
    kind: NDArray[np.int8], size: Array, pose: Array, start: Array,
    mesh_box: Array, mesh_child: NDArray[np.int32], triangle: Array,
) -> None:  # fmt: skip
    """A picture: fills color (height, width, 3) RGB and depth (height, width) along the optical axis [m],
    inf where nothing is met from `near` to `far`.

    rotation: (3, 3) of the optical frame (x right, y down, z forward). focal: [px]; the centre is the
    image's. ambient, background: (3,) of 0..1. lights: (m, 11): 1 for a point and 0 for a directional
    light, position or the direction it shines in (3,), diffuse (3,), attenuation constant, linear, quadratic,
    range [m]. colour: (n, 6) diffuse and emissive of each shape. Lambert's law without shadows; a lamp on
    the camera adds HEADLIGHT, as MuJoCo's renderer does.
    """
    height, width = depth.shape
    stack, distance = np.empty(STACK, np.int32), np.empty(STACK)
    o = (origin[0], origin[1], origin[2])
    for v in range(height):
        cy = (v - 0.5 * (height - 1)) / focal
        for u in range(width):
            cx = (u - 0.5 * (width - 1)) / focal
            scale = 1.0 / math.sqrt(cx * cx + cy * cy + 1.0)
            x, y, z = cx * scale, cy * scale, scale
            d = (
                rotation[0, 0] * x + rotation[0, 1] * y + rotation[0, 2] * z,
                rotation[1, 0] * x + rotation[1, 1] * y + rotation[1, 2] * z,
                rotation[2, 0] * x + rotation[2, 1] * y + rotation[2, 2] * z,
            )
            i, face, t = nearest(
                o, d, far / scale, stack, distance, nodes, box, child, order, kind, size, pose, start,
                mesh_box, mesh_child, triangle,
            )  # fmt: skip
            if i < 0 or t * scale < near:
                depth[v, u] = np.inf
                for c in range(3):
                    color[v, u, c] = np.uint8(255.0 * background[c])
                continue
            depth[v, u] = t * scale
            p = pose[i]
            dx = p[0, 0] * d[0] + p[1, 0] * d[1] + p[2, 0] * d[2]
            dy = p[0, 1] * d[0] + p[1, 1] * d[1] + p[2, 1] * d[2]
            dz = p[0, 2] * d[0] + p[1, 2] * d[1] + p[2, 2] * d[2]
            lx, ly, lz = start[i, 0] + t * dx, start[i, 1] + t * dy, start[i, 2] + t * dz
            if kind[i] == MESH:
                n = _face_normal(triangle[face], dx, dy, dz)
            else:
                n = _normal(kind[i], size[i], lx, ly, lz)
            nx = p[0, 0] * n[0] + p[0, 1] * n[1] + p[0, 2] * n[2]
            ny = p[1, 0] * n[0] + p[1, 1] * n[1] + p[1, 2] * n[2]
            nz = p[2, 0] * n[0] + p[2, 1] * n[1] + p[2, 2] * n[2]
            facing = HEADLIGHT * max(0.0, -(nx * d[0] + ny * d[1] + nz * d[2]))
            red, green, blue = ambient[0] + facing, ambient[1] + facing, ambient[2] + facing
            for k in range(lights.shape[0]):
                lamp = lights[k]
                strength = 1.0
                if lamp[0] > 0.5:
                    wx = lamp[1] - o[0] - t * d[0]
                    wy = lamp[2] - o[1] - t * d[1]
                    wz = lamp[3] - o[2] - t * d[2]
                    away = math.sqrt(wx * wx + wy * wy + wz * wz) + 1e-9
                    if away > lamp[10]:
                        continue
                    strength = 1.0 / (away * (lamp[7] + away * (lamp[8] + away * lamp[9])))
                else:
                    wx, wy, wz = -lamp[1], -lamp[2], -lamp[3]
                strength *= nx * wx + ny * wy + nz * wz
                if strength > 0.0:
                    red += strength * lamp[4]
                    green += strength * lamp[5]
                    blue += strength * lamp[6]
            color[v, u, 0] = np.uint8(255.0 * min(1.0, colour[i, 0] * red + colour[i, 3]))
            color[v, u, 1] = np.uint8(255.0 * min(1.0, colour[i, 1] * green + colour[i, 4]))
            color[v, u, 2] = np.uint8(255.0 * min(1.0, colour[i, 2] * blue + colour[i, 5]))
