"""What links look like, as binary glTF for the browser: the shapes of SDF visuals with their colours."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import trimesh
from numpy.typing import NDArray
from PIL import Image
from trimesh.visual import TextureVisuals
from trimesh.visual.material import PBRMaterial

from vla_sim.common.geometry import Array, transform
from vla_sim.world.sdf import meshes
from vla_sim.world.sdf.elements import Geometry, Link, Rgba

CREASE = np.radians(35.0)
"""Faces that meet at a larger angle [rad] meet in an edge; others are shaded as one round surface."""
SIDES = 28
"""Of what stands for a circle."""
MATT, SATIN = 0.85, 0.45
"""Roughness of furniture, and of a robot's painted metal."""


class Shape(NamedTuple):
    """A mesh with one colour (sRGB, 0 to 1), or with the texture that it came with (`rgba` None)."""

    mesh: trimesh.Trimesh
    rgba: Rgba | None


def shapes_of(link: Link, pose: Array) -> list[Shape]:
    """The visuals of a link whose pose is `pose` (4, 4)."""
    out = []
    for visual in link.visuals:
        red, green, blue, alpha = visual.material.diffuse
        glow = visual.material.emissive
        rgba = (*np.minimum((red + glow[0], green + glow[1], blue + glow[2]), 1.0).tolist(),
                alpha * (1.0 - visual.transparency))  # fmt: skip
        mesh = mesh_of(visual.geometry)
        textured = getattr(getattr(mesh.visual, "material", None), "image", None) is not None
        mesh.apply_transform(pose @ visual.pose)
        out.append(Shape(mesh, None if textured else rgba))
    return out


def mesh_of(geometry: Geometry) -> trimesh.Trimesh:
    """Triangles of an SDF geometry in its own frame."""
    size = geometry.size
    if geometry.shape == "box":
        return trimesh.creation.box(size)
    if geometry.shape == "cylinder":
        return trimesh.creation.cylinder(size[0], size[1], sections=SIDES)
    if geometry.shape == "capsule":
        return trimesh.creation.capsule(size[1], size[0], count=[SIDES // 2, SIDES])
    if geometry.shape == "plane":
        face = trimesh.creation.box((size[0], size[1], 0.002))
        return face.apply_transform(trimesh.geometry.align_vectors([0.0, 0.0, 1.0], geometry.normal))
    if geometry.shape == "mesh":
        return _part(geometry).apply_transform(np.diag([*size, 1.0]))
    radii = size if geometry.shape == "ellipsoid" else (size[0],) * 3
    return trimesh.creation.icosphere(subdivisions=3).apply_transform(transform((0, 0, 0), np.diag(radii)))


def _part(geometry: Geometry) -> trimesh.Trimesh:
    """What is to be seen of a mesh file's material, in the file's size."""
    assert geometry.mesh is not None
    part = meshes.parts(geometry.mesh, geometry.submesh)[geometry.part]
    visual = None
    if part.texture is not None:
        visual = TextureVisuals(uv=part.uv, image=Image.fromarray(part.texture))
    return trimesh.Trimesh(part.vertices, part.faces, visual=visual, process=False)


def merged(shapes: Iterable[Shape]) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
    """Vertices (n, 3) and faces (m, 3) of all shapes together, for what has one colour."""
    mesh: Any = trimesh.util.concatenate([shape.mesh for shape in shapes])
    return mesh.vertices.astype(np.float32), mesh.faces.astype(np.uint32)


def glb(shapes: Iterable[Shape], roughness: float = MATT) -> bytes:
    """Binary glTF with as few meshes as can be: opaque ones together, translucent ones together, and each
    with a texture of its own."""
    shapes = list(shapes)
    plain = [shape for shape in shapes if shape.rgba is not None]
    scene = trimesh.Scene([shape.mesh for shape in shapes if shape.rgba is None])
    for mode, group in (
        ("OPAQUE", [shape for shape in plain if shape.rgba[3] >= 1.0]),  # type: ignore[index]
        ("BLEND", [shape for shape in plain if shape.rgba[3] < 1.0]),  # type: ignore[index]
    ):
        if group:
            material = PBRMaterial(
                baseColorFactor=[255, 255, 255, 255],
                metallicFactor=0.0,
                roughnessFactor=roughness,
                alphaMode=mode,
            )
            scene.add_geometry(_coloured(group, material))
    return bytes(scene.export(file_type="glb"))


def _coloured(shapes: list[Shape], material: PBRMaterial) -> trimesh.Trimesh:
    """One mesh with a colour at each vertex, which glTF wants linear."""
    vertices, normals, faces, colours = [], [], [], []
    count = 0
    for mesh, rgba in shapes:
        v, n, f = creased(np.asarray(mesh.vertices), np.asarray(mesh.faces))
        vertices.append(v)
        normals.append(n)
        faces.append(f + count)
        count += len(v)
        colours.append(np.broadcast_to(_linear(rgba), (len(v), 4)))  # type: ignore[arg-type]
    visual = TextureVisuals(material=material)
    visual.vertex_attributes["color"] = np.concatenate(colours)
    return trimesh.Trimesh(
        np.concatenate(vertices), np.concatenate(faces), vertex_normals=np.concatenate(normals),
        visual=visual, process=False,
    )  # fmt: skip


def _linear(rgba: Rgba) -> NDArray[np.uint8]:
    """sRGB (IEC 61966-2-1) as linear light, 0 to 255."""
    colour = np.array(rgba[:3])
    light = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return np.round(255.0 * np.array([*light, rgba[3]])).astype(np.uint8)


def creased(vertices: Array, faces: NDArray[np.int64]) -> tuple[Array, Array, NDArray[np.int64]]:
    """Vertices (n, 3), unit normals (n, 3) and faces (m, 3) with smooth shading but for edges over `CREASE`.

    The normal of a face's corner is the mean, by area, of the faces around that vertex which are within
    `CREASE` of its own. Faces without area are left out.
    """
    cross = np.cross(
        vertices[faces[:, 1]] - vertices[faces[:, 0]], vertices[faces[:, 2]] - vertices[faces[:, 0]]
    )
    area = np.linalg.norm(cross, axis=1)
    faces, cross, area = faces[area > 0.0], cross[area > 0.0], area[area > 0.0]
    unit = cross / area[:, None]
    corner = faces.ravel()
    order = np.argsort(corner, kind="stable")
    count = np.bincount(corner, minlength=len(vertices))
    start = np.cumsum(count) - count
    # Every corner with every corner of its vertex.
    around = count[corner]
    one = np.repeat(np.arange(len(corner)), around)
    step = np.arange(len(one)) - np.repeat(np.cumsum(around) - around, around)
    other = order[start[corner[one]] + step]
    close = np.einsum("ij,ij->i", unit[one // 3], unit[other // 3]) > np.cos(CREASE)
    normal = np.zeros((len(corner), 3))
    for axis in range(3):
        normal[:, axis] = np.bincount(
            one[close], weights=cross[other[close] // 3, axis], minlength=len(corner)
        )
    normal /= np.linalg.norm(normal, axis=1)[:, None]
    # Corners of a vertex with the same normal are one vertex.
    key = np.column_stack([corner, np.round(normal * 500.0).astype(np.int64)])
    _, first, index = np.unique(
        key @ np.array([1 << 33, 1 << 22, 1 << 11, 1]), return_index=True, return_inverse=True
    )
    return vertices[corner[first]], normal[first], index.reshape(-1, 3)
