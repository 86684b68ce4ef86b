"""Monitor: what it costs to record a metric, and what a second of the monitor costs at 1, 10 and 100 times
the nodes and the rates."""

from __future__ import annotations

from functools import partial

from vla_sim.bench import live, monitor_cost
from vla_sim.bench.benchmark import Benchmark, Meter, Wrong
from vla_sim.monitor.metrics import MetricStore

TIMES = (1, 10, 100)
CALLS = 2000
"""Metrics in a row for one sample: a single one is shorter than the clock's own time."""


def record(meter: Meter) -> None:
    store = MetricStore()
    meter.time(lambda: store.record("voice", "latency", 1.5, "ms"), calls=CALLS)
    series = store.series("voice", "latency")
    wanted = CALLS * (meter.warm_up + meter.repeat)
    if series is None or store.count != wanted:
        raise Wrong(f"{store.count} of {wanted} metrics were recorded")


def second(meter: Meter, nodes: int, rates: int) -> None:
    for _ in range(meter.repeat):
        for milliseconds in monitor_cost.seconds(monitor_cost.NODES * nodes, float(rates)):
            meter.add(milliseconds)


def growth(meter: Meter, what: str) -> None:
    """Cost of 100 times as much over 100 times the cost: 1 or less is linear."""
    for _ in range(meter.repeat):
        once = monitor_cost.second(monitor_cost.NODES, 1.0)
        nodes, rate = (100, 1.0) if what == "nodes" else (1, 100.0)
        more = monitor_cost.second(nodes * monitor_cost.NODES, rate)
        meter.add(more / (100.0 * once))


def cpu(meter: Meter) -> None:
    """Of its process, second by second of a run."""
    for run in live.runs(meter):
        for usage in run.nodes("monitor"):
            meter.add(usage.cpu)


def rate(meter: Meter) -> None:
    for run in live.runs(meter):
        monos = [s.mono for s in run.states]
        if len(monos) < 3:
            raise Wrong(f"the monitor told its state {len(monos)} times")
        meter.add((len(monos) - 1) / (monos[-1] - monos[0]))


BENCHMARKS = (
    Benchmark("monitor.record", "recording one metric", record, unit="µs", repeat=100, quick=30),
    *(
        Benchmark(f"monitor.{kind}_{n}", f"CPU of a second of the monitor at {n} times the {kind}",
                  partial(second, nodes=n if kind == "nodes" else 1, rates=n if kind == "rates" else 1),
                  repeat=3, quick=1)
        for kind in ("nodes", "rates") for n in TIMES
    ),
    *(
        Benchmark(f"monitor.growth_{kind}", f"cost of 100 times the {kind} over 100 times the cost",
                  partial(growth, what=kind), unit="×", repeat=3, quick=1)
        for kind in ("nodes", "rates")
    ),
    Benchmark("monitor.cpu", "CPU of the monitor, of one core, while everything runs", cpu, unit="%",
              repeat=1, quick=0),
    Benchmark("monitor.rate", "states of the monitor", rate, unit="Hz", better="high", repeat=1, quick=0),
)  # fmt: skip
