"""Triangles of a mesh file."""

from pathlib import Path

import numpy as np

from vla_sim.common.arrays import Array
from vla_sim.common.errors import InputError, MissingError


def load_triangles(path: Path) -> Array:
    """(n, 3, 3) corners of an OBJ or STL file's triangles, in the file's unit.

    Raises `InputError` if it cannot be read or is empty, `MissingError` without trimesh.
    """
    try:
        import trimesh
    except ImportError:
        raise MissingError(
            f"{path.name} is a mesh, and software sensors read meshes with trimesh; pip install trimesh"
        ) from None
    try:
        triangles = np.asarray(trimesh.load_mesh(path, process=False).triangles, dtype=float)
    except Exception as error:  # trimesh's parsers raise errors of many kinds
        raise InputError(f"{path} cannot be read as a mesh ({error}); give a valid OBJ or STL") from None
    if not len(triangles) or not np.isfinite(triangles).all():
        raise InputError(f"{path} holds no triangles; give a mesh with at least one")
    return triangles.reshape(-1, 3, 3)
