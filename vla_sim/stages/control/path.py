"""A joint path in time: checked, interpolated with little overshoot, stretched to what the joints may do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from vla_sim.common.errors import InputError
from vla_sim.common.geometry import Array
from vla_sim.contract.limits import LONGEST_TRAJECTORY, MOST_POINTS, SHORTEST_STEP

FASTEST = 50.0
"""[rad/s] of a waypoint; no joint turns nearly so fast."""
ROUNDING = 1e-3
"""Radians that a waypoint may lie past a joint limit; it is put on the limit."""
BRAKING = 4.0
"""[rad/s^2] on average with which a moving joint comes to rest before it has time; half of what it may."""
_SHARES = np.linspace(0.0, 1.0, 17)


@dataclass(frozen=True)
class JointPath:
    """times (n,) [s] from the start, rising; positions, velocities and accelerations (n, joints)."""

    times: Array
    positions: Array
    velocities: Array
    accelerations: Array

    @property
    def duration(self) -> float:
        return float(self.times[-1])

    def sample(self, time: float) -> tuple[Array, Array, Array]:
        """Position, velocity and acceleration at `time`, at rest before the start and after the end.

        Quintic Hermite interpolation.
        """
        if time >= self.duration or len(self.times) == 1:
            zero = np.zeros(self.positions.shape[1])
            return self.positions[-1], zero, zero
        i = max(0, int(np.searchsorted(self.times, time, side="right")) - 1)
        h = self.times[i + 1] - self.times[i]
        share = min(1.0, max(0.0, (time - self.times[i]) / h))
        return self._segments(slice(i, i + 1), slice(i + 1, i + 2), float(share))

    def after(self, position: Array, velocity: Array, lead: float) -> JointPath:
        """The same path begun at `position` with `velocity`, `lead` seconds before its first point. Where
        that is long the joints come to rest first: one curve for all of it would swing far out."""
        t = np.concatenate([[0.0], self.times - self.times[0] + lead])
        q = np.vstack([position, self.positions])
        v = np.vstack([velocity, self.velocities])
        braking = float(np.abs(velocity).max()) / BRAKING
        if SHORTEST_STEP < braking < 0.5 * lead:
            t = np.insert(t, 1, braking)
            q = np.insert(q, 1, position + 0.5 * braking * velocity, axis=0)
            v = np.insert(v, 1, 0.0, axis=0)
        return JointPath(t, q, v, _curvatures(t, q, v))

    def stretched(self, velocity: Array, acceleration: Array | float) -> JointPath:
        """The same path, slowed down as a whole until no joint passes these limits (joints,)."""
        if len(self.times) == 1:
            return self
        factor = 1.0
        for share in _SHARES:
            _, v, a = self._segments(slice(None, -1), slice(1, None), share)
            fastest, hardest = np.abs(v / velocity).max(), np.abs(a / acceleration).max()
            factor = max(factor, float(fastest), float(hardest) ** 0.5)
        if factor == 1.0:
            return self
        return JointPath(
            self.times * factor, self.positions, self.velocities / factor, self.accelerations / factor**2
        )

    def _segments(self, begin: slice, end: slice, s: float) -> tuple[Array, Array, Array]:
        """Position, velocity, acceleration at the share `s` of segments, (joints,) of a single one."""
        h = (self.times[end] - self.times[begin])[:, None]
        q0, d = self.positions[begin], self.positions[end] - self.positions[begin]
        v0, v1 = h * self.velocities[begin], h * self.velocities[end]
        a0, a1 = h * h * self.accelerations[begin], h * h * self.accelerations[end]
        c2 = 0.5 * a0
        c3 = 10.0 * d - 6.0 * v0 - 4.0 * v1 - 1.5 * a0 + 0.5 * a1
        c4 = -15.0 * d + 8.0 * v0 + 7.0 * v1 + 1.5 * a0 - a1
        c5 = 6.0 * d - 3.0 * (v0 + v1) - 0.5 * (a0 - a1)
        out = (
            q0 + s * (v0 + s * (c2 + s * (c3 + s * (c4 + s * c5)))),
            (v0 + s * (2.0 * c2 + s * (3.0 * c3 + s * (4.0 * c4 + s * 5.0 * c5)))) / h,
            (2.0 * c2 + s * (6.0 * c3 + s * (12.0 * c4 + s * 20.0 * c5))) / (h * h),
        )
        return tuple(x[0] for x in out) if len(h) == 1 else out  # type: ignore[return-value]


def joint_path(
    times: ArrayLike, positions: ArrayLike, low: Array, high: Array, velocities: ArrayLike | None = None
) -> JointPath:
    """A checked path. times (n,) [s]; positions, velocities (n, joints) [rad], [rad/s]; low, high (joints,).

    Without velocities they are chosen so that the path hardly overshoots a waypoint, and is at rest at
    both ends (Fritsch and Butland 1984). Raises `InputError` for anything but finite numbers of the right
    shape, rising times and positions within the limits.
    """
    t = np.asarray(times, dtype=float).reshape(-1)
    q = np.asarray(positions, dtype=float)
    if not 1 <= len(t) <= MOST_POINTS:
        raise InputError(f"the trajectory has {len(t)} points; it must have from 1 to {MOST_POINTS}")
    if q.shape != (len(t), len(low)):
        raise InputError(f"positions have shape {q.shape}; they must be {(len(t), len(low))}")
    if not (np.isfinite(t).all() and np.isfinite(q).all()):
        raise InputError("the trajectory has a time or position that is not a finite number")
    # The way to a first point that is not at once is a step too.
    steps = np.diff(t, prepend=0.0) if t[0] != 0.0 else np.diff(t)
    if t[-1] > LONGEST_TRAJECTORY or (steps < SHORTEST_STEP).any():
        raise InputError(
            f"times {t[0]:.4g} .. {t[-1]:.4g} s must rise by at least {SHORTEST_STEP} from 0 up to "
            f"{LONGEST_TRAJECTORY:.0f}"
        )
    wrong = np.argwhere((q < low - ROUNDING) | (q > high + ROUNDING))
    if len(wrong):
        row, joint = wrong[0]
        raise InputError(
            f"point {row}, joint {joint}: {q[row, joint]:.3f} is outside "
            f"{low[joint]:.3f} .. {high[joint]:.3f} rad"
        )
    if velocities is None:
        v = _slopes(t, q)
    else:
        v = np.asarray(velocities, dtype=float)
        if v.shape != q.shape or not (np.abs(v) <= FASTEST).all():
            raise InputError(
                f"velocities must be of shape {q.shape} and at most {FASTEST:g} rad/s; got shape {v.shape}, "
                f"at most {np.abs(v).max(initial=0.0):.3g}"
            )
    q = np.clip(q, low, high)
    return JointPath(t, q, v, _curvatures(t, q, v))


def _slopes(t: Array, q: Array) -> Array:
    v = np.zeros_like(q)
    if len(t) > 2:
        h = np.diff(t)[:, None]
        d = np.diff(q, axis=0) / h
        a, b = d[:-1], d[1:]
        alpha = (1.0 + h[1:] / (h[:-1] + h[1:])) / 3.0
        same = a * b > 0.0
        mean = alpha * b + (1.0 - alpha) * a
        v[1:-1] = np.where(same, a * b / np.where(same, mean, 1.0), 0.0)
    return v


def _curvatures(t: Array, q: Array, v: Array) -> Array:
    """Accelerations at the points: zero at both ends; between, the smaller of what the cubics on either
    side have there, zero if they disagree in sign."""
    a = np.zeros_like(q)
    if len(t) > 2:
        h = np.diff(t)[:, None]
        d = np.diff(q, axis=0) / h
        left = (-6.0 * d + 2.0 * v[:-1] + 4.0 * v[1:]) / h
        right = (6.0 * d - 4.0 * v[:-1] - 2.0 * v[1:]) / h
        left, right = left[:-1], right[1:]
        smaller = np.where(np.abs(left) < np.abs(right), left, right)
        a[1:-1] = np.where(left * right > 0.0, smaller, 0.0)
    return a
