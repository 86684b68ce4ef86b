"""Files that are whole or not there, and none that is larger than it may be; a folder of this user."""

import atexit
import errno
import fcntl
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from vla_sim.common.errors import InputError


def user_path(given: str | Path) -> Path:
    """A path that a user gave, with ~ replaced; as it is where no such home is known. Raises `InputError`
    for one that cannot even be looked for: too long, or in a folder that is closed."""
    path = Path(os.path.expanduser(given))
    try:
        path.exists()
    except OSError as error:
        raise InputError(f"{path}: cannot be used: {error.strerror}") from None
    return path


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


@contextmanager
def writing(what: str, option: str = "--out") -> Iterator[None]:
    """An `OSError` within becomes an `InputError`. what: "to <folder>", "the map into <folder>". option: the
    flag that gives another place."""
    try:
        yield
    except OSError as error:
        why = error.strerror or error
        raise InputError(f"cannot write {what}: {why}; choose another with {option}") from None


def write_output(path: Path, data: bytes) -> None:
    """`write_whole` for a file that the user asked for. Raises `InputError`."""
    try:
        write_whole(path, data)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}; give another path") from None


def check_output(path: Path) -> None:
    """Whether `write_output` will be able to write this file. Raises `InputError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}; give another path") from None


def new_folder(parent: Path, stem: str) -> Path:
    """A folder in `parent` that was not there: `stem`, with a number behind it if there is one. Raises
    `InputError`."""
    for again in itertools.count(1):
        folder = parent / (stem if again == 1 else f"{stem}-{again}")
        with writing(f"to {folder}"), suppress(FileExistsError):
            folder.mkdir(parents=True)
            break
    return folder


_owned: dict[Path, int] = {}
"""Folders that this process alone writes into, and the descriptors that hold their locks."""


def own(folder: Path) -> None:
    """Make a folder of results, and from now until this process ends be the only one that writes into it.
    Raises `InputError` if another one does, or if it cannot be made."""
    with writing(f"to {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        known = folder.resolve()
        if known in _owned:
            return
        held = os.open(known, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = _holder(os.fstat(held))
        os.close(held)
        raise InputError(f"{folder} is written by {owner}; choose another with --out, or wait") from None
    except OSError:  # a file system without locks
        os.close(held)
        return
    _owned[known] = held


def _holder(file: os.stat_result) -> str:
    """Which process holds a file's lock, in words."""
    name = f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino}"
    try:
        for line in Path("/proc/locks").read_text().splitlines():
            words = line.split()
            if words[1] == "FLOCK" and words[5] == name:
                return f"process {words[4]}"
    except (OSError, IndexError):
        pass
    return "another process"


def machine_lock(name: str) -> IO[bytes] | None:
    """Of whoever on this machine has it until it is closed, or its process ends; None where another one has
    it. name: of its file in the folder for temporary files, which stays, and which every user can lock."""
    path = Path(tempfile.gettempdir()) / name
    with suppress(OSError), ExitStack() as stack:
        try:
            lock: IO[bytes] = stack.enter_context(path.open("rb"))  # a lock needs no more
        except FileNotFoundError:
            lock = stack.enter_context(path.open("ab"))
            os.fchmod(lock.fileno(), 0o666)  # whatever the umask
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        stack.pop_all()
        return lock
    return None


def scratch_folder() -> Path:
    """A new one for temporary files, which is gone when this process has ended."""
    folder = Path(tempfile.mkdtemp(prefix="vla_sim-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def runtime_folder() -> Path:
    """A folder of this user alone. Raises `OSError`."""
    folder = Path(tempfile.gettempdir()) / f"vla_sim-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.lstat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user")
    return folder
