from io import StringIO

from journal_entries import alert, load, state
from rich.console import Console

from vla_sim.contract.records import MetricFigures, NodeUsage
from vla_sim.monitor.top_view import Seen, render


def shown(seen, width=100):
    out = StringIO()
    Console(file=out, width=width, color_system=None).print(render(seen))
    return out.getvalue()


def test_everything_that_counts_is_shown():
    gone = [alert(90.0, active=False)]
    text = shown(Seen(7, state(100.0, alerts=[alert(95.0)]), load(2), gone))
    for words in (
        "domain 7", "cpu 40 %", "latency, measured [ms]", "voice", "83 %, 1 over", "/cmd_vel", "50.0 of 50",
        "engine",
        "500 MB", "waiting 1", "cache hits 3", "noise [dB] -50",
        "load level 2 for 12 s: images and objects 5",
        "5 s  warning: system cpu 90 %, limit 80 %", "10 s ago  over: system cpu", "ill",
    ):  # fmt: skip
        assert words in text, words


def test_what_nodes_measure_is_shown_beside_its_limit():
    one = MetricFigures(
        name="battery.charge", unit="%", count=3, last=79.0, average=80.2, min=78.5, max=81.0, p95=80.9,
        limit=20.0,
    )  # fmt: skip
    row = next(r for r in shown(Seen(7, state(100.0, metrics=[one]))).splitlines() if "battery.charge" in r)
    assert row.split() == ["battery.charge", "%", "3", "79", "80.2", "78.5", "81", "80.9", "20"]


def test_a_low_terminal_shows_what_matters_first():
    lines = shown(Seen(7, state(100.0, alerts=[alert(95.0)]))).splitlines()
    assert next(k for k, line in enumerate(lines) if "system cpu" in line) < 6


def test_a_stack_that_says_nothing_yet_or_no_more():
    assert "waiting for the monitor" in shown(Seen(7))
    assert "silent for 12 s" in shown(Seen(7, state(100.0), age=12.0))
    assert "no command yet" in shown(Seen(7, state(100.0, stages=[], figures={}, rates={}, nodes=[])))


def test_what_nodes_say_is_no_markup():
    node = NodeUsage(node="[red]x[/]", pid=1, cpu=1.0, memory=1.0, silent=0.0, message="[/b] ]")
    assert "[red]x[/]" in shown(Seen(7, state(100.0, nodes=[node])))
