"""Kernels against what a user would pick instead: the same question on the same data, a library's time over
ours. Above 1 the kernel is faster.

The libraries come with the extra `bench`; what is not installed is skipped. Each answer is checked against
the other's. Where a library was as good it is used and there is nothing to compare: the memory of a model's
answers is cachetools' `TTLCache`, the ONNX networks are onnxruntime's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from vla_sim.bench.rivals import collision, fields, inverse, planning, rates
from vla_sim.bench.suite import Benchmark, Once, Options, Prepare

MAPS = (("5 m", 5.0, 5, 20), ("10 m", 10.0, 10, 20), ("1000×1000", 48.0, 60, 5))
"""What it is called, the way in x and y [m], obstacles, repetitions."""


def benchmarks(options: Options) -> list[Benchmark]:
    if options.quick:
        return []
    out = []
    for package in ("pyastar2d", "scikit-image"):
        for name, size, obstacles, times in MAPS:
            plan = partial(planning.plan, package, size, obstacles)
            out.append(_one(f"plan, {name}: {package}", plan, times))
            out.append(_one(f"cost of the plan, {name}: {package}", partial(plan, cost=True), 1))
    out += [
        _one("footprint: shapely", collision.footprint), _one("gate: shapely", collision.gate),
        _one("arm: python-fcl", collision.arm), _one("inverse kinematics: mink", inverse.inverse, 5),
    ]  # fmt: skip
    for seeds in ("one", "all"):
        for mink in (False, True):
            name = f"poses reached, {seeds} seed{'s' if seeds == 'all' else ''}: {'mink' if mink else 'ours'}"
            out.append(_one(name, partial(inverse.reached, mink, seeds), 1, "%"))
    for package in ("scipy", "opencv"):
        for where in ("apartment", "1000×1000"):
            out.append(_one(f"distances, {where}: {package}", partial(fields.distance, package, where)))
    return [*out, _one("rate limiter: aiolimiter", rates.limiter)]


def _one(name: str, make: Callable[[], Once], repetitions: int = 20, unit: str = "times") -> Benchmark:
    return Benchmark(f"kernels/{name}", _prepared(make), repetitions, warmup=1, unit=unit)


def _prepared(make: Callable[[], Once]) -> Prepare:
    @contextmanager
    def prepared() -> Iterator[Once]:
        yield make()

    return prepared
