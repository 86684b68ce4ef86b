"""The velocity gate: no walking speed reaches the robot that would lead it into something.

The commanded velocity is rolled out as a constant twist with the footprint of the walking body, hands and
sway included, against the points that lidar and depth camera see. The speed is scaled so that the body
could still stop before the first predicted contact; a rotation that would sweep the body into something is
stopped likewise.
"""

import math

import numpy as np

from vla_sim.common.geometry import Array
from vla_sim.common.numba_cache import kernel
from vla_sim.robot.body_size import BACK, FRONT, LEGS_SWATH, LOW_FRONT, SWATH

HORIZON = 1.2  # [s] of prediction
STEP = 0.1  # [s]
STOP_TIME = 0.5  # [s] a contact predicted nearer than this stops the robot: one gait phase to halt
NOTHING = np.zeros((0, 2))


@kernel
def time_to_contact(
    points: Array, vx: float, vy: float, wz: float,
    front: float, back: float, half_width: float, horizon: float, step: float,
) -> float:  # fmt: skip
    """Seconds until the footprint, moving with the constant twist, holds one of the points that it
    does not hold now; `inf` if none within the horizon.

    points: (n, 2) in base_link [m]. Points inside the footprint now are sensor noise or something that
    is already touched: they do not forbid to move away, but a motion that takes them deeper, or nearer to
    the body's centre, counts.
    """
    n = points.shape[0]
    for k in range(1, round(horizon / step) + 1):
        t = k * step
        angle = wz * t
        # pose of the base after t (exact arc)
        if abs(wz) > 1e-6:
            s, c = math.sin(angle), math.cos(angle)
            x = (vx * s - vy * (1.0 - c)) / wz
            y = (vx * (1.0 - c) + vy * s) / wz
        else:
            s, c = 0.0, 1.0
            x, y = vx * t, vy * t
        for i in range(n):
            px, py = points[i, 0], points[i, 1]
            dx, dy = px - x, py - y
            bx, by = c * dx + s * dy, -s * dx + c * dy
            if -back < bx < front and -half_width < by < half_width:
                inside_now = -back < px < front and -half_width < py < half_width
                if inside_now:
                    before = min(front - px, px + back, half_width - abs(py))
                    depth = min(front - bx, bx + back, half_width - abs(by))
                    if depth <= before + 1e-4 and bx * bx + by * by >= px * px + py * py - 1e-4:
                        continue
                return t
    return math.inf


def gate(
    points: Array, vx: float, vy: float, wz: float, low: Array = NOTHING, at_arms: Array = NOTHING,
    beyond: tuple[float, float] = (0.0, 0.0),
) -> tuple[float, str]:  # fmt: skip
    """Factor in 0..1 for the commanded velocity, and the reason when it is below 1.

    points: (n, 2) float64 what the lidar sees [m], from the gait's mean pose. low, at_arms: likewise what the
    depth camera sees, all of it and what stands at the height of the arms. beyond: see `ArmGate.beyond`.
    """
    if not math.isfinite(vx + vy + wz):
        return 0.0, "the velocity is not finite"
    if vx == 0.0 and vy == 0.0 and wz == 0.0:
        return 1.0, ""
    ahead, aside = beyond
    t = min(
        time_to_contact(seen, vx, vy, wz, front, BACK, width, HORIZON, STEP)
        for seen, front, width in (
            (points, FRONT + ahead, SWATH + aside), (low, LOW_FRONT, LEGS_SWATH),
            (at_arms, LOW_FRONT + ahead, SWATH + aside),
        )
    )  # fmt: skip
    if t >= HORIZON:
        return 1.0, ""
    if t <= STOP_TIME:
        return 0.0, f"contact predicted in {t:.1f} s"
    return (t - STOP_TIME) / (HORIZON - STOP_TIME), f"slowed: contact predicted in {t:.1f} s"


def warm() -> None:
    """Compile (or load) the kernel before the first command."""
    gate(np.array([[1.0, 0.0]]), 0.3, 0.0, 0.1)
