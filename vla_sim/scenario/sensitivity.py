"""Which of the quantities that a seed draws goes with failure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vla_sim.common.geometry import Array
from vla_sim.scenario.record import RunRecord
from vla_sim.scenario.statistics import CONFIDENCE, runs_of, verdict

PERMUTATIONS = 5000
FEWEST = 3
"""Runs that must be on either side."""


@dataclass(frozen=True)
class Factor:
    """share: of all pairs of a run that failed and one that passed, how many have the larger value in the one
    that failed, ties by half: 0.5 if the quantity has nothing to do with it. p_value: of a share so far from
    0.5 in any of the quantities, if none had."""

    name: str
    share: float
    p_value: float
    failed: float
    passed: float

    @property
    def significant(self) -> bool:
        return self.p_value <= 1.0 - CONFIDENCE

    @property
    def text(self) -> str:
        """Medians, and how sure it is."""
        where = "larger" if self.share > 0.5 else "smaller"
        return (
            f"{self.name} is {where} where it failed: median {self.failed:.2f}, of those that passed "
            f"{self.passed:.2f} (p = {self.p_value:.3f})"
        )


def quantities(record: RunRecord) -> dict[str, float]:
    """What the seed drew of a run, by name: where the robot and each loose thing stood at first [m, rad]."""
    found = {}
    if record.start is not None:
        found = dict(zip(("start x", "start y", "start yaw"), record.start, strict=True))
    for name, (first, _) in record.objects.items():
        found |= {f"{name} x": first[0], f"{name} y": first[1]}
    return found


def factors(records: Sequence[RunRecord], seed: int = 0) -> list[Factor]:
    """Of one scenario's runs, the plainest first; empty with fewer than three that failed, or passed.

    The share is that of H. B. Mann and D. R. Whitney, "On a test of whether one of two random variables is
    stochastically larger than the other", Annals of Mathematical Statistics 18 (1947), 50-60. Which runs
    failed is shuffled; the largest share of all quantities in each shuffle gives the p-values, which so allow
    for looking at many (P. H. Westfall and S. S. Young, "Resampling-Based Multiple Testing", 1993).
    """
    last = [tries[-1] for tries in runs_of(records)]
    last = [r for r in last if verdict(r) not in ("not judged", "error")]
    drawn = [quantities(r) for r in last]
    names = [n for n in (drawn[0] if drawn else ()) if all(n in d for d in drawn)]
    values = np.array([[d[n] for n in names] for d in drawn]).reshape(len(drawn), len(names))
    varied = np.ptp(values, axis=0) > 1e-6 if len(last) else np.zeros(0, dtype=bool)
    failed = np.array([verdict(r) != "passed" for r in last], dtype=bool)
    if not varied.any() or min(failed.sum(), (~failed).sum()) < FEWEST:
        return []
    names, values = [n for n, v in zip(names, varied, strict=True) if v], values[:, varied]
    ranks = np.stack([_ranks(column) for column in values.T], axis=1)
    rng = np.random.default_rng(seed)
    shuffles = np.stack([rng.permutation(failed) for _ in range(PERMUTATIONS)])
    shares = _shares(ranks, failed[None])[0]
    largest = np.abs(_shares(ranks, shuffles) - 0.5).max(axis=1)
    found = [
        Factor(
            name, float(share), float((1 + np.sum(largest >= abs(share - 0.5) - 1e-9)) / (1 + PERMUTATIONS)),
            float(np.median(column[failed])), float(np.median(column[~failed])),
        )
        for name, share, column in zip(names, shares, values.T, strict=True)
    ]  # fmt: skip
    return sorted(found, key=lambda one: -abs(one.share - 0.5))


def _ranks(values: Array) -> Array:
    """(n,) from 1, equal values sharing the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2.0)[place])


def _shares(ranks: Array, failed: Array) -> Array:
    """(shuffles, quantities) from ranks (runs, quantities) and which failed (shuffles, runs)."""
    bad = failed.sum(axis=1, keepdims=True)
    least = bad * (bad + 1) / 2.0
    return np.asarray((failed.astype(float) @ ranks - least) / (bad * (ranks.shape[0] - bad)))
