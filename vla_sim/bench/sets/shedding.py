"""Load shedding: the CPU that each level saves in the default stack, while the robot stands and walks."""

from functools import partial
from pathlib import Path

from vla_sim.bench.benchmark import Benchmark, Meter, once
from vla_sim.contract.limits import LOAD_LEVELS

ROUNDS = 4
"""Of all levels, one after the other."""


@once
def _usage(folder: Path, walks: bool, rounds: int) -> list[list[float]]:
    from vla_sim.bench.savings import usage

    return usage(rounds, folder, walks)


def saved(meter: Meter, level: int, way: str) -> None:
    """A sample is one round: by how much less CPU than at the level before."""
    for cores in _usage(meter.options.folder / f"shedding-{way}", way == "walking", meter.repeat):
        meter.add(100.0 * (1.0 - cores[level] / cores[level - 1]))


BENCHMARKS = tuple(
    Benchmark(
        f"shedding.{way}_{level}_{one.name}",
        f"{way}: CPU of all nodes that level {level} saves, of the level before",
        partial(saved, level=level, way=way), unit="%", better="high", repeat=ROUNDS, quick=0,
    )
    for way in ("standing", "walking") for level, one in enumerate(LOAD_LEVELS) if level
)  # fmt: skip
