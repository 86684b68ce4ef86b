"""Files that are whole or not there."""

import os
from pathlib import Path

from vla_sim.common.errors import InputError


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
