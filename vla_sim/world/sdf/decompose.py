"""Convex decomposition by CoACD, in a process of its own: it takes its processor time from a budget.

python -m vla_sim.world.sdf.decompose < mesh.npz > pieces.npz
"""

import importlib
import resource
import subprocess
import sys
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.errors import package
from vla_sim.common.geometry import Array

SECONDS = 10
"""Of processor time for one connected part."""
FACES = 1500
"""To which a part is simplified before."""


class TooHardError(Exception):
    """No decomposition within `SECONDS`."""


def decompose(vertices: Array, faces: NDArray[np.int64], tolerance: float, corners: int) -> list[Array]:
    """(n, 3) [m] corners of convex pieces of one connected part: vertices (n, 3) [m], faces (m, 3).

    tolerance [m]: of a piece's surface. corners: of one piece, at the most. Raises `MissingError`,
    `TooHardError`.
    """
    package("coacd", "meshes that are no boxes need more packages; pip install 'vla_sim[meshes]'")
    given = BytesIO()
    np.savez(given, vertices=vertices, faces=faces, tolerance=tolerance, corners=corners)
    done = subprocess.run(
        [sys.executable, "-m", "vla_sim.world.sdf.decompose"], input=given.getvalue(), capture_output=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise TooHardError
    with np.load(BytesIO(done.stdout), allow_pickle=False) as found:
        return [found[name] for name in found.files]


def main() -> None:
    coacd, fast_simplification = (importlib.import_module(name) for name in ("coacd", "fast_simplification"))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    coacd.set_log_level("off")
    with np.load(BytesIO(sys.stdin.buffer.read()), allow_pickle=False) as given:
        vertices, faces = given["vertices"], given["faces"]
        tolerance, corners = float(given["tolerance"]), int(given["corners"])
    if len(faces) > FACES:
        vertices, faces = fast_simplification.simplify(
            vertices.astype(np.float32), faces.astype(np.int32), target_reduction=1.0 - FACES / len(faces)
        )
    found = coacd.run_coacd(
        coacd.Mesh(np.asarray(vertices, float), np.asarray(faces, np.int32)), threshold=tolerance,
        real_metric=True, max_convex_hull=32, preprocess_resolution=30, resolution=500, mcts_nodes=8,
        mcts_iterations=20, mcts_max_depth=2, max_ch_vertex=corners, decimate=True, seed=0,
    )  # fmt: skip
    out = BytesIO()
    np.savez(out, *[np.asarray(points, float) for points, _ in found])
    sys.stdout.buffer.write(out.getvalue())


if __name__ == "__main__":
    main()
