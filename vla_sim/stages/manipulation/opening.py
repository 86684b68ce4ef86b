"""The opening of a container, found in what is measured of its surface: a rim around something that lies
lower.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import ConvexHull, QhullError, cKDTree

from vla_sim.common.geometry import Array

RIM = 0.015
"""[m] below the highest points within which a point belongs to the rim."""
HOLLOW, WITHIN = 0.025, 0.005
"""[m] below the rim, and within the outline of it, from which on a point is inside."""
LEAST_RADIUS = 0.03
"""[m] of an opening that anything is put into."""
LEAST_POINTS = 6
"""Of the inside, seen through the opening: of its far wall at least, since a thin floor is seen as the
table."""
STEP = 0.005
"""[m] between the places that are tried for the middle."""


@dataclass(frozen=True)
class Opening:
    """The widest upright cylinder that passes the rim. centre (x, y) and height of the rim in the frame of
    the points, radius, and how far below the rim the lowest of the inside is seen [m]."""

    centre: tuple[float, float]
    rim: float
    radius: float
    depth: float


def find_opening(points: Array) -> Opening | None:
    """points (n, 3) [m], z up. None where there is no rim, or nothing lower is seen within it: a solid, a
    plate, a bag whose mouth is closed."""
    if len(points) < 3 + LEAST_POINTS:
        return None
    top = float(np.quantile(points[:, 2], 0.98))
    rim = points[points[:, 2] > top - RIM][:, :2]
    low = points[points[:, 2] < top - HOLLOW]
    try:
        sides = ConvexHull(rim).equations
    except (QhullError, ValueError):  # too few, or all in a line
        return None
    # A part of the rim may be hidden: there the hull's side stands for it.
    x, y = (np.arange(*axis, STEP) for axis in zip(rim.min(axis=0), rim.max(axis=0), strict=True))
    tried = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    to_rim, _ = cKDTree(rim).query(tried)
    room = np.minimum(_to_side(tried, sides), to_rim)
    best = int(np.argmax(room))
    centre, radius = tried[best], float(room[best])
    inside = low[_to_side(low[:, :2], sides) > WITHIN]
    if radius < LEAST_RADIUS or len(inside) < LEAST_POINTS:
        return None
    depth = top - float(np.quantile(inside[:, 2], 0.05))
    return Opening((float(centre[0]), float(centre[1])), top, radius, depth)


def _to_side(points: Array, sides: Array) -> Array:
    """(n,) [m] from points (n, 2) within a convex outline to the nearest of its sides (m, 3)."""
    return np.asarray(-(points @ sides[:, :2].T + sides[:, 2]).max(axis=1))
