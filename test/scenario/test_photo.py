"""Pictures are taken from a run's own folder alone."""

from PIL import Image

from vla_sim.scenario.report.html_report import photo


def test_a_record_cannot_fetch_pictures_from_outside_its_folder(tmp_path):
    Image.new("RGB", (40, 30), "red").save(tmp_path / "head.png")
    run = tmp_path / "run"
    run.mkdir()
    assert photo(str(run), "../head.png") is None
    assert photo(str(run), str(tmp_path / "head.png")) is None
    assert photo(str(tmp_path), "head.png") is not None
