"""A robot's meshes as its maker publishes them, where the data package that the profile names is installed.

They replace the primitives of our own model, link by link. Where that has a hand of ours, what the maker
hangs on the same link is left out.
"""

import importlib.util
from collections import defaultdict
from pathlib import Path

import numpy as np
import trimesh
from lxml import etree
from numpy.typing import NDArray

from vla_sim.common.geometry import Array, rotation_from_rpy, transform
from vla_sim.robot import facts
from vla_sim.view.meshes import Shape
from vla_sim.world.sdf.elements import Rgba

GRID = 0.0025
"""Vertices within a cell this wide [m] become one: a sixth of the G1's 270,000 triangles are left."""


def find_urdf() -> Path | None:
    """The file with the meshes; None without one, or where its package is not installed."""
    meshes = facts.PROFILE.meshes
    spec = importlib.util.find_spec(meshes.package) if meshes else None
    if meshes is None or spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0]) / meshes.urdf
    return path if path.is_file() else None


def link_shapes(urdf: Path, links: frozenset[str]) -> dict[str, list[Shape]]:
    """Shapes in the frame of each of these links, with those of what is fixed to it."""
    root = etree.parse(str(urdf), etree.XMLParser(resolve_entities=False, no_network=True)).getroot()
    fixed: dict[str, list[tuple[str, Array]]] = defaultdict(list)
    for joint in root.iterfind("joint[@type='fixed']"):
        parent, child = joint.find("parent").get("link"), joint.find("child").get("link")
        if child not in links and not (facts.HAND and parent in facts.HAND.links):
            fixed[parent].append((child, _origin(joint)))
    by_name = {link.get("name"): link for link in root.iterfind("link")}

    def shapes(name: str, pose: Array) -> list[Shape]:
        out = [
            Shape(_mesh(urdf.parent / mesh.get("filename"), pose @ _origin(visual)), _colour(visual))
            for visual in by_name[name].iterfind("visual")
            for mesh in visual.iterfind("geometry/mesh")
        ]
        for child, origin in fixed[name]:
            out += shapes(child, pose @ origin)
        return out

    return {name: shapes(name, np.eye(4)) for name in links & by_name.keys()}


def _origin(element: etree._Element) -> Array:
    origin = element.find("origin")
    xyz, rpy = ([float(n) for n in ("0 0 0" if origin is None else origin.get(key, "0 0 0")).split()]
                for key in ("xyz", "rpy"))  # fmt: skip
    return transform(xyz, rotation_from_rpy(*rpy))


def _colour(visual: etree._Element) -> Rgba:
    colour = visual.find("material/color")
    red, green, blue, _ = (
        float(n) for n in ("0.7 0.7 0.7 1" if colour is None else colour.get("rgba")).split()
    )
    return red, green, blue, 1.0


def _mesh(path: Path, pose: Array) -> trimesh.Trimesh:
    mesh = trimesh.load_mesh(path)
    return trimesh.Trimesh(*thinned(mesh.vertices, mesh.faces), process=False).apply_transform(pose)


def thinned(vertices: Array, faces: NDArray[np.int64]) -> tuple[Array, NDArray[np.int64]]:
    """Vertices (n, 3) and faces (m, 3) after all vertices in one cell of `GRID` have become their mean."""
    _, cell = np.unique(np.floor(vertices / GRID).astype(np.int64), axis=0, return_inverse=True)
    cell = cell.ravel()
    count = np.bincount(cell)
    mean = np.column_stack([np.bincount(cell, vertices[:, axis]) / count for axis in range(3)])
    faces = cell[faces]
    a, b, c = faces.T
    return mean, faces[(a != b) & (b != c) & (c != a)]
