"""What monitoring costs: `python -m vla_sim.bench.monitor_cost`.

Time of one metric, one trace event, one node's report and one second's state; then a stack of 1, 10 and 100
times the nodes, and of 1, 10 and 100 times the rates, each with what a second of it costs the monitor.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import numpy as np

from vla_sim.contract import records, topics
from vla_sim.contract.codec import encode
from vla_sim.contract.records import TraceEvent
from vla_sim.monitor.alert_rule import thresholds
from vla_sim.monitor.core import Monitor
from vla_sim.monitor.metrics import MetricStore
from vla_sim.monitor.system import Usage

USAGE = Usage(10.0, 20.0, 30.0, 1e3, 1e3)
NODES, COMMANDS = 9, 0.5
"""Of a stack as it is: nodes, and commands a second, which the book asks for."""
BATCHES = 40


def microseconds(call: Callable[[int], None], count: int) -> tuple[float, float]:
    """Median and 99th percentile over batches of the time of one call."""
    call(0)
    gc.collect()
    gc.disable()
    times = []
    for _ in range(BATCHES):
        begin = time.perf_counter()
        for k in range(count):
            call(k)
        times.append(1e6 * (time.perf_counter() - begin) / count)
    gc.enable()
    return float(np.median(times)), float(np.percentile(times, 99.0))


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


def second(nodes: int, rates: float) -> float:
    """Median of the milliseconds that one second of a stack costs."""
    return float(np.median(seconds(nodes, rates)))


def seconds(nodes: int, rates: float) -> list[float]:
    """Milliseconds of the processor that each of 30 seconds of a stack costs: reports of so many nodes,
    commands at so many times the asked rate, and the state."""
    monitor = Monitor(thresholds(), 0.0)
    commands = max(1, round(COMMANDS * rates))
    made = [events(k) for k in range(commands * 30)]
    spent = []
    for k in range(30):
        begin = time.process_time()
        for n in range(nodes):
            monitor.on_diagnostics(f"node{n}", "ok", "ok", report(k), float(k), float(k))
        for one in made[k * commands : (k + 1) * commands]:
            for event in one:
                monitor.on_trace(event, float(k))
        encode(monitor.second(USAGE, float(k)))
        monitor.outbox.clear()
        spent.append(1e3 * (time.process_time() - begin))
    return spent


def main() -> int:
    store, monitor = MetricStore(), Monitor(thresholds(), 0.0)
    pool = [event for k in range(200) for event in events(k)]
    rows: list[tuple[str, tuple[float, float]]] = [
        ("one metric", microseconds(lambda k: store.record("voice", "latency", 1.5, "ms", 2.5), 20_000)),
        ("one metric, now", microseconds(lambda k: store.record("voice", "latency", 1.5, "ms"), 20_000)),
        ("one trace event", microseconds(lambda k: monitor.on_trace(pool[k % len(pool)], 1.0), 1000)),
        ("one node's report", microseconds(
            lambda k: monitor.on_diagnostics("engine", "ok", "ok", report(k), float(k), float(k)), 500
        )),
        ("one second's state", microseconds(lambda k: void(monitor.second(USAGE, float(k))), 50)),
    ]  # fmt: skip
    for name, (median, high) in rows:
        print(f"{name:32s} {median:9.3f} µs median {high:9.3f} µs p99")
    for times in (1, 10, 100):
        print(
            f"{times:3d} times the nodes {second(NODES * times, 1.0):8.2f} ms a second, "
            f"{times:3d} times the rates {second(NODES, float(times)):8.2f} ms a second"
        )
    return 0


def void(_: object) -> None:
    """What a call returns is not wanted."""


if __name__ == "__main__":
    raise SystemExit(main())
