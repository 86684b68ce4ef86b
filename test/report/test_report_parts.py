"""What reports are made of: HTML that escapes by itself, pictures of a run's own folder alone."""

from PIL import Image

from vla_sim.report.parts import Markup, photo, tag


def test_a_record_cannot_fetch_pictures_from_outside_its_folder(tmp_path):
    Image.new("RGB", (40, 30), "red").save(tmp_path / "head.png")
    run = tmp_path / "run"
    run.mkdir()
    assert photo(str(run), "../head.png") is None
    assert photo(str(run), str(tmp_path / "head.png")) is None
    assert photo(str(tmp_path), "head.png") is not None


def test_markup_is_made_only_on_purpose():
    assert tag("b", "<i>", title='"') == '<b title="&quot;">&lt;i&gt;</b>'
    assert tag("b", Markup("<i>x</i>"), None, hidden=True, id=None) == "<b hidden><i>x</i></b>"
    assert tag("p", "\x1b[31m\ud800") == "<p>\ufffd[31m\ufffd</p>"
