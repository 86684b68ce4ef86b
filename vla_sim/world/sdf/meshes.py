"""Mesh files as parts of one material each: Collada, OBJ, STL and glTF, read by trimesh.

As in Gazebo, Collada's unit is applied and its up axis is not; all other files are in metres.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from lxml import etree
from numpy.typing import NDArray
from PIL import Image

from vla_sim.common.errors import InputError, package
from vla_sim.common.files import read_whole
from vla_sim.common.geometry import Array, moved
from vla_sim.world.sdf import mesh_cache
from vla_sim.world.sdf.elements import Rgba

FORMATS = (".dae", ".obj", ".stl", ".glb", ".gltf")
MOST_TRIANGLES = 2_000_000
"""Of one file."""
MOST_SHAPES = 20_000
"""That the nodes of one Collada file place."""
SHOWN_TRIANGLES = 6_000
"""Of one file, to which a visual is simplified: a software renderer draws some 10 million a second."""
TEXTURE = 256
"""Width and height [px] to which textures are reduced."""
GREY: Rgba = (0.7, 0.7, 0.7, 1.0)
_TEXTURE_BYTES = 50_000_000
_TEXTURE_PIXELS = 64_000_000


@dataclass(frozen=True)
class Part:
    """vertices (n, 3) [m]; faces (m, 3) int32; colour: mean of the texture where there is one. texture:
    (height, width, 3) uint8, its first row the top; uv (n, 2): (0, 0) is its lower left corner; None both
    without a texture."""

    vertices: Array
    faces: NDArray[np.int32]
    colour: Rgba
    uv: Array | None = None
    texture: NDArray[np.uint8] | None = None


@lru_cache(maxsize=512)
def parts(path: Path, submesh: str = "") -> tuple[Part, ...]:
    """What is to be seen of a file. submesh: only the node or geometry of this name.

    Raises `InputError` for a file that cannot be read, `MissingError` without the packages for it.
    """
    found = mesh_cache.kept(path, f"parts {submesh} {SHOWN_TRIANGLES} {TEXTURE}", _Maker(path, submesh))
    out = []
    for i in range(int(found["count"])):
        textured = f"{i}texture" in found
        red, green, blue, alpha = map(float, found[f"{i}colour"])
        out.append(
            Part(
                found[f"{i}vertices"], found[f"{i}faces"], (red, green, blue, alpha),
                found[f"{i}uv"] if textured else None, found[f"{i}texture"] if textured else None,
            )
        )  # fmt: skip
    return tuple(out)


def surface(path: Path, data: bytes, submesh: str = "") -> tuple[Array, NDArray[np.int64]]:
    """vertices (n, 3) [m] and faces (m, 3) of a whole file, not simplified. Raises as `parts`."""
    pieces = [(v, f) for v, f, _ in _pieces(path, data, submesh)]
    starts = np.cumsum([0, *(len(v) for v, _ in pieces)])
    faces = np.concatenate([f + start for (_, f), start in zip(pieces, starts, strict=False)])
    return np.concatenate([v for v, _ in pieces]), faces


def trimesh_package() -> Any:
    return package("trimesh", "meshes need more packages; pip install 'vla_sim[meshes]'")


class _Maker:
    """What `mesh_cache.kept` calls for `parts`."""

    def __init__(self, path: Path, submesh: str) -> None:
        self.path, self.submesh = path, submesh

    def __call__(self, data: bytes) -> dict[str, Any]:
        groups: dict[Any, tuple[Rgba, Any, list[Any]]] = {}
        for vertices, faces, visual in _pieces(self.path, data, self.submesh):
            colour, uv, image = _look(visual, len(vertices))
            key = (colour, None if image is None else image.tobytes())
            groups.setdefault(key, (colour, image, []))[2].append((vertices, faces, uv))
        total = sum(len(f) for _, _, many in groups.values() for _, f, _ in many)
        keep = min(1.0, SHOWN_TRIANGLES / total)
        out: dict[str, Any] = {"count": len(groups)}
        for i, (colour, image, many) in enumerate(groups.values()):
            starts = np.cumsum([0, *(len(v) for v, _, _ in many)])
            vertices = np.concatenate([v for v, _, _ in many])
            faces = np.concatenate([f + start for (_, f, _), start in zip(many, starts, strict=False)])
            uv = None if image is None else np.concatenate([u for _, _, u in many])
            if keep < 1.0 and len(faces) > 50:
                vertices, faces, uv = _simplified(vertices, faces, uv, keep)
            out[f"{i}vertices"], out[f"{i}faces"] = vertices, faces.astype(np.int32)
            out[f"{i}colour"] = np.array(colour)
            if image is not None:
                out[f"{i}uv"], out[f"{i}texture"] = uv, image
        return out


class _Beside:
    """trimesh's resolver: the files that a mesh names, from its own model's folder and nowhere else."""

    def __init__(self, path: Path) -> None:
        self.folder = path.parent

    def get(self, name: str) -> bytes:
        # Exporters write what was on their author's disk: only the last part of it is to be trusted.
        last = re.split(r"[/\\]", name.strip())[-1].replace("%20", " ")
        inside = self.folder.parent.resolve()
        textures = self.folder.parent / "materials" / "textures"
        for one in (self.folder / name.strip(), self.folder / last, textures / last):
            if one.resolve().is_relative_to(inside) and one.is_file():
                return read_whole(one, _TEXTURE_BYTES)
        raise FileNotFoundError(name)

    __getitem__ = get

    def keys(self) -> list[str]:
        return []

    def namespaced(self, namespace: str) -> "_Beside":
        return self

    def write(self, name: str, data: bytes) -> None:
        raise OSError("nothing is written beside a mesh")


def _pieces(path: Path, data: bytes, submesh: str) -> list[tuple[Array, NDArray[np.int64], Any]]:
    """vertices (n, 3) [m], faces (m, 3) and trimesh's visual of every mesh in the file."""
    kind = path.suffix.lower().lstrip(".")
    trimesh = trimesh_package()
    if kind == "dae":
        package("collada", f"{path.name} is Collada; pip install 'vla_sim[meshes]'")
        if re.search(rb"<!(DOCTYPE|ENTITY)", data):
            raise InputError(f"{path} has a DOCTYPE, which is refused; remove it")
        if b"instance_node" in data and (count := _placed(path, data)) > MOST_SHAPES:
            raise InputError(f"{path} places {count} shapes; {MOST_SHAPES} are the most: simplify the mesh")
    try:
        scene = trimesh.load_scene(BytesIO(data), file_type=kind, resolver=_Beside(path), process=False)
        scale = (
            float(str(scene.units or "1").split("*")[0]) if kind == "dae" and "*" in str(scene.units) else 1.0
        )
        out = []
        names = set()
        for node in scene.graph.nodes_geometry:
            pose, name = scene.graph[node]
            mesh = scene.geometry[name]
            names |= {str(node), str(name)}
            if not hasattr(mesh, "faces") or (submesh and submesh not in (node, name)):
                continue
            vertices = moved(np.asarray(mesh.vertices, float), pose)
            faces = np.asarray(mesh.faces, np.int64)
            if np.linalg.det(pose[:3, :3]) < 0:
                faces = faces[:, ::-1]
            out.append((vertices * scale, faces, mesh.visual))
    except Exception as error:  # trimesh's parsers raise errors of many kinds
        first = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise InputError(f"{path} cannot be read as a mesh ({first}); give a valid file") from None
    if submesh and not out:
        known = ", ".join(sorted(names)[:12])
        raise InputError(f"{path} has no mesh named {submesh!r}; it has {known or 'none'}")
    count = sum(len(faces) for _, faces, _ in out)
    if not count or not all(np.isfinite(v).all() for v, _, _ in out):
        raise InputError(f"{path} holds no triangles; give a mesh with at least one")
    if count > MOST_TRIANGLES:
        raise InputError(f"{path} has {count} triangles; {MOST_TRIANGLES} are the most: simplify the mesh")
    return out


