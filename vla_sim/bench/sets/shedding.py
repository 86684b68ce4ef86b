"""Load shedding: the CPU that each level saves in the default stack, while the robot stands and walks."""

from functools import cache, partial
from pathlib import Path

from vla_sim.bench.benchmark import Benchmark, Meter
from vla_sim.common.errors import VlaSimError
from vla_sim.contract.limits import LOAD_LEVELS

ROUNDS = 4
"""Of all levels, one after the other."""


@cache
def _usage(folder: Path, walks: bool, rounds: int) -> list[list[float]] | VlaSimError:
    from vla_sim.bench.savings import usage

    try:
        return usage(rounds, folder, walks)
    except VlaSimError as error:  # kept, so that it is not tried again
        return error


def saved(meter: Meter, level: int, way: str) -> None:
    """A sample is one round: by how much less CPU than at the level before."""
    found = _usage(meter.options.folder / f"shedding-{way}", way == "walking", meter.repeat)
    if isinstance(found, VlaSimError):
        raise found
    for cores in found:
        meter.add(100.0 * (1.0 - cores[level] / cores[level - 1]))


BENCHMARKS = tuple(
    Benchmark(
        f"shedding.{way}_{level}_{one.name}",
        f"{way}: CPU of all nodes that level {level} saves, of the level before",
        partial(saved, level=level, way=way), unit="%", better="high", repeat=ROUNDS, quick=0,
    )
    for way in ("standing", "walking") for level, one in enumerate(LOAD_LEVELS) if level
)  # fmt: skip
