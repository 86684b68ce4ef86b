"""What a record says besides what its checks found."""

from vla_sim.contract.records import SILENT, Status
from vla_sim.scenario.recording import Recording
from vla_sim.scenario.result import silent


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
