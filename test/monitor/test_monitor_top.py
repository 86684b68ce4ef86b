"""`vla-sim top`, `trace` and `health` from the command line, and the monitor as a node that runs."""

import json
import signal
import subprocess
import sys

import pytest
from journal_entries import entries
from waiting import wait_for

from vla_sim.bringup import node_table
from vla_sim.bringup.node_table import StackOptions
from vla_sim.bringup.supervisor import Domain, running_domains
from vla_sim.cli.main import main
from vla_sim.cli.monitor import find_domain
from vla_sim.common.errors import InputError
from vla_sim.contract import records, topics
from vla_sim.contract.codec import decode
from vla_sim.monitor.journal import FILE, Journal


def test_no_stack_is_said(monkeypatch, capsys):
    monkeypatch.setattr("vla_sim.bringup.supervisor.running_domains", list)
    monkeypatch.delenv("ROS_DOMAIN_ID", raising=False)
    assert main(["top", "--once"]) == 5
    assert "no stack is running on this machine: start one with vla-sim run" in capsys.readouterr().err
    assert main(["top", "--domain", "400"]) == 2
    assert "from 0 to 232" in capsys.readouterr().err
    assert main(["top", "--json", "-"]) == 2
    assert main(["top", "--timeout", "0"]) == 2


def test_no_stack_is_guessed_where_several_run(monkeypatch):
    monkeypatch.setattr("vla_sim.bringup.supervisor.running_domains", lambda: [42, 7])
    monkeypatch.delenv("ROS_DOMAIN_ID", raising=False)
    with pytest.raises(InputError, match="2 stacks run here: say with --domain which, one of 42, 7"):
        find_domain(None)
    monkeypatch.setenv("ROS_DOMAIN_ID", "7")
    assert find_domain(None) == (7, True)
    assert find_domain(9) == (9, False)


def test_a_running_stack_is_found_by_its_lock():
    before = set(running_domains())
    first, second = Domain(), Domain()
    try:
        assert {first.id, second.id} <= set(running_domains())
        assert first.id not in before
    finally:
        first.release()
        second.release()
    assert not {first.id, second.id} & set(running_domains())


@pytest.fixture
def folder(tmp_path):
    book = Journal(tmp_path / "run" / "monitor" / FILE, print)
    for entry in entries()[1:]:
        topic = next(t for t in topics.TOPICS if t.name == entry.topic)
        book.record(topic, entry.record, entry.mono)
    book.close()
    return tmp_path / "run"


def test_a_run_becomes_a_trace_and_a_report(folder, tmp_path, capsys):
    assert main(["trace", str(folder), "-o", str(tmp_path / "t.json")]) == 0
    assert len(json.loads((tmp_path / "t.json").read_text())["traceEvents"]) > 40
    assert main(["trace", str(folder / "monitor" / FILE)]) == 0
    assert (folder / "monitor" / "trace.json").is_file()
    assert "ui.perfetto.dev" in capsys.readouterr().out
    assert main(["health", str(folder), "-o", str(tmp_path / "out")]) == 0
    assert "# How the robot was" in capsys.readouterr().out
    assert (tmp_path / "out" / "report.json").is_file()
    assert main(["trace", str(tmp_path)]) == 2
    assert "not in lock-step" in capsys.readouterr().err


def test_the_monitor_stays_out_of_lock_step_and_can_be_switched_off():
    names = {spec.name for spec in node_table.nodes(StackOptions())}
    assert "monitor" in names
    assert names - {n.name for n in node_table.nodes(StackOptions(speed=0.0))} == {"monitor"}
    assert names - {n.name for n in node_table.nodes(StackOptions(monitor=False))} == {"monitor"}
    monitor = next(n for n in node_table.nodes() if n.name == "monitor")
    assert node_table.parameters(monitor, StackOptions(thresholds="system.cpu=90")) == {
        "use_sim_time": False, "world": "apartment", "prometheus_port": 0,
        "shedding": True, "speed": 1.0, "thresholds": "system.cpu=90", "faults": True,
    }  # fmt: skip
    assert {"monitor", "monitor_folder"} <= node_table.taken(node_table.nodes())


@pytest.mark.parametrize(("words", "told"), [
    (["--prometheus", "9100", "--speed", "max"], "does not run in lock-step or with --no-monitor"),
    (["--prometheus", "9100", "--no-monitor"], "does not run in lock-step or with --no-monitor"),
    (["--prometheus", "99999"], "a whole number from 0 to 65535"),
    (["--thresholds", "cpu=1"], "with a name of voice.response"),
])  # fmt: skip
def test_a_wrong_argument_is_said_before_anything_starts(words, told, capsys, tmp_path):
    assert main(["run", "turn left 90 degrees", "--text", *words, "--out", str(tmp_path / "run")]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.ros
def test_the_node_listens_tells_and_leaves_a_journal(tmp_path, capsys):
    """The real node in a domain of its own; `top --once` sees it, and itself reports nothing."""
    pytest.importorskip("rclpy")
    domain = Domain()
    spec = next(n for n in node_table.nodes() if n.name == "monitor")
    folder = str(tmp_path / "monitor")
    line = node_table.command(spec, StackOptions(monitor_folder=folder, thresholds="node.silence=0.001"))
    process = subprocess.Popen(line, env=node_table.environment(domain.id))
    try:
        code = (
            "import sys; from vla_sim.cli.main import main; "
            f"sys.exit(main(['top', '--once', '--json', '-', '--timeout', '60', '--domain', '{domain.id}']))"
        )
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120.0)
        assert out.returncode == 0, out.stderr
        state = decode(records.MonitorState, out.stdout)
        assert 0.0 < state.memory <= 100.0
        assert f"domain {domain.id}" in out.stderr
        journal = tmp_path / "monitor" / FILE
        wait_for(lambda: topics.MONITOR_ALERTS.name in journal.read_text(), 60.0)  # of its own silence
        process.send_signal(signal.SIGINT)
        assert process.wait(30.0) == 0
    finally:
        process.kill()
        process.wait()
        domain.release()
    assert main(["health", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "monitor cpu [% of a core]" in text
    assert "| monitor.silence |" in text
