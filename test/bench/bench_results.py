"""Results as a suite leaves them, made by hand."""

from __future__ import annotations

import numpy as np

from vla_sim.bench.result import Machine, Result, Suite, summary

MACHINE = Machine(
    cpu="one", cores=2, memory=8.0, system="Linux", load_before=1.0, load_after=1.0, others=0.1, versions={},
)  # fmt: skip


def result(name, samples, *, unit="ms", better="low", state="ok", wrong=0, reason="", cpu=()):
    samples = [float(v) for v in samples]
    return Result(
        name=name, what=name, unit=unit, better=better, state=state, reason=reason,
        attempts=len(samples) + wrong, right=len(samples), summary=summary(samples, unit), samples=samples,
        cpu=[float(v) for v in cpu], seconds=1.0,
    )  # fmt: skip


def suite(*results, machine=MACHINE, **more):
    values = {"quick": False, "subset": False, "interrupted": False} | more
    return Suite(
        started="2026-01-01T00:00:00+00:00", again="vla-sim bench", seconds=1.0, machine=machine,
        results=list(results), **values,
    )  # fmt: skip


def noisy(seed, count, sigma=0.1, factor=1.0, tails=0.0, memory=0.0):
    """Lognormal samples around 10 * factor; with a share of them five times longer, and each like the one
    before it by `memory`, as on a busy machine."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0.0, 1.0, count)
    for k in range(1, count):
        steps[k] = memory * steps[k - 1] + np.sqrt(1.0 - memory**2) * steps[k]
    late = np.where(rng.random(count) < tails, 5.0, 1.0)
    return 10.0 * factor * np.exp(sigma * steps) * late
