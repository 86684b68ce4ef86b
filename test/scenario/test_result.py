"""What a record says besides what its checks found."""

from types import SimpleNamespace

from report_records import record

from vla_sim.contract.records import SILENT, Status
from vla_sim.report.console import Console
from vla_sim.scenario import run as run_module
from vla_sim.scenario.record import RECORD
from vla_sim.scenario.recording import Recording
from vla_sim.scenario.result import silent
from vla_sim.scenario.sweep.tasks import read
from vla_sim.scenario.terminal import Display


def test_a_node_that_did_not_answer_is_named_with_its_log(tmp_path):
    detail = f"I could not get to the hallway: {SILENT['navigation']}"
    recording = Recording()
    recording.on_status(Status(command_id="a", state="failed", detail=detail, mono=0.0))
    assert silent(recording, tmp_path) == [], "a launch file keeps logs elsewhere"
    (tmp_path / "logs").mkdir()
    for node in SILENT:
        (tmp_path / "logs" / f"{node}.log").touch()
    assert silent(recording, tmp_path) == ["navigation did not answer: see logs/navigation.log"]
    assert silent(Recording(), tmp_path) == []


def test_pictures_that_cannot_be_drawn_lose_no_verdict(tmp_path, monkeypatch, capsys):
    """As with a GL that MUJOCO_GL names and this machine lacks, for a simulator that needs none."""

    def broken(*_):
        raise AttributeError("'NoneType' object has no attribute 'glGetError'")

    monkeypatch.setattr(run_module, "Outside", broken)
    options = SimpleNamespace(folder=tmp_path, pictures="all")
    prepared = SimpleNamespace(options=options, simulated_world="tabletop", world=None)
    run_module._write(prepared, record(), Recording(), Display(Console()))
    assert read(tmp_path / RECORD).passed
    assert "no pictures: AttributeError: 'NoneType'" in capsys.readouterr().out
