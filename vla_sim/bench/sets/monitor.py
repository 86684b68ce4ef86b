"""Monitor: what it costs to record a metric or take a report, and what a second of the monitor costs at 1, 10
and 100 times the nodes and the rates."""

import itertools
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from vla_sim.bench import live
from vla_sim.bench.benchmark import Benchmark, Meter, Wrong
from vla_sim.contract import records, topics
from vla_sim.contract.codec import encode
from vla_sim.contract.records import TraceEvent
from vla_sim.monitor.alert_rule import thresholds
from vla_sim.monitor.core import RealTimePerformanceMonitor
from vla_sim.monitor.metrics import MetricStore
from vla_sim.monitor.system import Usage

TIMES = (1, 10, 100)
NODES, COMMANDS = 9, 0.5
"""Of a stack as it is: nodes, and commands a second, the rate that the performance chapter asks for."""
SECONDS = 30
USAGE = Usage(10.0, 20.0, 30.0, 1e3, 1e3)


def record(meter: Meter) -> None:
    """2000 in a row for one sample: a single one is shorter than the clock's own time."""
    store, calls = MetricStore(), 2000
    meter.time(lambda: store.record_metric("voice", "latency", 1.5, "ms"), calls=calls)
    wanted = calls * (meter.warm_up + meter.repeat)
    if store.series("voice", "latency") is None or store.count != wanted:
        raise Wrong(f"{store.count} of {wanted} metrics were recorded")


def report(k: int) -> dict[str, str]:
    """A node's diagnostics in its k-th second."""
    values = {"listens": "/a /b", "pid": "0", f"published {topics.CMD_VEL.name}": str(50 * k)}
    return values | {f"figure {i}": str(k + i) for i in range(10)}


def events(k: int) -> list[TraceEvent]:
    """The trace of the k-th command."""
    return [
        TraceEvent(command_id=f"c{k}", stage=stage, begin_mono=float(k), end_mono=k + 0.01)  # type: ignore[arg-type]
        for stage in records.STAGES
    ]


def message(meter: Meter, kind: str) -> None:
    """One message that the monitor takes, or the state that it makes each second."""
    monitor, count = RealTimePerformanceMonitor(thresholds(), 0.0), itertools.count()
    pool = itertools.cycle([event for k in range(200) for event in events(k)])
    calls: dict[str, Callable[[float], object]] = {
        "event": lambda now: monitor.on_trace(next(pool), 1.0),
        "report": lambda now: monitor.on_diagnostics("engine", "ok", "ok", report(int(now)), now, now),
        "state": lambda now: monitor.second(USAGE, now),
    }
    meter.time(lambda: calls[kind](float(next(count))), calls=50)


def seconds(nodes: int, rates: int) -> list[float]:
    """Milliseconds of the processor that each of `SECONDS` seconds of a stack costs: reports of `nodes` times
    the usual nodes, commands at `rates` times the usual rate, and the state."""
    monitor = RealTimePerformanceMonitor(thresholds(), 0.0)
    commands = max(1, round(COMMANDS * rates))
    made = [events(k) for k in range(commands * SECONDS)]
    spent = []
    for k in range(SECONDS):
        begin = time.process_time()
        for n in range(NODES * nodes):
            monitor.on_diagnostics(f"node{n}", "ok", "ok", report(k), float(k), float(k))
        for one in made[k * commands : (k + 1) * commands]:
            for event in one:
                monitor.on_trace(event, float(k))
        encode(monitor.second(USAGE, float(k)))
        monitor.outbox.clear()
        spent.append(1e3 * (time.process_time() - begin))
    return spent


def second(meter: Meter, nodes: int, rates: int) -> None:
    for _ in range(meter.repeat):
        for milliseconds in seconds(nodes, rates):
            meter.add(milliseconds)


def growth(meter: Meter, nodes: int, rates: int) -> None:
    """Cost of 100 times as much over 100 times the cost: 1 or less is linear."""
    for _ in range(meter.repeat):
        meter.add(float(np.median(seconds(nodes, rates))) / (100.0 * float(np.median(seconds(1, 1)))))


def rate(run: live.LiveRun) -> list[float]:
    monos = [s.mono for s in run.states]
    if len(monos) < 3:
        raise Wrong(f"the monitor published its state {len(monos)} times")
    return [(len(monos) - 1) / (monos[-1] - monos[0])]


def _times(run: Callable[..., None], kind: str, n: int) -> Callable[[Meter], None]:
    return partial(run, nodes=n if kind == "nodes" else 1, rates=n if kind == "rates" else 1)


BENCHMARKS = (
    Benchmark("monitor.record", "recording one metric", record, unit="µs", repeat=100, quick=30),
    *(
        Benchmark(f"monitor.{kind}", what, partial(message, kind=kind), unit="µs", repeat=100, quick=30)
        for kind, what in (
            ("event", "taking a trace event"), ("report", "taking a node's report"),
            ("state", "making a second's state"),
        )
    ),
    *(
        Benchmark(f"monitor.{kind}_{n}", f"CPU of a second of the monitor at {n} times the {kind}",
                  _times(second, kind, n), repeat=3, quick=1)
        for kind in ("nodes", "rates") for n in TIMES
    ),
    *(
        Benchmark(f"monitor.growth_{kind}", f"cost of 100 times the {kind} over 100 times the cost",
                  _times(growth, kind, 100), unit="×", repeat=3, quick=1)
        for kind in ("nodes", "rates")
    ),
    Benchmark("monitor.cpu", "CPU of the monitor, of one core, while everything runs",
              live.sampled(lambda run: [usage.cpu for usage in run.nodes("monitor")]), unit="%", repeat=1,
              quick=0),
    Benchmark("monitor.rate", "states of the monitor", live.sampled(rate), unit="Hz", better="high", repeat=1,
              quick=0),
)  # fmt: skip
