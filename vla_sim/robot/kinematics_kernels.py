"""Compiled kinematics of a serial chain and of a tree of links.

A chain of n revolute joints is three arrays: `origin` (n, 4, 4), the frame of joint i at zero in the
frame of joint i-1 (of the base for i = 0); `axis` (n, 3), unit, in the joint's own frame; `tool`
(4, 4) in the last joint's frame. Pose errors and Jacobians are linear over angular, in base axes.
All arrays are C-contiguous float64, so that every kernel compiles once.
"""

import math

import numpy as np

from vla_sim.common.numba_cache import kernel

ANGULAR_WEIGHT = 0.2
"""Metres that one radian of orientation error counts for in the inverse kinematics."""

PULLED = 14
"""Iterations in which the redundancy is pulled towards the wanted posture."""


@kernel
def compose(a, b, out):  # type: ignore[no-untyped-def]
    """out = a @ b for rigid (4, 4) transforms; `out` may be neither of them."""
    for i in range(3):
        for j in range(4):
            out[i, j] = a[i, 0] * b[0, j] + a[i, 1] * b[1, j] + a[i, 2] * b[2, j]
        out[i, 3] += a[i, 3]
    out[3, 0] = out[3, 1] = out[3, 2] = 0.0
    out[3, 3] = 1.0


@kernel
def turn(t, axis, angle):  # type: ignore[no-untyped-def]
    """t @ R(axis, angle) in place (Rodrigues' formula)."""
    c, s = math.cos(angle), math.sin(angle)
    x, y, z = axis[0], axis[1], axis[2]
    k = 1.0 - c
    r00, r01, r02 = c + x * x * k, x * y * k - z * s, x * z * k + y * s
    r10, r11, r12 = y * x * k + z * s, c + y * y * k, y * z * k - x * s
    r20, r21, r22 = z * x * k - y * s, z * y * k + x * s, c + z * z * k
    for i in range(3):
        a, b, d = t[i, 0], t[i, 1], t[i, 2]
        t[i, 0] = a * r00 + b * r10 + d * r20
        t[i, 1] = a * r01 + b * r11 + d * r21
        t[i, 2] = a * r02 + b * r12 + d * r22


@kernel
def tree_frames(parent, origin, axis, sliding, position):  # type: ignore[no-untyped-def]
    """(n, 4, 4) joint frames of a tree in its root's frame.

    parent (n,) int64: index of the joint before, -1 for the root; earlier than the joint itself.
    sliding (n,) bool: prismatic. position (n,): radians or metres.
    """
    n = parent.shape[0]
    frames = np.empty((n, 4, 4))
    for i in range(n):
        if parent[i] < 0:
            frames[i] = origin[i]
        else:
            compose(frames[parent[i]], origin[i], frames[i])
        if sliding[i]:
            for r in range(3):
                for k in range(3):
                    frames[i, r, 3] += frames[i, r, k] * axis[i, k] * position[i]
        else:
            turn(frames[i], axis[i], position[i])
    return frames


@kernel
def chain_frames(origin, axis, tool, q):  # type: ignore[no-untyped-def]
    """(n + 1, 4, 4): every joint's frame after its own rotation, then the tool's; in the base frame."""
    n = origin.shape[0]
    frames = np.empty((n + 1, 4, 4))
    for i in range(n):
        if i == 0:
            frames[0] = origin[0]
        else:
            compose(frames[i - 1], origin[i], frames[i])
        turn(frames[i], axis[i], q[i])
    compose(frames[n - 1], tool, frames[n])
    return frames


@kernel
def chain_jacobian(frames, axis, first):  # type: ignore[no-untyped-def]
    """(6, n - first) geometric Jacobian of the tool for joints `first` to n - 1."""
    n = axis.shape[0]
    out = np.empty((6, n - first))
    for i in range(first, n):
        ax = frames[i, 0, 0] * axis[i, 0] + frames[i, 0, 1] * axis[i, 1] + frames[i, 0, 2] * axis[i, 2]
        ay = frames[i, 1, 0] * axis[i, 0] + frames[i, 1, 1] * axis[i, 1] + frames[i, 1, 2] * axis[i, 2]
        az = frames[i, 2, 0] * axis[i, 0] + frames[i, 2, 1] * axis[i, 1] + frames[i, 2, 2] * axis[i, 2]
        px = frames[n, 0, 3] - frames[i, 0, 3]
        py = frames[n, 1, 3] - frames[i, 1, 3]
        pz = frames[n, 2, 3] - frames[i, 2, 3]
        j = i - first
        out[0, j] = ay * pz - az * py
        out[1, j] = az * px - ax * pz
        out[2, j] = ax * py - ay * px
        out[3, j] = ax
        out[4, j] = ay
        out[5, j] = az
    return out


