"""A joint path in time: checked, interpolated without overshoot, stretched to what the joints may do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vla_sim.errors import InputError

Array = NDArray[np.float64]

LONGEST = 120.0
"""Seconds; a longer path is a mistake."""
MOST_POINTS = 10_000
ROUNDING = 1e-3
"""Radians that a waypoint may lie past a joint limit; it is put on the limit."""
_SLOPE_SAMPLES = np.linspace(0.0, 1.0, 5)


@dataclass(frozen=True)
class JointPath:
    """times (n,) [s] from the start, rising; positions and velocities (n, joints)."""

    times: Array
    positions: Array
    velocities: Array

    @property
    def duration(self) -> float:
        return float(self.times[-1])

    def sample(self, time: float) -> tuple[Array, Array, Array]:
        """Position, velocity and acceleration at `time`, at rest before the start and after the end.

        Cubic Hermite interpolation.
        """
        if time >= self.duration or len(self.times) == 1:
            zero = np.zeros(self.positions.shape[1])
            return self.positions[-1], zero, zero
        i = max(0, int(np.searchsorted(self.times, time, side="right")) - 1)
        h = self.times[i + 1] - self.times[i]
        return _hermite(
            np.clip((time - self.times[i]) / h, 0.0, 1.0), h, self.positions[i], self.positions[i + 1],
            self.velocities[i], self.velocities[i + 1],
        )  # fmt: skip

    def after(self, position: Array, velocity: Array, lead: float) -> JointPath:
        """The same path begun at `position` with `velocity`, `lead` seconds before its first point."""
        first = self.times - self.times[0] + lead
        return JointPath(
            np.concatenate([[0.0], first]),
            np.vstack([position, self.positions]),
            np.vstack([velocity, self.velocities]),
        )

    def stretched(self, velocity: Array, acceleration: Array) -> JointPath:
        """The same path, slowed down as a whole until no joint passes these limits (joints,)."""
        fastest, hardest = 0.0, 0.0
        for i in range(len(self.times) - 1):
            h = self.times[i + 1] - self.times[i]
            for s in _SLOPE_SAMPLES:
                _, v, a = _hermite(
                    s, h, self.positions[i], self.positions[i + 1], self.velocities[i], self.velocities[i + 1]
                )
                fastest = max(fastest, float((np.abs(v) / velocity).max()))
                hardest = max(hardest, float((np.abs(a) / acceleration).max()))
        factor = max(1.0, fastest, hardest**0.5)
        return self if factor == 1.0 else JointPath(
            self.times * factor, self.positions, self.velocities / factor
        )  # fmt: skip


def joint_path(
    times: ArrayLike, positions: ArrayLike, low: Array, high: Array, velocities: ArrayLike | None = None
) -> JointPath:
    """A checked path. times (n,) [s]; positions, velocities (n, joints) [rad], [rad/s]; low, high (joints,).

    Without velocities they are chosen so that the path never overshoots a waypoint, and is at rest at
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
    if t[0] < 0.0 or t[-1] > LONGEST or (len(t) > 1 and np.diff(t).min() < 1e-4):
        raise InputError(
            f"times {t[0]:.4g} .. {t[-1]:.4g} s must rise by at least 0.0001 from 0 up to {LONGEST:.0f}"
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
        if v.shape != q.shape or not np.isfinite(v).all():
            raise InputError(f"velocities must be finite and of shape {q.shape}; got shape {v.shape}")
    return JointPath(t, np.clip(q, low, high), v)


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


def _hermite(s: float, h: float, q0: Array, q1: Array, v0: Array, v1: Array) -> tuple[Array, Array, Array]:
    """Position, velocity, acceleration at the share `s` of a segment of `h` seconds."""
    d = q1 - q0
    a, b = h * v0, h * v1
    c2, c3 = 3.0 * d - 2.0 * a - b, a + b - 2.0 * d
    return (
        q0 + s * (a + s * (c2 + s * c3)),
        (a + s * (2.0 * c2 + 3.0 * s * c3)) / h,
        (2.0 * c2 + 6.0 * s * c3) / (h * h),
    )
