"""What a suite leaves behind: typed records of benchmarks, machine and requirements, as JSON."""

from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from vla_sim.bench.benchmark import SCALE
from vla_sim.common.cpu_share import BUSY
from vla_sim.common.errors import InputError
from vla_sim.common.files import user_path
from vla_sim.contract.records import Record, Text

FILE = "bench.json"
State = Literal["ok", "failed", "skipped", "interrupted"]


class Summary(Record, frozen=True, kw_only=True):
    """Of samples, in the benchmark's unit. std: with n - 1. Percentiles are linear between neighbours.
    throughput: calls a second, one after the other; 0 where the unit is no time."""

    count: int
    mean: float
    min: float
    max: float
    std: float
    p50: float
    p95: float
    p99: float
    throughput: float


class Result(Record, frozen=True, kw_only=True):
    """One benchmark, measured. state: ok; failed: a wrong answer or an error, see `reason`; skipped:
    what it needs is not installed; interrupted: Ctrl-C came while it ran. attempts: samples that were tried;
    right: those with a right answer, which alone are in `samples`. cpu: the processor's time of each of them,
    all threads, in the same unit; empty where it was not taken. seconds: what measuring took in all."""

    name: Text
    what: Text
    unit: Text
    better: Literal["low", "high"]
    state: State
    reason: Text = ""
    attempts: int
    right: int
    summary: Summary | None
    samples: list[float]
    cpu: list[float]
    seconds: float

    @property
    def set(self) -> str:
        return self.name.partition(".")[0]

    @property
    def cpu_p50(self) -> float | None:
        """Median of the processor's time."""
        return float(np.median(self.cpu)) if self.cpu else None

    @property
    def success(self) -> float:
        """Share of right answers, 0..1."""
        return self.right / self.attempts if self.attempts else 0.0


class Machine(Record, frozen=True, kw_only=True):
    """Where it was measured. load: running and waiting tasks, averaged over a minute, before and after;
    memory: in all [GB]. others: share of all cores that processes other than this one and its children used
    while measuring."""

    cpu: Text
    cores: int
    memory: float
    system: Text
    load_before: float
    load_after: float
    others: float
    versions: dict[str, str]

    @property
    def fit(self) -> bool:
        """Whether what was measured there says something of our speed."""
        return self.others <= BUSY


class Suite(Record, frozen=True, kw_only=True):
    """All that was measured at one time. subset: some benchmarks only were asked for."""

    started: Text
    """UTC, ISO 8601."""
    again: Text
    quick: bool
    subset: bool
    interrupted: bool
    seconds: float
    machine: Machine
    results: list[Result]


_suites = msgspec.json.Decoder(Suite)


def summary(samples: list[float], unit: str) -> Summary | None:
    """None of no samples."""
    if not samples:
        return None
    values = np.array(samples)
    p50, p95, p99 = np.percentile(values, (50.0, 95.0, 99.0))
    mean = float(values.mean())
    return Summary(
        count=len(values), mean=mean, min=float(values.min()), max=float(values.max()),
        std=float(values.std(ddof=1)) if len(values) > 1 else 0.0,
        p50=float(p50), p95=float(p95), p99=float(p99),
        throughput=SCALE[unit] / mean if unit in SCALE and mean > 0.0 else 0.0,
    )  # fmt: skip


def read(target: str | Path) -> Suite:
    """A suite by its JSON file or the folder that holds it. Raises `InputError`."""
    path = user_path(target)
    path = path / FILE if path.is_dir() else path
    try:
        return _suites.decode(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise InputError(
            f"{path}: not what vla-sim bench wrote: {error}; give its folder or its {FILE}"
        ) from None