@kernel
def chain_gravity(frames, axis, mass, centre, gravity, payload, first):  # type: ignore[no-untyped-def]
    """(n - first,) joint torques [Nm] that hold the chain's links against gravity.

    mass (n,) [kg] and centre (n, 3) [m] of what moves with joint i, in its frame; gravity (3,)
    [m/s^2] in base axes; payload [kg] sits at the tool.
    """
    n = axis.shape[0]
    out = np.zeros(n - first)
    points = np.empty((n + 1, 3))
    for b in range(n):
        for r in range(3):
            points[b, r] = frames[b, r, 3]
            for k in range(3):
                points[b, r] += frames[b, r, k] * centre[b, k]
    points[n] = frames[n, :3, 3]
    a = np.empty(3)
    for i in range(first, n):
        for r in range(3):
            a[r] = 0.0
            for k in range(3):
                a[r] += frames[i, r, k] * axis[i, k]
        for b in range(i, n + 1):
            m = payload if b == n else mass[b]
            dx = points[b, 0] - frames[i, 0, 3]
            dy = points[b, 1] - frames[i, 1, 3]
            dz = points[b, 2] - frames[i, 2, 3]
            mx = dy * gravity[2] - dz * gravity[1]
            my = dz * gravity[0] - dx * gravity[2]
            mz = dx * gravity[1] - dy * gravity[0]
            out[i - first] -= m * (a[0] * mx + a[1] * my + a[2] * mz)
    return out


@kernel
def pose_error(target, pose):  # type: ignore[no-untyped-def]
    """(6,): translation and rotation vector that take `pose` to `target`, in base axes."""
    out = np.empty(6)
    for i in range(3):
        out[i] = target[i, 3] - pose[i, 3]
    r = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            r[i, j] = target[i, 0] * pose[j, 0] + target[i, 1] * pose[j, 1] + target[i, 2] * pose[j, 2]
    x, y, z = r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]
    sine = 0.5 * math.sqrt(x * x + y * y + z * z)
    cosine = 0.5 * (r[0, 0] + r[1, 1] + r[2, 2] - 1.0)
    angle = math.atan2(sine, cosine)
    if sine > 1e-9:
        k = 0.5 * angle / sine
        out[3], out[4], out[5] = k * x, k * y, k * z
    elif cosine > 0.0:
        out[3], out[4], out[5] = 0.5 * x, 0.5 * y, 0.5 * z
    else:  # half a turn: the axis is the column of (R + I) / 2 with the largest diagonal
        i = 0
        if r[1, 1] > r[i, i]:
            i = 1
        if r[2, 2] > r[i, i]:
            i = 2
        norm = 0.0
        for k in range(3):
            out[3 + k] = r[k, i] + (1.0 if k == i else 0.0)
            norm += out[3 + k] * out[3 + k]
        for k in range(3):
            out[3 + k] *= math.pi / math.sqrt(norm)
    return out


