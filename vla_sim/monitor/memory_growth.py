"""Whether a process's memory grows: its slope over time, robust against leaps, steps and saw teeth."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import psutil

WARM = 0.25
"""Share of the time that is left out at the beginning: libraries load at their first use, caches fill."""
LEAST = 8  # fewer samples say nothing
MOST = 1500  # samples that the slope is taken of; more are thinned, since pairs are counted


class Sample(msgspec.Struct, frozen=True):
    """seconds: since the beginning. own: anonymous and swapped memory [MB]; rss: resident, files and shared
    memory too [MB].

    What counts is `own`. Unique memory (USS) will not do: pages of a library count as a process's own as long
    as no other program has it loaded, so that it leaps by 65 MB whenever another simulation begins or ends.
    Nor will shared memory: the middleware's segments have a fixed size, but each page counts for a process
    from when it reads it first.
    """

    seconds: float
    own: float
    rss: float


class Growth(msgspec.Struct, frozen=True):
    """One process. first, last, most: its own memory [MB] after warming up. slope: [MB/h]; risen: slope times
    the time it was taken over [MB]. grows: more than allowed."""

    name: str
    samples: int
    first: float
    last: float
    most: float
    rss: float
    slope: float
    risen: float
    grows: bool


def measure(process: psutil.Process, seconds: float, *, children: bool = True) -> Sample | None:
    """Memory of a process now, with its children's; None if it has ended."""
    own = rss = 0.0
    try:
        family = [process, *(process.children(recursive=True) if children else ())]
        if not process.is_running():  # also where another one has its number now
            return None
    except psutil.Error:
        return None
    for one in family:
        found = _status(one.pid)
        if found is None and one is process:
            return None
        own, rss = (own + found[0], rss + found[1]) if found is not None else (own, rss)
    return Sample(seconds, own, rss)


def _status(pid: int) -> tuple[float, float] | None:
    """`Sample.own` and `Sample.rss` of one process; None if it has ended (a zombie has no memory)."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    kb = {name: int(words.split()[0]) for name, _, words in (line.partition(":") for line in lines)
          if name in ("RssAnon", "VmSwap", "VmRSS")}  # fmt: skip
    if "VmRSS" not in kb:
        return None
    own = kb.get("RssAnon", 0) + kb.get("VmSwap", 0)
    return own * 1.024e-3, kb["VmRSS"] * 1.024e-3


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """The median of the slopes between all pairs of points (Theil 1950, Sen 1968): that a fifth of the points
    is anything at all hardly moves it. 0 for less than two different x."""
    step = max(1, -(-len(x) // MOST))
    xs, ys = np.asarray(x, dtype=float)[::step], np.asarray(y, dtype=float)[::step]
    i, j = np.triu_indices(len(xs), k=1)
    dx = xs[j] - xs[i]
    apart = dx > 0.0
    if not apart.any():
        return 0.0
    return float(np.median((ys[j] - ys[i])[apart] / dx[apart]))


def judge(name: str, samples: Sequence[Sample], limit: float, least: float) -> Growth | None:
    """limit: allowed slope [MB/h]. least: what has risen by less [MB] is no growth, however short the time
    was; nor is a step, after which it goes on level: either half has to rise, half as fast at least. None if
    there are too few samples."""
    if len(samples) < LEAST:
        return None
    begin = samples[0].seconds + WARM * (samples[-1].seconds - samples[0].seconds)
    warm = [s for s in samples if s.seconds >= begin]
    middle = len(warm) // 2
    per_second, *halves = (slope([s.seconds for s in part], [s.own for s in part])
                           for part in (warm, warm[:middle], warm[middle:]))  # fmt: skip
    risen = per_second * (warm[-1].seconds - warm[0].seconds)
    per_hour = 3600.0 * per_second
    return Growth(
        name=name, samples=len(samples), first=warm[0].own, last=warm[-1].own,
        most=max(s.own for s in warm), rss=warm[-1].rss, slope=per_hour, risen=risen,
        grows=per_hour > limit and risen > least and all(3600.0 * one > limit / 2.0 for one in halves),
    )  # fmt: skip
