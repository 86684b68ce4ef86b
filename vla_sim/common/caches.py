"""Gives memory back when it is short: caches are emptied, and what was freed is reported."""

import contextlib
import ctypes
import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from cachetools import Cache

AGAIN = 60.0
"""[s] after which it is done again while memory stays short: emptying empty caches is no use."""
FULL, SHARE = 0.8, 4
"""A cache that is fuller than this loses 1 / `SHARE` of its entries, the least recently used first."""

Cleanup = Callable[[], str]
"""Empties a cache, and says what that was ("12 of 48 answers"); nothing if there was nothing to do."""


class MemoryOptimizer:
    """The caches of a process, emptied when `begin` [%] of the memory is used; memory is no longer short
    below `clear` [%]. limit: of the process's own resident memory [MB], 0 for none: keeps it to its share
    where the machine has enough. Without a cache to empty, memory is not measured."""

    def __init__(self, begin: float, clear: float, limit: float = 0.0) -> None:
        self._begin, self._clear = begin, clear
        self.limit = limit
        self._cleanups: dict[str, Cleanup] = {}
        self._short = False
        self._last = -float("inf")

    def register(self, name: str, cleanup: Cleanup) -> None:
        """Have it called when memory is short."""
        self._cleanups[name] = cleanup

    def optimize_memory_usage(self, now: float) -> str:
        """Measure, and clean up if memory is short: once until it no longer is, or `AGAIN` has passed. now:
        [s, monotonic]. Says what was short and what was freed, or "" if nothing was done."""
        if not self._cleanups:
            return ""
        share, why = usage(self.limit)
        if share < self._clear:
            self._short = False
        if share < self._begin or (self._short and now - self._last < AGAIN):
            return ""
        self._short, self._last = True, now
        return f"{why}: {self.perform_memory_cleanup()}"

    def perform_memory_cleanup(self) -> str:
        """Empty the caches, collect garbage, give memory back to the system. Says what was freed."""
        before = resident()
        freed = [f"{name}: {what}" for name, cleanup in self._cleanups.items() if (what := cleanup())]
        collected = gc.collect()
        if collected:
            freed.append(f"garbage: {collected} objects")
        _trim()
        what = ", ".join(freed) or "no cache had anything"
        return f"freed {before - resident():.1f} MB of {before:.0f} ({what})"


def clear_old_entries(cache: Cache[Any, Any]) -> str:
    """Drop a quarter of a cache that is more than 80 % full, the least recently used entries (of a TTL cache
    those that have expired too)."""
    expire = getattr(cache, "expire", None)
    if expire is not None:
        expire()
    full = len(cache)
    if cache.currsize <= FULL * cache.maxsize:
        return ""
    for _ in range(full // SHARE):
        cache.popitem()
    return f"{full - len(cache)} of {full} entries"


def usage(limit: float = 0.0) -> tuple[float, str]:
    """The greatest of three shares [%], and what it is in words: of the machine's memory, of what the control
    group (a container) may use, of this process's `limit` [MB]."""
    machine = psutil.virtual_memory().percent
    shares = [(machine, f"{machine:.0f} % of the machine's memory is used")]
    group = _group()
    if group is not None:
        shares.append((group, f"{group:.0f} % of the control group's memory is used"))
    if limit > 0.0:
        mine = 100.0 * resident() / limit
        shares.append((mine, f"{mine:.0f} % of this process's {limit:g} MB is used"))
    return max(shares)


def resident() -> float:
    """Of this process [MB]."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _group(root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Used share [%] of the memory that a version 2 control group allows, without the page cache that can be
    dropped at once; None where there is no limit."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        most = (root / "memory.max").read_text().strip()
        if most == "max":
            return None
        stat = dict(line.split() for line in (root / "memory.stat").read_text().splitlines())
        used = int((root / "memory.current").read_text()) - int(stat.get("inactive_file", "0"))
        return 100.0 * max(0, used) / int(most)
    return None


def _trim() -> None:
    """Have the C library give free memory back to the system; glibc alone can."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