@kernel
def cholesky_solve(a, b):  # type: ignore[no-untyped-def]
    """x of a x = b for a symmetric positive definite `a`; overwrites both, returns b."""
    n = b.shape[0]
    for j in range(n):
        for k in range(j):
            a[j, j] -= a[j, k] * a[j, k]
        a[j, j] = math.sqrt(max(a[j, j], 1e-18))
        for i in range(j + 1, n):
            for k in range(j):
                a[i, j] -= a[i, k] * a[j, k]
            a[i, j] /= a[j, j]
    for i in range(n):
        for k in range(i):
            b[i] -= a[i, k] * b[k]
        b[i] /= a[i, i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            b[i] -= a[k, i] * b[k]
        b[i] /= a[i, i]
    return b


@kernel
def limited_step(jacobian, error, wish, q, low, high, damping, largest):  # type: ignore[no-untyped-def]
    """(m,) joint step by damped least squares that respects the joint limits.

    jacobian (6, m), error (6,) already weighted; wish (m,) is a step of lower priority, projected
    into the null space. A joint that would leave its limits is frozen at the limit and the others
    solve again. No joint moves by more than `largest` [rad]; the direction is kept.
    """
    m = q.shape[0]
    free = np.ones(m)
    step = np.zeros(m)
    fixed = np.zeros(m)
    for _ in range(m):
        a = np.zeros((6, 6))
        b = error.copy()
        for r in range(6):
            for k in range(m):
                b[r] -= jacobian[r, k] * (fixed[k] + free[k] * wish[k])
            for s in range(6):
                for k in range(m):
                    a[r, s] += free[k] * jacobian[r, k] * jacobian[s, k]
            a[r, r] += damping
        b = cholesky_solve(a, b)
        clean = True
        for k in range(m):
            if free[k] == 0.0:
                step[k] = fixed[k]
                continue
            step[k] = wish[k]
            for r in range(6):
                step[k] += jacobian[r, k] * b[r]
            if q[k] + step[k] > high[k] + 1e-9 or q[k] + step[k] < low[k] - 1e-9:
                clean = False
        if clean:
            break
        worst, k_worst = 0.0, -1
        for k in range(m):
            if free[k] == 0.0:
                continue
            over = max(q[k] + step[k] - high[k], low[k] - q[k] - step[k])
            if over > worst:
                worst, k_worst = over, k
        free[k_worst] = 0.0
        fixed[k_worst] = min(max(q[k_worst] + step[k_worst], low[k_worst]), high[k_worst]) - q[k_worst]
    size = 0.0
    for k in range(m):
        size = max(size, abs(step[k]))
    if size > largest:
        for k in range(m):
            step[k] *= largest / size
    for k in range(m):
        step[k] = min(max(q[k] + step[k], low[k]), high[k]) - q[k]
    return step


@kernel
def differential_step(  # type: ignore[no-untyped-def]
    origin, axis, tool, first, q, target, posture, gain, posture_gain, low, high, largest
):
    """(m,) the moving joints after one step towards the tool pose `target`; see `limited_step`. A target that
    is not finite moves nothing."""
    frames = chain_frames(origin, axis, tool, q)
    error = pose_error(target, frames[-1])
    if not np.isfinite(error).all():
        return np.minimum(np.maximum(q[first:], low), high)
    jacobian = chain_jacobian(frames, axis, first)
    for r in range(6):
        weight = 1.0 if r < 3 else ANGULAR_WEIGHT
        error[r] *= gain * weight
        for k in range(jacobian.shape[1]):
            jacobian[r, k] *= weight
    moving = q[first:].copy()
    wish = posture_gain * (posture - moving)
    return moving + limited_step(jacobian, error, wish, moving, low, high, 1e-5, largest)


@kernel
def solve(origin, axis, tool, first, waist, target, seeds, posture, weight, low, high):  # type: ignore[no-untyped-def]
    """Inverse kinematics from several seeds by damped least squares.

    seeds (s, m). Returns solutions (s, m), cost (s,): the weighted squared distance to `posture`
    with a barrier at the joint limits, inf where a seed did not reach 0.2 mm and 1 mrad.
    """
    count, m = seeds.shape
    solutions = seeds.copy()
    cost = np.full(count, np.inf)
    q = np.empty(first + m)
    q[:first] = waist
    for s in range(count):
        moving = np.minimum(np.maximum(seeds[s], low), high)
        reached = False
        before = np.inf
        for iteration in range(80):
            q[first:] = moving
            frames = chain_frames(origin, axis, tool, q)
            error = pose_error(target, frames[-1])
            linear = math.sqrt(error[0] ** 2 + error[1] ** 2 + error[2] ** 2)
            angular = math.sqrt(error[3] ** 2 + error[4] ** 2 + error[5] ** 2)
            reached = linear < 2e-4 and angular < 1e-3
            if reached and iteration >= PULLED:
                break
            if iteration % 8 == 0 and iteration > PULLED:  # a seed that makes no headway is given up
                size = linear + ANGULAR_WEIGHT * angular
                if size > 0.6 * before:
                    break
                before = size
            jacobian = chain_jacobian(frames, axis, first)
            square = 0.0
            for r in range(6):
                w = 1.0 if r < 3 else ANGULAR_WEIGHT
                error[r] *= w
                square += error[r] * error[r]
                for k in range(m):
                    jacobian[r, k] *= w
            pull = 0.2 if iteration < PULLED else 0.0
            wish = pull * weight * (posture - moving)
            moving = moving + limited_step(
                jacobian, error, wish, moving, low, high, 1e-6 + 0.02 * square, 0.4
            )
        solutions[s] = moving
        if reached:
            total = 0.0
            for k in range(m):
                total += weight[k] * (moving[k] - posture[k]) ** 2
                margin = min(moving[k] - low[k], high[k] - moving[k])
                if margin < 0.15:
                    total += 20.0 * (0.15 - margin) ** 2
            cost[s] = total
    return solutions, cost
