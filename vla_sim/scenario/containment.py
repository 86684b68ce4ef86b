"""Whether a thing is inside another one, from the shapes and the true poses of both."""

from collections.abc import Iterator

import numpy as np
from scipy.spatial import ConvexHull

from vla_sim.common.errors import InputError
from vla_sim.common.geometry import Array, inverse, moved, transform
from vla_sim.contract.records import Pose7
from vla_sim.world import world_file
from vla_sim.world.sdf import elements
from vla_sim.world.semantic_map import World
from vla_sim.world.solids import Solid, half_extent, solids_of

AROUND = 24
"""Directions in which a wall must be met."""
ROUND = 32
"""Sides of the prism that stands for a cylinder."""


def is_inside(world: World, thing: str, pose: Pose7, container: str, there: Pose7) -> bool:
    """Whether the middle of a model lies within the walls of another one, below its rim and above its floor:
    from there a wall is met in every level direction, and the floor straight below.

    pose, there: of both in the world. Raises `InputError` if the world has no such models.
    """
    middle = moved(_middle(_model(world, thing))[None], transform(pose[:3], pose[3:]))
    walls = list(_convex_parts(_model(world, container)))
    into = inverse(transform(there[:3], there[3:]))
    origin = moved(middle, into)[0]
    angles = 2.0 * np.pi * np.arange(AROUND) / AROUND
    level = np.stack([np.cos(angles), np.sin(angles), np.zeros(AROUND)], axis=1)
    rays = np.vstack([level, (0.0, 0.0, -1.0)]) @ into[:3, :3].T
    return all(any(_is_met(planes, origin, ray) for planes in walls) for ray in rays)


def _model(world: World, name: str) -> elements.Model:
    found = next((m for m in world_file.load(world.path).models if m.name == name), None)
    if found is None:
        raise InputError(f"the world {world.name} has no model {name}")
    return found


def _middle(model: elements.Model) -> Array:
    """(3,) of the box around a model, in its own frame."""
    into = inverse(model.pose)
    low, high = [], []
    for solid in solids_of(model):
        pose = into @ solid.pose
        half = half_extent(solid.shape, solid.size, pose[:3, :3])
        low.append(pose[:3, 3] - half)
        high.append(pose[:3, 3] + half)
    return np.asarray((np.min(low, axis=0) + np.max(high, axis=0)) / 2)


def _convex_parts(model: elements.Model) -> Iterator[Array]:
    """(n, 4) planes a, b, c, d of each collision in the model's frame; within it ax + by + cz + d <= 0."""
    into = inverse(model.pose)
    for solid in solids_of(model):
        corners = moved(_corners(solid), into @ solid.pose)
        yield np.asarray(ConvexHull(corners).equations)


def _corners(solid: Solid) -> Array:
    """(n, 3) in the solid's frame; a sphere's box stands for it."""
    if solid.corners is not None:
        return solid.corners
    if solid.shape == "cylinder":
        radius, length, _ = solid.size
        angle = 2.0 * np.pi * np.arange(ROUND) / ROUND
        ring = np.stack([radius * np.cos(angle), radius * np.sin(angle), np.full(ROUND, length / 2)], axis=1)
        return np.vstack([ring, ring * (1.0, 1.0, -1.0)])
    half = np.full(3, solid.size[0]) if solid.shape == "sphere" else np.array(solid.size) / 2
    signs = np.stack(np.meshgrid(*[(-1.0, 1.0)] * 3), axis=-1).reshape(-1, 3)
    return np.asarray(signs * half)


def _is_met(planes: Array, origin: Array, ray: Array) -> bool:
    """Whether a ray enters a convex part, in which it does not begin."""
    ahead, off = planes[:, :3] @ ray, planes[:, :3] @ origin + planes[:, 3]
    parallel = np.abs(ahead) < 1e-12
    if bool((off[parallel] > 0.0).any()):
        return False
    at = -off[~parallel] / ahead[~parallel]
    entering = ahead[~parallel] < 0.0
    first, last = at[entering].max(initial=-np.inf), at[~entering].min(initial=np.inf)
    return bool(0.0 < first < last)
