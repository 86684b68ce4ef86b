"""Live view: what it costs while its page is shut, and while it is open, and the robot walks."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vla_sim.bench.benchmark import Benchmark, Meter, once

if TYPE_CHECKING:
    from vla_sim.bench.viewing import Usage

ROUNDS = 4
"""Shut and open, for half a minute each."""
FIGURES = (
    ("view", "CPU of the viewer", "%"), ("stack", "CPU of all other nodes", "%"),
    ("pace", "simulated seconds a second", "x"), ("states", "states that come to the page", "Hz"),
)  # fmt: skip
"""Field of `Usage`, what it is, unit."""


@once
def _usage(folder: Path, rounds: int) -> "list[tuple[Usage, Usage]]":
    from vla_sim.bench.viewing import usage

    return usage(rounds, folder)


def measured(meter: Meter, figure: str, page_open: bool) -> None:
    """A sample is one span."""
    for both in _usage(meter.options.folder / "view", meter.repeat):
        meter.add(getattr(both[page_open], figure))


BENCHMARKS = tuple(
    Benchmark(
        f"view.{figure}_{'open' if page_open else 'shut'}",
        f"{what}, its page {'open' if page_open else 'shut'}",
        partial(measured, figure=figure, page_open=page_open), unit=unit,
        better="low" if unit == "%" else "high", repeat=ROUNDS, quick=0,
    )
    for figure, what, unit in FIGURES for page_open in (False, True) if figure != "states" or page_open
)  # fmt: skip
