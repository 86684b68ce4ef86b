from xml.etree import ElementTree

import msgspec
import pytest
from journal_entries import entries, state

from vla_sim.common.errors import InputError
from vla_sim.contract import topics
from vla_sim.contract.records import MetricFigures, Status
from vla_sim.monitor import health
from vla_sim.monitor.health import Health
from vla_sim.monitor.journal import Entry, Lost


def test_the_figures_of_a_journal():
    found = health.health([*entries(), Entry(107.0, "", Lost(lines=3))])
    assert (found.commands, found.ended) == (2, {"succeeded": 1, "failed": 1})
    assert (found.errors, found.seconds, found.lost) == (0.5, 7.0, 3)
    stages = {s.stage: s for s in found.stages}
    assert stages["planning"].worst == pytest.approx(1550.0)
    assert (stages["planning"].over, stages["planning"].count) == (1, 2)
    assert stages["voice"].count == 1
    assert stages["total"].worst == pytest.approx(1700.0)
    (one,) = found.alerts
    assert (one.name, one.severity, one.worst) == ("system.cpu", "critical", 97.0)
    assert (one.raised, one.ended) == (2.0, 5.0)
    assert found.values["engine cpu [% of a core]"].average == 30.0
    assert "elsewhere cpu [% of a core]" not in found.values


def test_the_report_says_it_in_markdown(tmp_path):
    text = health.markdown(health.health(entries()))
    assert "| planning | 2 | 800.0 |" in text
    assert "| system.cpu | critical | 97 % | 80 % | 2.0 | 5.0 |" in text
    assert "| llm.cache hits | 3 |" in text
    assert text.count("\n## ") == 5
    assert "| 3.0 | 1 background | shed: background commands wait, 5 images a second while the" in text
    assert "stands | cpu 95 % for" in text
    assert "| 6.5 | 0 full | restored: background commands wait" in text


def test_what_nodes_measured_is_in_the_report():
    one = MetricFigures(
        name="battery.charge", unit="%", count=4, last=79.0, average=80.0, min=78.0, max=81.0, p95=81.0
    )
    told = [Entry(s, topics.MONITOR_STATE.name, state(s, metrics=[one])) for s in (1.0, 2.0)]
    text = health.markdown(health.health(told))
    assert "| battery.charge [%] | 4 | 80 | 78 | 81 | 81 | 79 |  |" in text


def test_seconds_in_which_a_command_waited_in_vain_count():
    told = [Entry(1.0, topics.MONITOR_STATE.name, state(1.0, throughput=one)) for one in (None, 0.0, 1.0)]
    found = health.health(told).values["commands answered, while any waits [1/s]"]
    assert (found.average, found.min, found.count) == (0.5, 0.0, 2)


def test_what_a_node_says_cannot_break_a_table():
    figures = {"a|b.c": "x\ny | z"}
    told = [Entry(s, topics.MONITOR_STATE.name, state(s, figures=figures)) for s in (1.0, 2.0)]
    assert "| a\\|b.c | x y \\| z |" in health.markdown(health.health(told))


def test_the_files_are_there_and_can_be_read(tmp_path):
    written = health.write(entries(), tmp_path / "out")
    assert [p.name for p in written] == ["report.md", "report.json", "latency.svg", "machine.svg"]
    found = msgspec.json.decode((tmp_path / "out" / "report.json").read_bytes(), type=Health)
    assert found == health.health(entries())
    for name in ("latency.svg", "machine.svg"):
        root = ElementTree.parse(tmp_path / "out" / name).getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
    machine = (tmp_path / "out" / "machine.svg").read_text()
    assert "limit 80" in machine
    assert "control [Hz]" in machine


def test_of_nothing_there_is_a_report_too(tmp_path):
    written = health.write([entries()[0]], tmp_path)
    assert [p.name for p in written] == ["report.md", "report.json"]
    assert "No command was traced." in written[0].read_text()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        health.write(entries(), tmp_path / "file")


def test_a_command_that_waits_for_an_urgent_one_is_counted_once():
    states = ("accepted", "running", "accepted", "running", "succeeded")
    found = health.health(
        Entry(float(k), topics.STATUS.name, Status(command_id="c", state=state, mono=float(k)))
        for k, state in enumerate(states)
    )
    assert (found.commands, found.throughput) == (1, 0.25)
