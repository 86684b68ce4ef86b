"""What was made of a mesh file, kept on disk: each process of a stack reads the world, one does the work.

In `XDG_CACHE_HOME/vla_sim/meshes` (~/.cache). A folder that cannot be written costs time and nothing else.
"""

import contextlib
import hashlib
import os
import zipfile
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from vla_sim.common.files import read_whole, write_whole

Arrays = Mapping[str, Any]
MOST_BYTES = 100_000_000
"""Of one mesh file."""
_VERSION = 1
"""Of what is written: counted up whenever the same file would give something else."""


def kept(path: Path, purpose: str, make: Callable[[bytes], Arrays]) -> Arrays:
    """`make(the file's bytes)`, or what it made before of the same bytes and the same files beside it (a mesh
    names its textures). purpose: what is made, with all that it depends on. Raises `InputError`."""
    data = read_whole(path, MOST_BYTES)
    key = hashlib.sha256(f"{_VERSION} {purpose} {_beside(path)} ".encode() + data).hexdigest()[:32]
    file = _folder() / f"{key}.npz"
    try:
        with np.load(file, allow_pickle=False) as found:
            return {name: found[name] for name in found.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass
    made = make(data)
    out = BytesIO()
    np.savez(out, **made)
    with contextlib.suppress(OSError):
        write_whole(file, out.getvalue())
    return made


def _folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "vla_sim" / "meshes"


def _beside(path: Path) -> str:
    """Names, sizes and times of the files that a mesh may name."""
    found = []
    for folder in (path.parent, path.parent.parent / "materials" / "textures"):
        try:
            with os.scandir(folder) as entries:
                stats = [(e.name, e.stat().st_size, e.stat().st_mtime_ns) for e in entries if e.is_file()]
        except OSError:
            continue
        found.append(sorted(stats))
    return hashlib.sha256(repr(found).encode()).hexdigest()
