"""The whole stack in real time, spoken to: from the end of speech to the first motion, and how control,
perception and monitor hold their rates meanwhile. Each run is judged as `vla-sim run` judges it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from rich.console import Console

from vla_sim.bench.suite import Benchmark, Once, Options, Prepare, WrongError
from vla_sim.contract import CMD_VEL, MONITOR_STATE, OBJECTS
from vla_sim.monitor.health import Health
from vla_sim.scenario.display import Display
from vla_sim.scenario.format import Say, Scenario, When
from vla_sim.scenario.load import File
from vla_sim.scenario.record import RunRecord
from vla_sim.scenario.run import MONITOR, RunOptions, run_once
from vla_sim.stack import StackOptions

COMMANDS = {
    "Go to kitchen and pick up cup": "high complexity",
    "Move forward 2 meters": "low",
    "Navigate to charging station": "medium",
    "Find red ball and grasp it": "high",
}
RATES = {"control rate": CMD_VEL.name, "perception rate": OBJECTS.name, "monitor rate": MONITOR_STATE.name}


def benchmarks(options: Options) -> list[Benchmark]:
    if options.quick:
        return []
    return [
        Benchmark(f"end_to_end/{words}", _run(words, options), repetitions=2, warmup=0) for words in COMMANDS
    ]


def _run(words: str, options: Options) -> Prepare:
    @contextmanager
    def prepared() -> Iterator[Once]:
        scenario = Scenario(
            version=1, proves=words, world="apartment", script=[Say(words=words, when=When(at=0.0))]
        )  # fmt: skip
        file = File("bench", Path.cwd() / "bench", scenario)
        seed = -1
        with TemporaryDirectory() as folder:

            def once() -> Mapping[str, float]:
                nonlocal seed
                seed += 1
                out = Path(folder) / str(seed)
                stack = StackOptions(speed=1.0, seed=seed, monitor=True)
                with Display(Console(quiet=True)) as display:
                    record = run_once(RunOptions(file, stack, out, pictures=False), display)
                if not record.passed:
                    failed = "; ".join(f"{c.name}: {c.detail}" for c in record.checks if not c.passed)
                    raise WrongError(f"seed {seed} did not pass: {failed or record.answer}")
                health = msgspec.json.decode((out / MONITOR / "report.json").read_bytes(), type=Health)
                return {**_latencies(record), **_machine(health)}

            yield once

    return prepared


def _latencies(record: RunRecord) -> dict[str, float]:
    stages = {f"{s.stage} [ms]": s.milliseconds for s in record.stages}
    first = math.nan if record.total_ms is None else record.total_ms
    return {"first motion [ms]": first, **stages}


def _machine(health: Health) -> dict[str, float]:
    out = {}
    for name, topic in RATES.items():
        found = health.values.get(f"{topic} [Hz]")
        out[f"{name} [Hz]"] = found.average if found else math.nan
    cpu = health.values.get("monitor cpu [% of a core]")
    out["monitor cpu [%]"] = cpu.average if cpu else math.nan
    out["control jitter p99 [ms]"] = float(health.figures["engine.tick_lateness_ms_p99"])
    return out
