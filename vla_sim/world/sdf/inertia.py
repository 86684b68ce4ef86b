"""Mass and inertia of a link from the density and the shape of its collisions, as SDF's `<inertial auto>`.

Moments of the solids: https://en.wikipedia.org/wiki/List_of_moments_of_inertia
"""

from collections.abc import Iterable

import numpy as np

from vla_sim.common.geometry import Array
from vla_sim.world.sdf.elements import Geometry

DENSITY = 1000.0
"""[kg/m^3] where none is given (SDF's default)."""


def of_solid(geometry: Geometry) -> tuple[float, Array]:
    """Volume [m^3] and inertia (3, 3) about its middle of density 1 kg/m^3. A plane has none; a hull has that
    of the box around it, scaled to its volume."""
    size = geometry.size
    if geometry.shape in ("box", "hull"):
        x, y, z = size
        volume = x * y * z
        if geometry.corners is not None:
            from scipy.spatial import ConvexHull

            volume = float(ConvexHull(geometry.corners).volume)
        return volume, volume / 12.0 * np.diag([y * y + z * z, x * x + z * z, x * x + y * y])
    if geometry.shape in ("sphere", "ellipsoid"):
        a, b, c = size * 3 if geometry.shape == "sphere" else size
        volume = 4.0 / 3.0 * np.pi * a * b * c
        return volume, volume / 5.0 * np.diag([b * b + c * c, a * a + c * c, a * a + b * b])
    if geometry.shape in ("cylinder", "capsule"):
        r, length = size
        volume = np.pi * r * r * length
        across = volume * (3 * r * r + length * length) / 12.0
        along = volume * r * r / 2.0
        if geometry.shape == "capsule":
            ball = 4.0 / 3.0 * np.pi * r**3
            across += ball * (0.4 * r * r + 0.25 * length * length + 0.375 * length * r)
            along += ball * 0.4 * r * r
            volume += ball
        return volume, np.diag([across, across, along])
    return 0.0, np.zeros((3, 3))


def combined(solids: Iterable[tuple[Geometry, Array, float]]) -> tuple[float, Array, Array]:
    """Mass [kg], centre of mass (3,) and inertia (3, 3) about it, in the axes of the link.

    solids: geometry, (4, 4) pose in the link, density [kg/m^3]. No solid gives a mass of 0.
    """
    parts = []
    for geometry, pose, density in solids:
        volume, inertia = of_solid(geometry)
        rotation = pose[:3, :3]
        parts.append((density * volume, pose[:3, 3], density * rotation @ inertia @ rotation.T))
    mass = float(sum(m for m, _, _ in parts))
    if mass <= 0.0:
        return 0.0, np.zeros(3), np.zeros((3, 3))
    centre = np.sum([m * at for m, at, _ in parts], axis=0) / mass
    total = np.zeros((3, 3))
    for m, at, inertia in parts:
        d = at - centre
        total += inertia + m * (d @ d * np.eye(3) - np.outer(d, d))
    return mass, centre, total
