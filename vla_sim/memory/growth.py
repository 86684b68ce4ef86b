"""Does a process's memory grow? Its slope over time, robust against steps and saw teeth."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import psutil

WARM = 0.25
"""Share of the time that is left out at the beginning: libraries load at their first use, caches fill."""
LEAST = 8
"""Fewer samples say nothing."""
MOST = 1500
"""Samples that the slope is taken of; more are thinned, since pairs are counted."""


class Sample(msgspec.Struct, frozen=True):
    """seconds: since the beginning. uss: memory that would be free if the process ended [MB]; rss: resident,
    with what it shares [MB]."""

    seconds: float
    uss: float
    rss: float


class Growth(msgspec.Struct, frozen=True):
    """One process. first, last, most: unique memory [MB] after warming up. slope: [MB/h]; risen: slope times
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
    uss = rss = 0
    try:
        for one in (process, *(process.children(recursive=True) if children else ())):
            try:
                memory = one.memory_full_info()
            except psutil.NoSuchProcess:
                if one is process:
                    return None
                continue
            uss += memory.uss
            rss += memory.rss
    except psutil.Error:
        return None
    return Sample(seconds, uss / 1e6, rss / 1e6)


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """The median of the slopes between all pairs of points (Theil 1950, Sen 1968): a step, or a fifth of the
    points being anything at all, hardly moves it. 0 for less than two different x."""
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
    was. None if there are too few samples."""
    if len(samples) < LEAST:
        return None
    begin = samples[0].seconds + WARM * (samples[-1].seconds - samples[0].seconds)
    warm = [s for s in samples if s.seconds >= begin]
    per_second = slope([s.seconds for s in warm], [s.uss for s in warm])
    risen = per_second * (warm[-1].seconds - warm[0].seconds)
    per_hour = 3600.0 * per_second
    return Growth(
        name=name, samples=len(samples), first=warm[0].uss, last=warm[-1].uss,
        most=max(s.uss for s in warm), rss=warm[-1].rss, slope=per_hour, risen=risen,
        grows=per_hour > limit and risen > least,
    )  # fmt: skip
