"""The sets of benchmarks, one module each with a tuple `BENCHMARKS`."""

from importlib import import_module

from vla_sim.bench.benchmark import Benchmark

__all__ = [
    "control", "end_to_end", "llm", "manipulation", "monitor", "navigation", "odometry", "perception",
    "safety", "shedding", "view", "voice",
]  # fmt: skip

SETS = (
    "voice", "llm", "perception", "navigation", "safety", "manipulation", "control", "monitor",
    "odometry", "shedding", "view", "end_to_end",
)  # fmt: skip
"""In the order in which they run."""


def load(name: str) -> tuple[Benchmark, ...]:
    """The benchmarks of a set, each called "<set>.<what>"."""
    found: tuple[Benchmark, ...] = import_module(f"{__name__}.{name}").BENCHMARKS
    return found
