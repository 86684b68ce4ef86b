"""What numba compiles: one decorator, `kernel`, whose cache on disk can cost time and nothing else.

numba's own `cache=True` looks for changes in a function's own file alone, raises where no folder can be
written, and stumbles over a file that was cut short. Here a kernel is fresh when its file, the constants it
reads and the kernels it calls in other files are as they were, and any trouble with the disk means to
compile again: slower, with one line that says so.

Kept where numba keeps it: in NUMBA_CACHE_DIR, else beside the source, else in the user's cache folder.
"""

import hashlib
import sys
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from numba.core import config
from numba.core.caching import FunctionCache, NullCache
from numba.core.dispatcher import Dispatcher

ADVICE = "set NUMBA_CACHE_DIR to a folder that can be written"
_OF_FILE: dict[str, list[Any]] = {}
_told: set[str] = set()
_settled = False


def kernel(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """`numba.njit` with a cache on disk; options: those of njit, `nogil` or `inline` for instance."""
    if function is None:
        return lambda decorated: kernel(decorated, **options)
    made = njit(**options)(function)
    _OF_FILE.setdefault(function.__code__.co_filename, []).append(made)
    made._cache = _Cache(made)
    return made


def kernels() -> dict[str, Any]:
    """Every kernel of what is imported, by module and name."""
    return {f"{k.__module__}.{k.__name__}": k for found in _OF_FILE.values() for k in found}


def load() -> None:
    """Load every kernel that the cache has, for all processes that are forked from this one."""
    for made in kernels().values():
        made._cache.load()


def settled() -> None:
    """Start-up is over: from now on a kernel that was not warmed is reported, since it delays the work."""
    global _settled
    _settled = True


class _Cache(NullCache):
    """A kernel's cache on disk, opened when it is first called: then all it depends on is imported."""

    def __init__(self, made: Any) -> None:
        self._kernel, self._opened = made, False
        self._disk: Any = None

    def load(self) -> None:
        """Every signature that is fresh on disk."""
        codegen = self._kernel.targetctx.codegen()

        def fresh(disk: Any) -> list[Any]:
            found = disk._cache_file._load_index()
            return [key[0] for key in found if key == disk._index_key(key[0], codegen)]

        for sig in self._try("read", fresh) or ():
            self._kernel.compile(sig)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        began = time.perf_counter()
        found = self._try("read", lambda disk: disk.load_overload(sig, target_context))
        if _settled:
            took = f"loaded in {1e3 * (time.perf_counter() - began):.0f} ms" if found else "compiled"
            name = f"{self._kernel.__module__}.{self._kernel.__name__}"
            _tell(f"{name} was not warm: {took} in the middle of the work, for {sig}")
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        self._try("written", lambda disk: disk.save_overload(sig, data))

    def _try(self, done: str, do: Callable[[Any], Any]) -> Any:
        try:
            disk = self._open()
            return None if disk is None else do(disk)
        # A broken file makes pickle raise anything; the kernel is compiled again.
        except Exception as error:
            why = str(error) or type(error).__name__
            _tell(f"the cache of compiled kernels cannot be {done} ({why}): compiling anew; {ADVICE}", done)
            try:
                if self._disk is not None:  # an index that cannot be read would be in the way of the next one
                    self._disk.flush()
            except OSError:
                self._disk = None
            return None

    def _open(self) -> Any:
        if not self._opened:
            self._opened = True
            try:
                disk = FunctionCache(self._kernel.py_func)  # type: ignore[no-untyped-call]
            except RuntimeError:  # numba found no folder
                _tell(f"no folder for compiled kernels can be written: each start compiles anew; {ADVICE}")
                return None
            chosen = vars(config)["CACHE_DIR"]
            if chosen and not Path(disk.cache_path).is_relative_to(chosen):
                where = Path(disk.cache_path)
                _tell(f"NUMBA_CACHE_DIR={chosen} cannot be written: kernels go to {where}", "dir")
            disk._cache_file._source_stamp = stamp(self._kernel.py_func.__code__.co_filename)
            self._disk = disk
        return self._disk


def _tell(line: str, once: str | None = None) -> None:
    if (once or line) not in _told:
        _told.add(once or line)
        print(f"[WARN] {line}", file=sys.stderr, flush=True)


def stamp(path: str, seen: frozenset[str] = frozenset()) -> str:
    """Changes when a kernel of the file `path` has to be compiled anew."""
    out = hashlib.sha256(Path(path).read_bytes())
    others = set()
    for made in _OF_FILE.get(path, []):
        for name, value in _reads(made.py_func):
            if isinstance(value, Dispatcher):
                others.add(value.py_func.__code__.co_filename)
            elif isinstance(value, np.ndarray):
                out.update(name.encode() + value.tobytes())
            elif isinstance(value, bool | int | float | str | tuple):
                out.update(f"{name}={value!r};".encode())
    for other in sorted(others - seen - {path}):
        out.update(stamp(other, seen | {path}).encode())
    return out.hexdigest()


def _reads(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """(name, value) of what a function reads beyond its arguments, also by way of a module of ours."""
    names = function.__code__.co_names
    for name in names:
        value = function.__globals__.get(name)
        if isinstance(value, types.ModuleType) and value.__name__.split(".")[0] == __name__.split(".")[0]:
            yield from ((n, vars(value)[n]) for n in names if n in vars(value))
        else:
            yield name, value
