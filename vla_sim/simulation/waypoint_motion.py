"""Where something is that walks between waypoints at constant speed."""

from __future__ import annotations

import math

from vla_sim.common.arrays import Array


def position_at(
    start: tuple[float, float], waypoints: Array, speed: float, loop: bool, time: float
) -> tuple[float, float, float]:
    """x, y [m] and heading [rad] at `time` [s]: from `start` through waypoints (n, 2), then from the
    last to the first again if `loop`, else it stays. A heading at rest is that of the last leg."""
    x, y = start
    heading = 0.0
    left = speed * time
    points = [(float(p[0]), float(p[1])) for p in waypoints]
    if not points:
        return x, y, heading
    round_trip = sum(math.dist(points[i - 1], points[i]) for i in range(len(points)))
    first = math.dist(start, points[0])
    if loop and round_trip > 1e-6 and left > first:
        left = first + math.fmod(left - first, round_trip)
    for point in [*points, points[0]] if loop else points:
        length = math.dist((x, y), point)
        if length > 1e-9:
            heading = math.atan2(point[1] - y, point[0] - x)
        if left < length:
            share = left / length
            return x + share * (point[0] - x), y + share * (point[1] - y), heading
        left -= length
        x, y = point
    return x, y, heading
