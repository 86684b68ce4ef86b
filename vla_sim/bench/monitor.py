"""What monitoring costs, and how the cost grows with the nodes and with the rates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vla_sim.bench.suite import Benchmark, Once, Options, Prepare
from vla_sim.monitor import cost
from vla_sim.monitor.core import Monitor
from vla_sim.monitor.metrics import MetricStore
from vla_sim.monitor.watch import thresholds


def benchmarks(options: Options) -> list[Benchmark]:
    out = [
        Benchmark("monitor/one metric", _metric, repetitions=5, warmup=1, unit="µs"),
        Benchmark("monitor/one trace event", _event, repetitions=5, warmup=1, unit="µs"),
    ]
    for times in (1, 10, 100):
        nodes, rates = _second(cost.NODES * times, 1.0), _second(cost.NODES, float(times))
        out.append(Benchmark(f"monitor/a second of {times}× the nodes", nodes, repetitions=3, warmup=0))
        out.append(Benchmark(f"monitor/a second of {times}× the rates", rates, repetitions=3, warmup=0))
    return out


@contextmanager
def _metric() -> Iterator[Once]:
    store = MetricStore()
    yield lambda: cost.microseconds(lambda _: store.record("voice", "latency", 1.5, "ms", 2.5), 5000)[0]


@contextmanager
def _event() -> Iterator[Once]:
    monitor = Monitor(thresholds(), 0.0)
    pool = [event for k in range(200) for event in cost.events(k)]
    yield lambda: cost.microseconds(lambda k: monitor.on_trace(pool[k % len(pool)], 1.0), 1000)[0]


def _second(nodes: int, rates: float) -> Prepare:
    @contextmanager
    def prepared() -> Iterator[Once]:
        yield lambda: cost.second(nodes, rates)

    return prepared
