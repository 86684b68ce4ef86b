"""The monitor's state for Prometheus, on this machine's loopback alone."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from vla_sim.common.errors import InputError, package
from vla_sim.contract.records import MonitorState

HOST = "127.0.0.1"
PREFIX = "vla_sim_"
WHAT = ["node", "metric", "unit"]


def installed() -> Any:
    """The package prometheus_client. Raises `MissingError`."""
    return package(
        "prometheus_client", "the Prometheus endpoint needs the package prometheus_client: "
        "pip install 'vla_sim[prometheus]', or pip install prometheus-client",
    )  # fmt: skip


class Endpoint:
    """http://127.0.0.1:PORT/metrics, made from the last state when it is asked for: between two questions it
    costs nothing."""

    def __init__(self, port: int, state: Callable[[], MonitorState | None]) -> None:
        """Raises `MissingError` without the package, `InputError` if the port is taken."""
        client, self._state = installed(), state
        registry = client.CollectorRegistry(auto_describe=False)
        registry.register(self)
        try:
            self._server, self._thread = client.start_http_server(port, HOST, registry)
        except OSError as error:
            raise InputError(f"Prometheus port {port} on {HOST}: {error.strerror}; choose another") from None
        self.port = int(self._server.server_port)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def collect(self) -> Iterator[Any]:
        """What the registry asks for."""
        state = self._state()
        return iter(()) if state is None else families(state)


def families(state: MonitorState) -> Iterator[Any]:
    """prometheus_client metric families of a state. Base units: seconds, bytes, ratios."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily

    def gauge(name: str, doc: str, value: float) -> Any:
        return GaugeMetricFamily(PREFIX + name, doc, value=value)

    yield gauge("cpu_ratio", "share of all cores in use", state.cpu / 100.0)
    yield gauge("memory_ratio", "share of memory in use", state.memory / 100.0)
    yield gauge("disk_ratio", "share of the disk in use", state.disk / 100.0)
    yield gauge("network_transmit_bytes_per_second", "of all interfaces", state.sent)
    yield gauge("network_receive_bytes_per_second", "of all interfaces", state.received)
    yield gauge("real_time_factor", "seconds of the ROS clock a second", state.real_time_factor)
    yield gauge("command_errors_ratio", "share of ended commands that failed", state.errors)
    yield gauge("deadlines_missed_per_second", "periods and stage limits", state.missed)
    yield gauge("load_level", "how many levels of load are shed", state.load)
    if state.throughput is not None:
        yield gauge(
            "command_throughput", "commands answered for each second in which one waited", state.throughput
        )
    yield CounterMetricFamily(PREFIX + "commands", "commands accepted", value=state.commands)

    latency = GaugeMetricFamily(
        PREFIX + "stage_latency_seconds", "over the monitor's window", labels=["stage", "quantile"]
    )
    limit = GaugeMetricFamily(PREFIX + "stage_limit_seconds", "the stage's budget", labels=["stage"])
    count = GaugeMetricFamily(PREFIX + "stage_measured", "commands in the window", labels=["stage"])
    for s in state.stages:
        for quantile, ms in (("0.5", s.p50), ("0.95", s.p95), ("0.99", s.p99), ("1", s.worst)):
            latency.add_metric([s.stage, quantile], ms / 1e3)
        limit.add_metric([s.stage], s.limit / 1e3)
        count.add_metric([s.stage], s.count)
    rate = GaugeMetricFamily(PREFIX + "topic_rate_hertz", "of the ROS clock", labels=["topic"])
    for topic, value in state.rates.items():
        rate.add_metric([topic], value)
    cpu = GaugeMetricFamily(PREFIX + "node_cpu_ratio", "of one core", labels=["node"])
    memory = GaugeMetricFamily(PREFIX + "node_memory_bytes", "resident", labels=["node"])
    silent = GaugeMetricFamily(PREFIX + "node_silent_seconds", "since its last report", labels=["node"])
    for n in state.nodes:
        if n.cpu >= 0.0:
            cpu.add_metric([n.node], n.cpu / 100.0)
            memory.add_metric([n.node], n.memory * 1e6)
        silent.add_metric([n.node], n.silent)
    metric = GaugeMetricFamily(PREFIX + "metric_last", "the last that a node recorded", labels=WHAT)
    recorded = SummaryMetricFamily(PREFIX + "metric", "what nodes recorded, in their own units", labels=WHAT)
    for m in state.metrics:
        node, _, type = m.name.partition(".")
        metric.add_metric([node, type, m.unit], m.last)
        recorded.add_metric([node, type, m.unit], count_value=m.count, sum_value=m.average * m.count)
    alert = GaugeMetricFamily(PREFIX + "alert_active", "1 while it is", labels=["alert", "severity"])
    for a in state.alerts:
        alert.add_metric([a.name, a.severity], 1.0)
    figure = GaugeMetricFamily(PREFIX + "figure", "a node's own key figure", labels=["node", "figure"])
    for name, text in state.figures.items():
        if re.fullmatch(r"[+-]?\d+(\.\d+)?", text):
            node, _, key = name.partition(".")
            figure.add_metric([node, key], float(text))
    yield from (latency, limit, count, rate, cpu, memory, silent, metric, recorded, alert, figure)
