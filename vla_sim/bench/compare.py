"""Is one suite slower than another? The answer allows for noise: slower, faster, same, or cannot tell.

For each benchmark a confidence interval of the ratio of medians, by resampling blocks of neighbouring
samples: on a busy machine neighbours are alike, and taking them one by one would make the interval too
narrow. H. R. Künsch, "The jackknife and the bootstrap for general stationary observations", Annals of
Statistics 17 (1989), 1217-1241. What lies within `LEAST` is called the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vla_sim.bench.result import Machine, Result, Suite
from vla_sim.common.geometry import Array

LEAST = 1.10
"""A smaller ratio is not worth acting on."""
CONFIDENCE = 0.99
"""Of one interval: some fifty are looked at at once."""
RESAMPLES = 2000
FEWEST = 8
"""Samples needed on either side for a verdict."""
BUSIER = 0.10
"""Share of the cores by which others used more: then waiting longer may be theirs."""

Verdict = Literal["slower", "faster", "same", "cannot tell", "failed"]
"""failed: it worked in the first, and in the second it gave wrong answers or broke off."""


@dataclass(frozen=True)
class Compared:
    """ratio: cost of the second over the first, above 1 is worse, also of a rate; low, high: its interval."""

    name: str
    verdict: Verdict
    ratio: float | None = None
    low: float = 0.0
    high: float = 0.0
    note: str = ""


def compare(a: Suite, b: Suite) -> list[Compared]:
    """Every benchmark that is in either."""
    first, second = ({r.name: r for r in suite.results} for suite in (a, b))
    return [
        _compare(name, first.get(name), second.get(name), b.machine.others - a.machine.others)
        for name in dict.fromkeys([*first, *second])
    ]


def _compare(name: str, a: Result | None, b: Result | None, busier: float) -> Compared:
    if a is not None and a.state == "ok" and b is not None and b.state == "failed":
        return Compared(name, "failed", note=b.reason)
    for which, one in (("first", a), ("second", b)):
        if one is None or one.state != "ok":
            why = "was not measured" if one is None else one.state
            return Compared(name, "cannot tell", note=f"{why} in the {which}")
    assert a is not None
    assert b is not None
    if a.unit != b.unit:
        return Compared(name, "cannot tell", note=f"in {a.unit} and in {b.unit}")
    if min(len(a.samples), len(b.samples)) < FEWEST:
        return Compared(name, "cannot tell", note=f"fewer than {FEWEST} samples")
    before, after = (a, b) if a.better == "low" else (b, a)
    ratio, low, high = interval(before.samples, after.samples)
    verdict = verdict_of(low, high)
    if verdict == "slower" and busier > BUSIER and a.cpu and b.cpu:
        cpu = interval(a.cpu, b.cpu)
        if verdict_of(*cpu[1:]) != "slower":
            note = f"others used {100 * busier:.0f} % more of the machine; the CPU time is {cpu[0]:.2f}×"
            return Compared(name, "cannot tell", ratio, low, high, note)
    return Compared(name, verdict, ratio, low, high)


def verdict_of(low: float, high: float) -> Verdict:
    """Of a ratio's interval."""
    if low > LEAST:
        return "slower"
    if high < 1.0 / LEAST:
        return "faster"
    return "same" if low > 1.0 / LEAST and high < LEAST else "cannot tell"


def interval(a: Sequence[float], b: Sequence[float], seed: int = 0) -> tuple[float, float, float]:
    """Ratio of medians b over a, and its interval at `CONFIDENCE`."""
    rng = np.random.default_rng(seed)
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    tiny = np.finfo(float).tiny
    ratio = float(np.median(second) / max(float(np.median(first)), tiny))
    ratios = medians(second, rng) / np.maximum(medians(first, rng), tiny)
    low, high = np.quantile(ratios, (0.5 - CONFIDENCE / 2.0, 0.5 + CONFIDENCE / 2.0))
    return ratio, float(low), float(high)


def medians(samples: Array, rng: np.random.Generator) -> Array:
    """(RESAMPLES,) medians of series made of blocks, drawn around the ends too."""
    n = len(samples)
    block = max(1, round(n ** (1.0 / 3.0)))
    begins = rng.integers(0, n, size=(RESAMPLES, -(-n // block)))
    index = (begins[:, :, None] + np.arange(block)) % n
    return np.asarray(np.median(samples[index.reshape(RESAMPLES, -1)[:, :n]], axis=1))


def machines(a: Machine, b: Machine) -> list[str]:
    """In what the machines differ; empty if they are the same as far as one can see."""
    out = [
        f"{what}: {x} and {y}"
        for what, x, y in (
            ("processor", a.cpu, b.cpu), ("cores", a.cores, b.cores), ("system", a.system, b.system),
            ("memory [GB]", round(a.memory), round(b.memory)),
        )
        if x != y
    ]  # fmt: skip
    for name in sorted(a.versions.keys() | b.versions.keys()):
        x, y = a.versions.get(name, "none"), b.versions.get(name, "none")
        if x != y and name != "vla_sim":
            out.append(f"{name}: {x} and {y}")
    return out
