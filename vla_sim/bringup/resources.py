"""Amounts of a machine's resources: what a run needs, and what there is."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import psutil

from vla_sim.common.errors import InputError
from vla_sim.contract.limits import NETWORK_LIMIT, RESOURCE_SHARES

UNITS = {"cpu": "cores", "memory": "MB", "disk": "MB", "network": "MB/s"}
TOLERANCE = 1e-6  # rounding error that sums of amounts may have


@dataclass(frozen=True)
class Needs:
    """cpu [cores], memory [MB], disk [MB], network [MB/s]. Raises `InputError` for what is no amount."""

    cpu: float = 0.0
    memory: float = 0.0
    disk: float = 0.0
    network: float = 0.0

    def __post_init__(self) -> None:
        for name, value in self.items():
            if not (math.isfinite(value) and value >= 0.0):
                raise InputError(f"{name} {value:g} {UNITS[name]}: a number from 0 on is allowed")

    def items(self) -> list[tuple[str, float]]:
        return [(f.name, getattr(self, f.name)) for f in fields(self)]

    def __add__(self, other: Needs) -> Needs:
        return self._each(other, lambda a, b: a + b)

    def less(self, other: Needs) -> Needs:
        """What is left without the other's, at least 0."""
        return self._each(other, lambda a, b: max(0.0, a - b))

    def within(self, other: Needs) -> Needs:
        """No more of anything than the other."""
        return self._each(other, min)

    def _each(self, other: Needs, of: Callable[[float, float], float]) -> Needs:
        return Needs(**{name: of(value, getattr(other, name)) for name, value in self.items()})

    def beyond(self, limit: Needs) -> list[str]:
        """Names of the resources of which this is more than the limit."""
        return [name for name, value in self.items() if value > getattr(limit, name) + TOLERANCE]

    def text(self, names: list[str] | None = None) -> str:
        """ "0.8 cores, 2000 MB of memory": all that is not 0, or the named resources."""
        out = []
        for name, value in self.items():
            if (value > 0.0) if names is None else name in names:
                number = f"{value:.2f}".rstrip("0").rstrip(".") if name == "cpu" else f"{value:.0f}"
                out.append(f"{number} {UNITS[name]}{'' if name == 'cpu' else f' of {name}'}")
        return ", ".join(out) or "nothing"


@dataclass(frozen=True)
class Machine:
    """limit: what may be reserved of the machine. unused: the part of it that no program uses now; cores and
    network are shared among whoever wants them, so that of these only reservations count."""

    limit: Needs
    unused: Needs


def this_machine() -> Machine:
    """The machine as it is now, with the disk of the current folder."""
    memory, disk, share = psutil.virtual_memory(), psutil.disk_usage(str(Path.cwd())), RESOURCE_SHARES
    limit = Needs(
        share["cpu"] * len(os.sched_getaffinity(0)), share["memory"] * memory.total / 1e6,
        share["disk"] * disk.total / 1e6, NETWORK_LIMIT,
    )  # fmt: skip
    used = Needs(memory=(memory.total - memory.available) / 1e6, disk=disk.used / 1e6)
    return Machine(limit, limit.less(used))
