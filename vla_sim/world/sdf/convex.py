"""A mesh as the convex pieces that engines collide with: boxes where it is made of boxes, else hulls.

A connected part that is convex is one piece, exactly. A part of few faces (walls with doors, shelves, open
bins) is a thin slab for each of its flat faces, exactly too. The rest is decomposed by CoACD
(Wei et al., "Approximate convex decomposition for 3D meshes with collision-aware concavity and tree search",
SIGGRAPH 2022), to `TOLERANCE`.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.errors import InputError
from vla_sim.common.geometry import Array, inverse, transform
from vla_sim.world.sdf import decompose, mesh_cache, meshes

TOLERANCE = 0.03
"""[m] by which a piece may be from the mesh."""
THICKNESS = 0.01
"""[m] of a slab that stands for a flat face: from the face inwards."""
FLAT = 1e-4
"""[m] Points that are no farther from a plane are in it."""
FLAT_FACES = 300
"""A part of more faces is decomposed."""
MOST_PIECES = 500
"""Of one file."""
CORNERS = 32
"""Of one piece, at the most."""


@dataclass(frozen=True)
class Piece:
    """pose (4, 4): in the mesh. size: (x, y, z) [m] around it. corners: (n, 3) [m] of a hull about its
    middle; None for a box."""

    pose: Array
    size: tuple[float, float, float]
    corners: Array | None


@lru_cache(maxsize=512)
def pieces(
    path: Path, scale: tuple[float, ...] = (1.0, 1.0, 1.0), submesh: str = ""
) -> tuple[tuple[Piece, ...], str]:
    """The pieces of a mesh file, and what was lost ("" for nothing). Raises `InputError`, `MissingError`."""

    def make(data: bytes) -> dict[str, Any]:
        vertices, faces = meshes.surface(path, data, submesh)
        mirrored = np.prod(scale) < 0.0
        found, note = convex(vertices * np.array(scale), faces[:, ::-1] if mirrored else faces)
        out: dict[str, Any] = {"count": len(found), "note": note}
        for i, one in enumerate(found):
            out[f"{i}pose"], out[f"{i}size"] = one.pose, np.array(one.size)
            if one.corners is not None:
                out[f"{i}corners"] = one.corners
        return out

    depends = f"pieces 3 {scale} {submesh} {TOLERANCE} {THICKNESS} {FLAT_FACES} {MOST_PIECES} {CORNERS}"
    kept = mesh_cache.kept(path, depends, make)
    return tuple(
        Piece(kept[f"{i}pose"], tuple(map(float, kept[f"{i}size"])), kept.get(f"{i}corners"))  # type: ignore[arg-type]
        for i in range(int(kept["count"]))
    ), str(kept["note"])


def convex(vertices: Array, faces: NDArray[np.int64]) -> tuple[list[Piece], str]:
    """As `pieces`, of vertices (n, 3) [m] and faces (m, 3)."""
    trimesh = meshes.trimesh_package()
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    mesh.merge_vertices(merge_tex=True, merge_norm=True, digits_vertex=5)
    mesh.update_faces(mesh.nondegenerate_faces() & mesh.unique_faces())
    if not len(mesh.faces):
        raise InputError("the mesh has no face with an area")
    hulls: list[Array] = []
    note = ""
    for part in _connected(mesh):
        if _convex(part):
            hulls.append(np.asarray(part.vertices))
        elif len(part.faces) <= FLAT_FACES:
            hulls += _slabs(part)
        else:
            try:
                hulls += decompose.decompose(part.vertices, part.faces, TOLERANCE, CORNERS)
            except decompose.TooHardError:
                note = "one convex hull stands for a part that is too intricate to be decomposed"
                hulls.append(np.asarray(part.vertices))
    if len(hulls) > MOST_PIECES:
        note = f"it would take {len(hulls)} convex pieces; one hull stands for each of its connected parts"
        hulls = [np.asarray(part.vertices) for part in _connected(mesh)]
        if len(hulls) > MOST_PIECES:
            note = f"it has {len(hulls)} connected parts; one convex hull stands for all of it"
            hulls = [np.asarray(mesh.vertices)]
    return [_piece(points) for points in hulls], note


def _connected(mesh: Any) -> list[Any]:
    """By shared vertices."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    n = len(mesh.vertices)
    a, b = mesh.faces[:, [0, 1]].T, mesh.faces[:, [1, 2]].T
    rows, columns = np.concatenate([a[0], b[0]]), np.concatenate([a[1], b[1]])
    _, label = connected_components(
        coo_matrix((np.ones(len(rows), np.int8), (rows, columns)), (n, n)), directed=False
    )
    of_face = label[mesh.faces[:, 0]]
    order = np.argsort(of_face, kind="stable")
    cuts = np.flatnonzero(np.diff(of_face[order])) + 1
    return [mesh.submesh([faces], append=True, repair=False) for faces in np.split(order, cuts)]


def _hull(points: Array) -> Any:
    """The convex hull of points as a trimesh, its faces outwards; None for points (nearly) in a plane."""
    from scipy.spatial import ConvexHull, QhullError

    if np.ptp((points - points[0]) @ _axes(points).T, axis=0).min() < FLAT:
        return None
    try:
        hull = ConvexHull(points)
    except (QhullError, ValueError):
        return None
    number = np.zeros(len(points), int)
    number[hull.vertices] = np.arange(len(hull.vertices))
    a, b, c = points[hull.simplices].transpose(1, 0, 2)
    inwards = np.einsum("ij,ij->i", np.cross(b - a, c - a), hull.equations[:, :3]) < 0.0
    faces = number[hull.simplices]
    faces[inwards] = faces[inwards][:, ::-1]
    return meshes.trimesh_package().Trimesh(points[hull.vertices], faces, process=False)


