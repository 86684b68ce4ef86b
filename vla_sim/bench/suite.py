"""Runs benchmarks one after the other: one that fails is reported, the others go on."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path

import psutil

from vla_sim.bench import sets
from vla_sim.bench.benchmark import Benchmark, Meter, Options, Wrong
from vla_sim.bench.result import Machine, Result, State, Suite, summary
from vla_sim.common.cpu_share import CpuTimes
from vla_sim.common.errors import InputError, MissingError, VlaSimError
from vla_sim.scenario.result import versions


def choose(targets: Sequence[str]) -> list[Benchmark]:
    """All benchmarks, or those of the named sets, and those named themselves. Raises `InputError`."""
    wanted = dict.fromkeys(t.partition(".")[0] for t in targets) if targets else dict.fromkeys(sets.SETS)
    for name in wanted:
        if name not in sets.SETS:
            raise InputError(f"no set of benchmarks is called {name!r}; there are {', '.join(sets.SETS)}")
    found = [b for name in sets.SETS if name in wanted for b in sets.load(name)]
    for target in targets:
        if "." in target and not any(b.name == target for b in found):
            known = ", ".join(b.name for b in found if b.set == target.partition(".")[0])
            raise InputError(f"no benchmark is called {target!r}; there are {known}")
    return [b for b in found if not targets or b.set in targets or b.name in targets]


def run(
    benchmarks: Sequence[Benchmark], options: Options, again: str = "", subset: bool = False,
    begun: Callable[[Benchmark], None] = lambda b: None, done: Callable[[Result], None] = lambda r: None,
) -> Suite:  # fmt: skip
    """Measure each; Ctrl-C ends it with what there is. begun, done: called before and after each."""
    started = datetime.now(timezone.utc).isoformat(timespec="seconds")
    load, before = os.getloadavg()[0], CpuTimes.now()
    results: list[Result] = []
    interrupted = False
    try:
        for benchmark in benchmarks:
            if options.quick and not benchmark.quick:
                continue
            begun(benchmark)
            results.append(measure(benchmark, options))
            done(results[-1])
            if results[-1].state == "interrupted":
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        interrupted = True
    after = CpuTimes.now()
    return Suite(
        started=started, again=again, quick=options.quick, subset=subset, interrupted=interrupted,
        seconds=after.mono - before.mono, machine=facts(load, before.others(after)), results=results,
    )  # fmt: skip


def measure(benchmark: Benchmark, options: Options) -> Result:
    """Run one benchmark; any error in it becomes part of the result."""
    repeat = benchmark.quick if options.quick else benchmark.repeat
    repeat = repeat if options.repeat is None else options.repeat
    meter = Meter(benchmark.unit, repeat, benchmark.warm_up, options)
    begin = time.monotonic()
    state: State = "ok"
    try:
        benchmark.run(meter)
        if meter.wrong:
            state = "failed"
        elif not meter.samples:
            state, meter.reason = "failed", "it measured nothing"
    except KeyboardInterrupt:
        state, meter.reason = "interrupted", "interrupted"
    except MissingError as error:
        state, meter.reason = "skipped", str(error)
    except (Wrong, VlaSimError) as error:
        state, meter.reason = "failed", str(error)
        meter.wrong += 1
    except Exception as error:
        state, meter.reason = "failed", f"{type(error).__name__}: {error}"
        meter.wrong += 1
    return Result(
        name=benchmark.name, what=benchmark.what, unit=benchmark.unit, better=benchmark.better, state=state,
        reason=meter.reason, attempts=len(meter.samples) + meter.wrong, right=len(meter.samples),
        summary=summary(meter.samples, benchmark.unit), samples=meter.samples,
        cpu=meter.cpu, seconds=time.monotonic() - begin,
    )  # fmt: skip


def facts(load: float, others: float) -> Machine:
    """The machine. load: its load average before; others: share of its cores that other programs used."""
    return Machine(
        cpu=_cpu(), cores=os.cpu_count() or 1, memory=psutil.virtual_memory().total / 1e9,
        system=platform.platform(), load_before=load, load_after=os.getloadavg()[0], others=others,
        versions=versions(),
    )  # fmt: skip


def _cpu() -> str:
    """The processor's name as Linux reports it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
