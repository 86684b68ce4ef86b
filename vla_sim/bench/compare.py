"""Two result files side by side: what became slower, with a verdict that knows noise.

For each benchmark the ratio of the medians, new over old, with its bootstrap interval: both files' samples
are drawn anew, in blocks of neighbours, since what disturbs one repetition disturbs the next (H. R. Kuensch,
"The Jackknife and the Bootstrap for General Stationary Observations", Annals of Statistics 17 (1989)). It is
called slower or faster only where the whole interval lies beyond the least change that matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from vla_sim.bench.suite import Report, Result
from vla_sim.errors import InputError

LEAST = 0.10
"""Change of the median that matters."""
CONFIDENCE = 0.99
DRAWS = 2000
FEWEST = 5
"""Samples in each file below which nothing is told."""
HIGHER = ("Hz", "1/s")
"""Units of which more is better."""
Verdict = Literal["faster", "slower", "same", "cannot tell", "failed", "gone", "new"]


@dataclass(frozen=True)
class Change:
    """ratio: of the medians, new over old; low, high: its interval; None if there is none."""

    name: str
    verdict: Verdict
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    detail: str = ""


def read(path: Path) -> Report:
    """A result file. Raises `InputError`."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Report)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        raise InputError(f"{path}: no results of `vla-sim bench`: {error}") from None


def compare(old: Report, new: Report, least: float = LEAST, seed: int = 0) -> list[Change]:
    """Each benchmark of either."""
    before, after = ({r.name: r for r in report.results} for report in (old, new))
    rng = np.random.default_rng(seed)
    out = [_change(r, after.get(name), least, rng) for name, r in before.items()]
    return out + [Change(name, "new") for name in after if name not in before]


def regressed(changes: Sequence[Change]) -> bool:
    """Whether something became slower, fails now, or is not measured any more."""
    return any(c.verdict in ("slower", "failed", "gone") for c in changes)


def _change(old: Result, new: Result | None, least: float, rng: np.random.Generator) -> Change:
    if new is None:
        return Change(old.name, "gone", detail="not in the new file")
    if not new.success:
        return Change(old.name, "failed", detail=new.error)
    if not old.success:
        return Change(old.name, "new", detail=f"failed before: {old.error}")
    if min(len(old.samples), len(new.samples)) < FEWEST:
        return Change(old.name, "cannot tell", detail=f"fewer than {FEWEST} samples")
    a, b = np.array(old.samples), np.array(new.samples)
    if np.median(a) <= 0.0 or np.median(b) <= 0.0:
        return Change(old.name, "cannot tell", detail="a median that is not above 0")
    ratio = float(np.median(b) / np.median(a))
    drawn = medians(b, rng) / np.maximum(medians(a, rng), 1e-12)
    tail = 50.0 * (1.0 - CONFIDENCE)
    low, high = (float(v) for v in np.percentile(drawn, (tail, 100.0 - tail)))
    return Change(old.name, _verdict(low, high, least, old.unit in HIGHER), ratio, low, high)


def _verdict(low: float, high: float, least: float, higher: bool) -> Verdict:
    if low > 1.0 + least:
        return "faster" if higher else "slower"
    if high < 1.0 / (1.0 + least):
        return "slower" if higher else "faster"
    return "same" if low >= 1.0 / (1.0 + least) and high <= 1.0 + least else "cannot tell"


def medians(samples: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """(DRAWS,) medians of block-bootstrap draws."""
    n = samples.size
    block = max(1, round(n ** (1.0 / 3.0)))
    count = -(-n // block)
    starts = rng.integers(0, n, (DRAWS, count))
    index = (starts[:, :, None] + np.arange(block)) % n
    return np.median(samples[index.reshape(DRAWS, -1)[:, :n]], axis=1)  # type: ignore[no-any-return]