def _placed(path: Path, data: bytes) -> int:
    """How many shapes a Collada file's nodes place. A node may place another one many times, and that one the
    next: thirty nodes a thousand million shapes."""
    try:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise InputError(f"{path} is not well-formed XML ({error}); give a valid file") from None
    nodes = {node.get("id"): node for node in root.iter("{*}node")}
    known: dict[str | None, int] = {}

    def of(node: Any) -> int:
        total = sum(1 for _ in node.iterchildren("{*}instance_geometry", "{*}instance_controller"))
        total += sum(of(child) for child in node.iterchildren("{*}node"))
        for one in node.iterchildren("{*}instance_node"):
            name = str(one.get("url", "")).removeprefix("#")
            if name in nodes and name not in known:
                known[name] = 0  # a node in itself is none
                known[name] = of(nodes[name])
            total += known.get(name, 0)
        return total

    try:
        return sum(of(scene) for scene in root.iter("{*}visual_scene"))
    except RecursionError:
        raise InputError(f"{path} nests its nodes too deeply; simplify the mesh") from None


def _look(visual: Any, count: int) -> tuple[Rgba, Array | None, NDArray[np.uint8] | None]:
    """Colour, texture coordinates (count, 2) and texture of a trimesh visual."""
    material = getattr(visual, "material", None)
    uv, image = getattr(visual, "uv", None), None
    if material is not None and uv is not None and len(uv) == count:
        image = _texture(getattr(material, "image", None) or getattr(material, "baseColorTexture", None))
    if image is not None:
        r, g, b = (float(v) / 255.0 for v in image.reshape(-1, 3).mean(axis=0))
        return (round(r, 4), round(g, 4), round(b, 4), 1.0), np.asarray(uv, float), image
    if material is not None:
        colour = np.asarray(material.main_color, float).ravel()
    elif getattr(visual, "defined", False) and visual.kind in ("face", "vertex"):
        colour = np.asarray(getattr(visual, f"{visual.kind}_colors"), float).mean(axis=0)
    else:
        return GREY, None, None
    r, g, b = (float(v) / 255.0 for v in colour[:3])
    alpha = float(colour[3]) / 255.0 if len(colour) > 3 else 1.0
    return (round(r, 4), round(g, 4), round(b, 4), alpha or 1.0), None, None


