"""What numba compiles: one decorator, `kernel`, whose cache on disk can cost time and nothing else.

numba's own `cache=True` looks for changes in a function's own file alone, raises where no folder can be
written, and stumbles over a file that was cut short. Here a kernel is fresh when its file, the constants it
reads and the kernels it calls in other files are as they were, and any trouble with the disk means to
compile again: slower, with one line that says so.

Kept where numba keeps it: in NUMBA_CACHE_DIR, else beside the source, else in the user's cache folder, or at
last where temporary files go. What is beside the source is read also where it cannot be written, as in a
container whose kernels were compiled when it was built.
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
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    InTreeCacheLocator,
    NullCache,
    UserProvidedCacheLocator,
    UserWideCacheLocator,
)
from numba.core.dispatcher import Dispatcher

from vla_sim.common.files import runtime_folder

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


class _Temporary(InTreeCacheLocator):
    """The last resort: it may be gone with the next start of the machine."""

    def get_cache_path(self) -> str:
        below: str = self.get_suitable_cache_subpath(self._py_file)  # type: ignore[no-untyped-call]
        return str(runtime_folder() / "numba" / below)


class _Shipped(InTreeCacheLocator):
    """Beside the source, to be read alone."""

    def ensure_cache_path(self) -> None:
        pass


class _Written(FunctionCache):
    class _impl_class(CompileResultCacheImpl):  # noqa: N801
        _locator_classes = [UserProvidedCacheLocator, InTreeCacheLocator, UserWideCacheLocator, _Temporary]  # noqa: RUF012


class _Read(FunctionCache):
    class _impl_class(CompileResultCacheImpl):  # noqa: N801
        _locator_classes = [_Shipped]  # noqa: RUF012


class _Cache(NullCache):
    """A kernel's cache on disk, opened when it is first called: then all it depends on is imported."""

    def __init__(self, made: Any) -> None:
        self._kernel, self._opened = made, False
        self._disk: Any = None  # to be written and read
        self._shipped: Any = None  # to be read, if that is another one

    def load(self) -> None:
        """Every signature that is fresh on disk."""
        codegen = self._kernel.targetctx.codegen()

        def fresh(disk: Any) -> list[Any]:
            found = disk._cache_file._load_index()
            return [key[0] for key in found if key == disk._index_key(key[0], codegen)]

        for sig in {*(self._try("read", fresh) or ()), *(self._try("read", fresh, shipped=True) or ())}:
            self._kernel.compile(sig)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        began = time.perf_counter()

        def read(disk: Any) -> Any:
            return disk.load_overload(sig, target_context)

        found = self._try("read", read) or self._try("read", read, shipped=True)
        if _settled:
            took = f"loaded in {1e3 * (time.perf_counter() - began):.0f} ms" if found else "compiled"
            name = f"{self._kernel.__module__}.{self._kernel.__name__}"
            _tell(f"{name} was not warm: {took} in the middle of the work, for {sig}")
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        self._try("written", lambda disk: disk.save_overload(sig, data))
        if self._disk is not None and isinstance(self._disk._impl.locator, _Temporary):
            where = Path(self._disk.cache_path).parent
            _tell(f"compiled kernels are kept in {where}, for no better folder can be written; {ADVICE}")

    def _try(self, done: str, do: Callable[[Any], Any], shipped: bool = False) -> Any:
        try:
            self._open()
            disk = self._shipped if shipped else self._disk
            return None if disk is None else do(disk)
        # A broken file makes pickle raise anything; the kernel is compiled again.
        except Exception as error:
            if shipped:  # nobody here can mend it
                return None
            why = str(error) or type(error).__name__
            _tell(f"the cache of compiled kernels cannot be {done} ({why}): compiling anew; {ADVICE}", done)
            try:
                if self._disk is not None:  # an index that cannot be read would be in the way of the next one
                    self._disk.flush()
            except OSError:
                self._disk = None
            return None

    def _open(self) -> None:
        if self._opened:
            return
        self._opened = True
        function = self._kernel.py_func
        fresh = stamp(function.__code__.co_filename)
        shipped = _Read(function)  # type: ignore[no-untyped-call]
        shipped._cache_file._source_stamp = fresh
        try:
            disk = _Written(function)  # type: ignore[no-untyped-call]
        except RuntimeError:  # numba found no folder
            self._shipped = shipped
            _tell(f"no folder for compiled kernels can be written: each start compiles anew; {ADVICE}")
            return
        chosen = vars(config)["CACHE_DIR"]
        if chosen and not Path(disk.cache_path).is_relative_to(chosen):
            where = Path(disk.cache_path).parent
            _tell(f"NUMBA_CACHE_DIR={chosen} cannot be written: kernels go to {where}", "dir")
        disk._cache_file._source_stamp = fresh
        self._disk = disk
        if disk.cache_path != shipped.cache_path:
            self._shipped = shipped


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
