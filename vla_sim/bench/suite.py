"""Benchmarks: what one is, how it is run, and the figures of what it measured."""

from __future__ import annotations

import gc
import importlib
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import metadata

import msgspec
import numpy as np
import psutil

import vla_sim
from vla_sim.contract import Record
from vla_sim.errors import VlaSimError

SETS = (
    "voice", "language", "perception", "navigation", "safety", "manipulation", "control", "monitor",
    "end_to_end",
)  # fmt: skip
"""Modules of this package with a function `benchmarks`, in the order in which they run."""
KEPT = 1000
"""Samples of a benchmark that are kept at most, evenly chosen."""
PACKAGES = ("numpy", "numba", "mujoco", "onnxruntime", "pocketsphinx", "ros-jazzy-rclpy")
Once = Callable[[], "float | Mapping[str, float]"]
"""One repetition: a value in the benchmark's unit, or several by name, "control rate [Hz]"."""
Prepare = Callable[[], AbstractContextManager[Once]]


class WrongError(Exception):
    """What was measured gave a wrong answer: its time means nothing."""


@dataclass(frozen=True)
class Options:
    """quick: fewer repetitions, and nothing that takes minutes. repeat: factor of the repetitions. base_url,
    model: of an OpenAI-compatible server to be measured too. folder: for files on the way."""

    quick: bool = False
    repeat: float = 1.0
    base_url: str = ""
    model: str = ""
    folder: str = ""


@dataclass(frozen=True)
class Benchmark:
    """name: "set/what". open: prepares, gives the repetition and cleans up. warmup: repetitions that do not
    count."""

    name: str
    open: Prepare
    repetitions: int = 50
    warmup: int = 3
    unit: str = "ms"


class Figures(Record, frozen=True, kw_only=True):
    """Of the samples, in their unit. throughput: a second, of what takes milliseconds; else 0."""

    count: int
    mean: float
    min: float
    max: float
    stddev: float
    p50: float
    p95: float
    p99: float
    throughput: float


class Result(Record, frozen=True, kw_only=True):
    """success: every repetition was done and right; else `error` says why not."""

    name: str
    unit: str
    success: bool
    error: str = ""
    figures: Figures | None
    samples: list[float]


class Machine(Record, frozen=True, kw_only=True):
    """load: of the last minute, when the suite began."""

    processor: str
    cores: int
    memory_gb: float
    load: float
    python: str
    packages: dict[str, str]


class Report(Record, frozen=True, kw_only=True):
    """All of one run of the suite. complete: it came to its end."""

    began: str
    version: str
    machine: Machine
    quick: bool
    sets: list[str]
    seconds: float
    complete: bool
    results: list[Result]


def timed(call: Callable[[], object], check: Callable[[object], None] = lambda _: None) -> Once:
    """A repetition that takes the time of a call [ms] and holds what it gives against `check`, which raises
    `WrongError`."""

    def once() -> float:
        begin = time.perf_counter()
        out = call()
        spent = 1e3 * (time.perf_counter() - begin)
        check(out)
        return spent

    return once


def figures(samples: Iterable[float], unit: str = "ms") -> Figures:
    """Of one sample or more. stddev is the sample's (n - 1), 0 for one."""
    x = np.asarray(list(samples), dtype=float)
    p50, p95, p99 = (float(v) for v in np.percentile(x, (50.0, 95.0, 99.0)))
    mean = float(x.mean())
    return Figures(
        count=x.size, mean=mean, min=float(x.min()), max=float(x.max()),
        stddev=float(x.std(ddof=1)) if x.size > 1 else 0.0, p50=p50, p95=p95, p99=p99,
        throughput=1e3 / mean if unit == "ms" and mean > 0.0 else 0.0,
    )  # fmt: skip


def find(sets: Iterable[str], options: Options) -> list[Benchmark]:
    """The benchmarks of the sets, in the order of `SETS`."""
    wanted = set(sets)
    out: list[Benchmark] = []
    for name in SETS:
        if name in wanted:
            out += importlib.import_module(f"vla_sim.bench.{name}").benchmarks(options)
    return out


def run(benchmark: Benchmark, options: Options) -> list[Result]:
    """Its result, or one for each value that a repetition gives. A benchmark that fails is reported with
    what it said: the others go on. Only `KeyboardInterrupt` leaves."""
    samples: dict[tuple[str, str], list[float]] = {}
    error = ""
    count = max(1, round(benchmark.repetitions * options.repeat * (0.2 if options.quick else 1.0)))
    try:
        with benchmark.open() as once:
            for _ in range(benchmark.warmup if count > 1 else 0):
                once()
            gc.collect()
            for _ in range(count):
                value = once()
                values = value if isinstance(value, Mapping) else {"": value}
                for key, one in values.items():
                    samples.setdefault(_named(benchmark, key), []).append(float(one))
    except (VlaSimError, WrongError) as problem:
        error = str(problem)
    except Exception as problem:  # whatever it is: the suite goes on
        error = f"{type(problem).__name__}: {problem}"
    if not samples:
        samples[_named(benchmark, "")] = []
    return [
        Result(
            name=name, unit=unit, success=not error, error=error,
            figures=figures(taken, unit) if taken else None, samples=kept(taken),
        )
        for (name, unit), taken in samples.items()
    ]  # fmt: skip


def _named(benchmark: Benchmark, key: str) -> tuple[str, str]:
    if not key:
        return benchmark.name, benchmark.unit
    what, _, unit = key.partition(" [")
    return f"{benchmark.name}: {what}", unit.removesuffix("]") if unit else benchmark.unit


def kept(samples: list[float]) -> list[float]:
    """At most `KEPT` of the samples, rounded to six digits."""
    step = max(1, -(-len(samples) // KEPT))
    return [float(f"{v:.6g}") for v in samples[::step]]


def machine() -> Machine:
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return Machine(
        processor=_processor(), cores=psutil.cpu_count() or 1,
        memory_gb=round(psutil.virtual_memory().total / 1e9, 1), load=round(psutil.getloadavg()[0], 2),
        python=platform.python_version(), packages=versions,
    )  # fmt: skip


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def play(
    benchmarks: Iterable[Benchmark], sets: list[str], options: Options,
    say: Callable[[list[Result]], None] = lambda _: None,
) -> Iterator[Report]:  # fmt: skip
    """Runs them one by one; after each the report so far, so that whoever stops early keeps it."""
    began = datetime.now(timezone.utc).isoformat(timespec="seconds")
    here, begin = machine(), time.monotonic()
    benchmarks = list(benchmarks)
    results: list[Result] = []
    for k, benchmark in enumerate(benchmarks, 1):
        new = run(benchmark, options)
        results += new
        say(new)
        yield Report(
            began=began, version=vla_sim.__version__, machine=here, quick=options.quick, sets=sets,
            seconds=round(time.monotonic() - begin, 1), complete=k == len(benchmarks), results=list(results),
        )  # fmt: skip


def encode(report: Report) -> bytes:
    return msgspec.json.format(msgspec.json.encode(report), indent=1)