def _texture(image: Any) -> NDArray[np.uint8] | None:
    # trimesh puts an image of 2 x 2 where a file names none.
    if image is None or not 4 < image.width * image.height <= _TEXTURE_PIXELS:
        return None
    small = image.convert("RGB").resize((TEXTURE, TEXTURE), Image.Resampling.BOX)
    return np.asarray(small, np.uint8)


def mean_colour(path: Path) -> Rgba:
    """Of an image file. Raises `InputError`."""
    try:
        with Image.open(BytesIO(read_whole(path, _TEXTURE_BYTES))) as image:
            found = _texture(image)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} cannot be read as an image ({error}); give a PNG or JPEG") from None
    if found is None:
        raise InputError(f"{path} must have 5 to {_TEXTURE_PIXELS} pixels; give another image")
    r, g, b = (float(v) / 255.0 for v in found.reshape(-1, 3).mean(axis=0))
    return r, g, b, 1.0


def _simplified(
    vertices: Array, faces: NDArray[np.int64], uv: Array | None, keep: float
) -> tuple[Array, NDArray[np.int64], Array | None]:
    """About `keep` of the triangles (quadric error metric); each vertex takes the nearest one's uv."""
    simplify = package(
        "fast_simplification", "large meshes need more packages; pip install 'vla_sim[meshes]'"
    )
    points, triangles = simplify.simplify(
        vertices.astype(np.float32), faces.astype(np.int32), target_reduction=min(0.99, 1.0 - keep)
    )
    if not len(triangles):
        return vertices, faces, uv
    points = np.asarray(points, float)
    if uv is not None:
        from scipy.spatial import cKDTree  # 0.3 s, which few need wait for

        uv = uv[cKDTree(vertices).query(points)[1]]
    return points, np.asarray(triangles, np.int64), uv
