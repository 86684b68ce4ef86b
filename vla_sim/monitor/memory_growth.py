"""Whether a program's memory grows: its slope over time, robust against leaps, steps and saw teeth."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import psutil

WARM = 0.25
"""Share of the time for which it is watched that is left out at the beginning of each life: libraries load at
their first use, caches and the heap fill."""
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
    """One program. first, last, most: its own memory [MB] after warming up, rss: at the end. slope: [MB/h];
    risen: slope times the time it was taken over [MB]. grows: more than allowed."""

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


def slope(x: Sequence[float], y: Sequence[float], part: Sequence[int] | None = None) -> float:
    """The median of the slopes between all pairs of points (Theil 1950, Sen 1968): that a fifth of the points
    is anything at all hardly moves it. part: of each point; pairs are of one part. 0 where no pair has
    different x."""
    step = max(1, -(-len(x) // MOST))
    xs, ys = np.asarray(x, dtype=float)[::step], np.asarray(y, dtype=float)[::step]
    parts = np.zeros(len(xs), dtype=int) if part is None else np.asarray(part)[::step]
    i, j = np.triu_indices(len(xs), k=1)
    dx = xs[j] - xs[i]
    apart = (dx > 0.0) & (parts[i] == parts[j])
    if not apart.any():
        return 0.0
    return float(np.median((ys[j] - ys[i])[apart] / dx[apart]))


def judge(
    name: str, lives: Sequence[Sequence[Sample]], limit: float, least: float, warm: float
) -> Growth | None:
    """A program's lives are judged together, since a leak is in each of them. limit: allowed slope [MB/h].
    least: what has risen by less in all [MB] is no growth, however short the time was; nor is a step, after
    which it goes on level: either half of the samples has to rise, half as fast at least. warm: what is left
    out at the beginning of each life [s]. None if there are too few samples."""
    parts = [[s for s in life if s.seconds >= life[0].seconds + warm] for life in lives if life]
    judged = [(k, s) for k, part in enumerate(parts) for s in part]
    if len(judged) < LEAST:
        return None
    middle = len(judged) // 2
    per_second, *halves = (slope([s.seconds for _, s in some], [s.own for _, s in some], [k for k, _ in some])
                           for some in (judged, judged[:middle], judged[middle:]))  # fmt: skip
    risen = per_second * sum(part[-1].seconds - part[0].seconds for part in parts if part)
    per_hour, last = 3600.0 * per_second, judged[-1][1]
    return Growth(
        name=name, samples=len(judged), first=judged[0][1].own, last=last.own,
        most=max(s.own for _, s in judged), rss=last.rss, slope=per_hour, risen=risen,
        grows=per_hour > limit and risen > least and all(3600.0 * one > limit / 2.0 for one in halves),
    )  # fmt: skip