def _axes(points: Array) -> Array:
    """(3, 3) The principal axes of points as rows, the last one across the plane that they are nearest to."""
    axes: Array = np.linalg.svd(points - points.mean(axis=0), full_matrices=True)[2]
    return axes


def _convex(part: Any) -> bool:
    """Whether its hull is its surface: no vertex inside, and no opening that the hull would close. Thin walls
    around a room have more surface than that, from both sides, and no such volume."""
    hull = _hull(part.vertices)
    if hull is None:
        return False
    normals, middles = hull.face_normals, hull.triangles_center
    inside = np.full(len(part.vertices), np.inf)
    for normal, middle in zip(normals, middles, strict=True):
        inside = np.minimum(inside, -(part.vertices - middle) @ normal)
    filled = part.area < 1.01 * hull.area or abs(part.volume) > 0.97 * hull.volume
    return bool(inside.max() < TOLERANCE and part.area > 0.97 * hull.area and filled)


def _slabs(part: Any) -> list[Array]:
    """(n, 3) corners of a slab for each flat convex face; one that is not convex gives a slab for each of
    its triangles."""
    flat = [np.asarray(group) for group in part.facets]
    alone = np.setdiff1d(np.arange(len(part.faces)), np.concatenate([*flat, []]).astype(int))
    out = []
    for group in (*flat, *(np.array([one]) for one in alone)):
        normal = part.face_normals[group[0]]
        outline = _outline(part.vertices[np.unique(part.faces[group])], normal)
        whole = len(group) == 1 or part.area_faces[group].sum() > 0.99 * _area(outline)
        for corners in [outline] if whole else part.triangles[group]:
            out.append(np.concatenate([corners, corners - THICKNESS * normal]))
    return out


def _outline(points: Array, normal: Array) -> Array:
    """Corners of the convex outline of points (n, 3) in a plane, in turn."""
    from scipy.spatial import ConvexHull

    x = np.cross(normal, (1.0, 0.0, 0.0) if abs(normal[0]) < 0.7 else (0.0, 1.0, 0.0))
    x /= np.linalg.norm(x)
    flat = np.stack([points @ x, points @ np.cross(normal, x)], axis=1)
    outline: Array = points[ConvexHull(flat, qhull_options="QJ").vertices]
    return outline


def _area(corners: Array) -> float:
    """Of a flat convex polygon (n, 3)."""
    arms = corners[1:] - corners[0]
    return float(0.5 * np.linalg.norm(np.cross(arms[:-1], arms[1:]), axis=1).sum())


def _piece(points: Array) -> Piece:
    hull = _hull(points)
    if hull is None:
        points = _thick(points)
        hull = _hull(points)
    low, high = points.min(axis=0), points.max(axis=0)
    if hull is None:
        size = np.maximum(high - low, THICKNESS)
        return Piece(transform((low + high) / 2), (float(size[0]), float(size[1]), float(size[2])), None)
    middle, size = (low + high) / 2, high - low
    if hull.volume > 0.995 * np.prod(size):
        return Piece(transform(middle), (float(size[0]), float(size[1]), float(size[2])), None)
    turned = _turned_box(hull)
    if turned is not None:
        return turned
    corners = np.asarray(hull.vertices)
    if len(corners) > CORNERS:
        corners = _fewer(corners, CORNERS)
    return Piece(transform(middle), (float(size[0]), float(size[1]), float(size[2])), corners - middle)


def _turned_box(hull: Any) -> Piece | None:
    """The box that a hull is, its axes near the mesh's; None if it is none."""
    trimesh = meshes.trimesh_package()
    try:
        to_box, extents = trimesh.bounds.oriented_bounds(hull)
    except Exception:  # qhull and others give up on slivers
        return None
    if hull.volume < 0.995 * np.prod(extents):
        return None
    pose = inverse(to_box)
    z = int(np.argmax(np.abs(pose[2, :3])))
    others = [k for k in range(3) if k != z]
    x = others[int(np.argmax(np.abs(pose[0, others])))]
    y = 3 - x - z
    axes = pose[:3, [x, y, z]]
    axes[:, 2] *= np.sign(axes[2, 2]) or 1.0
    axes[:, 0] *= np.sign(axes[0, 0]) or 1.0
    axes[:, 1] = np.cross(axes[:, 2], axes[:, 0])
    out = np.eye(4)
    out[:3, :3], out[:3, 3] = axes, pose[:3, 3]
    return Piece(out, (float(extents[x]), float(extents[y]), float(extents[z])), None)


def _thick(points: Array) -> Array:
    """Points in a plane (or on a line), with their copies `THICKNESS` below or behind it."""
    normal = _axes(points)[2]
    normal = normal * (np.sign(normal[2]) if abs(normal[2]) > 1e-6 else 1.0)
    return np.concatenate([points, points - THICKNESS * normal])


def _fewer(corners: Array, most: int) -> Array:
    """`most` of them, each the farthest from those before it."""
    chosen = [int(np.argmax(np.linalg.norm(corners - corners.mean(axis=0), axis=1)))]
    far = np.linalg.norm(corners - corners[chosen[0]], axis=1)
    while len(chosen) < most:
        chosen.append(int(np.argmax(far)))
        far = np.minimum(far, np.linalg.norm(corners - corners[chosen[-1]], axis=1))
    kept: Array = corners[chosen]
    return kept
