"""Kernels against what a user would pick instead: the same question on the same data, a library's time over
ours. Above 1 the kernel is faster.

The libraries come with the extra `bench`; what is not installed is skipped. Both are timed in turns and by
the processor's time, so that a busy machine slows both alike, and each answer is checked against the other's.
Where a library was as good it is used and there is nothing to compare: the memory of a model's answers is
cachetools' `TTLCache`, the ONNX networks are onnxruntime's.
"""

from collections.abc import Callable
from functools import partial

from vla_sim.bench.baselines import collision, fields, inverse, planning, rates
from vla_sim.bench.benchmark import Benchmark, Meter


def _one(
    name: str, what: str, run: Callable[[Meter], None], repeat: int = 20, unit: str = "times"
) -> Benchmark:
    return Benchmark(
        f"kernels.{name}", what, run, unit=unit, better="high", repeat=repeat, quick=min(repeat, 5),
        warm_up=1,
    )  # fmt: skip


_MAPS = (("5m", 5.0, 5, 20), ("10m", 10.0, 10, 20), ("1000", 48.0, 60, 5))

BENCHMARKS = (
    *(
        _one(
            f"plan_{name}_{package}", f"a way of {size:.0f} m in x and y, {obstacles} obstacles: {package}'s "
            "time over ours", partial(planning.plan, package=package, size=size, obstacles=obstacles), repeat,
        )
        for package in ("pyastar2d", "scikit-image") for name, size, obstacles, repeat in _MAPS
    ),
    *(
        _one(
            f"plan_{name}_{package}_cost", f"what {package}'s way costs over what ours does",
            partial(planning.plan, package=package, size=size, obstacles=obstacles, cost=True), 1,
        )
        for package in ("pyastar2d", "scikit-image") for name, size, obstacles, _ in _MAPS
    ),
    _one("footprint_shapely", "room around the body: shapely's time over ours", collision.footprint),
    _one("gate_shapely", "when the body meets a point of the scan: shapely's time over ours", collision.gate),
    _one("arm_fcl", "gap between an arm and boxes: python-fcl's time over ours", collision.arm),
    _one("ik_mink", "inverse kinematics, to 0.2 mm and 1 mrad: mink's time over ours", inverse.inverse, 5),
    *(
        _one(
            f"ik_reached_{seeds}_{'mink' if mink else 'ours'}", "poses within reach that are reached from "
            f"{seeds} seed(s), {'mink' if mink else 'ours'}",
            partial(inverse.reached, mink=mink, seeds=seeds), 1, "%",
        )
        for seeds in ("one", "all") for mink in (False, True)
    ),
    *(
        _one(
            f"distance_{map_}_{package}", f"distances in the map {map_}: {package}'s time over ours",
            partial(fields.distance, package=package, map_=map_),
        )
        for package in ("scipy", "opencv") for map_ in ("apartment", "1000")
    ),
    _one("limiter_aiolimiter", "word on 1000 requests: aiolimiter's time over ours", rates.limiter),
)  # fmt: skip
