"""Where the shipped worlds, models and configuration are, however the project was installed.

Looked for in this order: the checkout that this file belongs to, the ament share of each prefix in
`AMENT_PREFIX_PATH` (colcon), the share folder of the Python installation (pip puts `data_files`
there). The checkout comes first so that an edited world is the one that runs.
"""

import os
import site
import sys
from functools import cache
from pathlib import Path

from vla_sim.common.errors import InputError, MissingError, meant
from vla_sim.common.files import user_path

PACKAGE = "vla_sim"
ROBOT = "VLA_SIM_ROBOT"
"""The environment variable that says which robot a process and all that it starts are of, as `find_robot`
takes it. A process is of one robot."""
DEFAULT_ROBOT = "g1"


def share_dirs() -> tuple[Path, ...]:
    """Every folder that may hold `worlds/`, `models/` and `config/`, best first; some may not exist."""
    ament = [Path(p) for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    installed = [Path(sys.prefix), Path(site.getuserbase())]
    shares = (prefix / "share" / PACKAGE for prefix in (*ament, *installed))
    return (*_checkout(__file__), *shares)


@cache  # asked for every model of a world
def _checkout(file: str) -> tuple[Path, ...]:
    """The checkout that a file of the package belongs to, if it is in one."""
    folder = Path(file).resolve().parents[2]
    return (folder,) if (folder / "pyproject.toml").is_file() else ()


def share_folder(name: str) -> Path:
    """The shipped "worlds" (`<name>.sdf`), "models" (`<name>/model.sdf`), "config" or "test/scenarios".

    Raises `MissingError` if there is none."""
    looked = [share / name for share in share_dirs()]
    for one in looked:
        if one.is_dir():
            return one
    where = ", ".join(map(str, looked))
    raise MissingError(f"the {name} of {PACKAGE} are not installed (looked in {where}); run pip install .")


def world_names() -> tuple[str, ...]:
    """Names of the shipped worlds in alphabetical order."""
    return tuple(sorted(path.stem for path in share_folder("worlds").glob("*.sdf")))


def find_world(name_or_path: str) -> Path:
    """The file of a shipped world ("apartment") or of a path ("my/flat.sdf", or a map's "my/flat.yaml").

    Raises `InputError` that lists the shipped worlds.
    """
    named = share_folder("worlds") / f"{name_or_path}.sdf"
    if name_or_path in world_names():
        return named
    path = user_path(name_or_path)
    if path.is_file():
        return path
    known = ", ".join(world_names())
    like = meant(name_or_path, world_names()) if "/" not in name_or_path else ""
    hint = f" ({like})" if like else ""
    raise InputError(
        f"no world {name_or_path!r}{hint}: give one of {known}, or the path of an SDF file or of a map's YAML"
    )


def robot_names() -> tuple[str, ...]:
    """Names of the shipped robots in alphabetical order: each is a profile `config/robots/<name>.yaml` and a
    model `models/<name>`."""
    return _profiles(share_folder("config") / "robots")


@cache
def _profiles(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in folder.glob("*.yaml")))


def find_robot(name_or_path: str) -> Path:
    """The profile of a shipped robot ("g1"), or of a path ("my/robot.yaml", whose model is called `robot`).

    Raises `InputError` that lists the shipped robots.
    """
    if name_or_path in robot_names():
        return share_folder("config") / "robots" / f"{name_or_path}.yaml"
    path = user_path(name_or_path)
    if path.suffix == ".yaml" and path.is_file():
        return path.resolve()
    known = ", ".join(robot_names())
    like = meant(name_or_path, robot_names()) if "/" not in name_or_path else ""
    hint = f" ({like})" if like else ""
    raise InputError(f"no robot {name_or_path!r}{hint}: give one of {known}, or the path of a profile.yaml")


def chosen_robot() -> Path:
    """The profile of the robot that this process is of. Raises `InputError`."""
    return find_robot(os.environ.get(ROBOT) or DEFAULT_ROBOT)
