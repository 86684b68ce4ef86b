import socket
import sys
import urllib.request

import pytest
from journal_entries import alert, state

from vla_sim.common.errors import InputError, MissingError
from vla_sim.contract.records import MetricFigures
from vla_sim.monitor import prometheus
from vla_sim.monitor.prometheus import HOST, Endpoint


def test_without_the_package_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(MissingError, match=r"pip install 'vla_sim\[prometheus\]'"):
        prometheus.installed()


@pytest.fixture
def endpoint():
    pytest.importorskip("prometheus_client")
    states = [None]
    made = Endpoint(0, lambda: states[0])
    yield made, states
    made.close()


def scraped(port):
    with urllib.request.urlopen(f"http://{HOST}:{port}/metrics", timeout=10.0) as answer:
        return answer.read().decode()


def test_the_last_state_is_served(endpoint):
    made, states = endpoint
    assert "vla_sim_cpu" not in scraped(made.port)
    one = MetricFigures(
        name="battery.charge", unit="%", count=4, last=79.0, average=80.0, min=78.0, max=81.0, p95=81.0
    )
    states[0] = state(100.0, alerts=[alert(99.0)], metrics=[one])
    text = scraped(made.port)
    for line in (
        "vla_sim_cpu_ratio 0.4", 'vla_sim_stage_latency_seconds{quantile="0.95",stage="voice"} 0.25',
        'vla_sim_topic_rate_hertz{topic="/cmd_vel"} 50.0', 'vla_sim_node_memory_bytes{node="engine"} 5e+08',
        'vla_sim_alert_active{alert="system.cpu",severity="warning"} 1.0', "vla_sim_commands_total 2.0",
        'vla_sim_figure{figure="cache hits",node="llm"} 3.0',
        'vla_sim_metric_last{metric="charge",node="battery",unit="%"} 79.0',
        'vla_sim_metric_count{metric="charge",node="battery",unit="%"} 4.0',
        'vla_sim_metric_sum{metric="charge",node="battery",unit="%"} 320.0',
    ):  # fmt: skip
        assert line in text.splitlines()
    assert 'node="elsewhere"' not in text.split("vla_sim_node_silent")[0]


def test_it_is_on_the_loopback_alone_and_a_taken_port_is_said(endpoint):
    made, _ = endpoint
    assert made._server.server_address[0] == HOST == "127.0.0.1"
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=f"Prometheus port {port} on 127.0.0.1"):
            Endpoint(port, lambda: None)
