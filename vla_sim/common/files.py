"""Files that are whole or not there, and none that is larger than it may be; a folder of this user."""

import os
import tempfile
from pathlib import Path

from vla_sim.common.errors import InputError


def user_path(given: str | Path) -> Path:
    """A path that a user gave, with ~ replaced; as it is where no such home is known."""
    return Path(os.path.expanduser(given))


def read_whole(path: Path, most: int) -> bytes:
    """The bytes of a file of `most` bytes at the most. Raises `InputError`."""
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    if len(data) > most:
        raise InputError(f"{path}: is larger than {most / 1e6:g} MB, which is the most; give a smaller file")
    return data


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under another name and move it to its own, so that no reader finds half of it, folders on
    the way included. Raises `OSError`, and then nothing is left behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_output(path: Path, data: bytes) -> None:
    """`write_whole` for a file that the user asked for. Raises `InputError`."""
    try:
        write_whole(path, data)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from None


def runtime_folder() -> Path:
    """A folder of this user alone. Raises `OSError`."""
    folder = Path(tempfile.gettempdir()) / f"vla_sim-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.lstat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user")
    return folder
