"""What of a machine is asked for, and what there is of it."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, fields
from pathlib import Path

import psutil

from vla_sim.common.errors import InputError
from vla_sim.contract.limits import NETWORK_LIMIT, RESOURCE_SHARES

UNITS = {"cpu": "cores", "memory": "MB", "disk": "MB", "network": "MB/s"}
SLACK = 1e-6
"""By which sums of floats may be over."""


@dataclass(frozen=True)
class Needs:
    """cpu [cores], memory [MB], disk [MB], network [MB/s]."""

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
        return Needs(*(a + b for (_, a), (_, b) in zip(self.items(), other.items(), strict=True)))

    def less(self, other: Needs) -> Needs:
        """What is left without the other's, at least 0."""
        return Needs(*(max(0.0, a - b) for (_, a), (_, b) in zip(self.items(), other.items(), strict=True)))

    def within(self, other: Needs) -> Needs:
        """No more of anything than the other."""
        return Needs(*(min(a, b) for (_, a), (_, b) in zip(self.items(), other.items(), strict=True)))

    def beyond(self, limit: Needs) -> list[str]:
        """What of it is more than there is."""
        most = dict(limit.items())
        return [name for name, value in self.items() if value > most[name] + SLACK]

    def told(self, names: list[str] | None = None) -> str:
        """ "0.8 cores, 2000 MB of memory": what is not 0, or what of it is named."""
        out = []
        for name, value in self.items():
            if (value > 0.0) if names is None else name in names:
                number = f"{value:.2f}".rstrip("0").rstrip(".") if name == "cpu" else f"{value:.0f}"
                what = "" if name == "cpu" else f" of {name}"
                out.append(f"{number} {UNITS[name]}{what}")
        return ", ".join(out) or "nothing"


@dataclass(frozen=True)
class Machine:
    """total: all there is. used: memory and disk that are taken now, whoever took them; a core and a network
    are shared by whoever wants them, so that of these only reservations count. device: of the disk."""

    total: Needs
    used: Needs = Needs()
    device: int = 0

    @property
    def limit(self) -> Needs:
        """What of it may be reserved."""
        shares = {**RESOURCE_SHARES, "network": 1.0}
        return Needs(**{name: value * shares[name] for name, value in self.total.items()})


def this_machine(folder: Path | None = None) -> Machine:
    """The machine as it is now. folder: on the disk that is meant; left out, the current one."""
    memory, disk = psutil.virtual_memory(), psutil.disk_usage(str(folder or Path.cwd()))
    cores = len(os.sched_getaffinity(0))
    return Machine(
        Needs(cores, memory.total / 1e6, disk.total / 1e6, NETWORK_LIMIT),
        Needs(memory=(memory.total - memory.available) / 1e6, disk=disk.used / 1e6),
        os.stat(folder or Path.cwd()).st_dev,
    )
