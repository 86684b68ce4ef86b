"""A run is told from what it left in its folder, and nothing outside that folder is."""

import io
import os

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vla_sim.common.errors import InputError, StackError
from vla_sim.contract import budgets
from vla_sim.scenario.record import Check, CommandRecord, Event, RunRecord, Shot, StageLatency
from vla_sim.scenario.result import save_record
from vla_sim.tool_server import run_folder
from vla_sim.tool_server.calls import MOST_CHARACTERS, MOST_LINES, Picture


def record(**changes):
    values = {
        "command": "Turn left", "heard": "turn left", "spoken": False, "world": "apartment",
        "engine": "kinematic", "seed": 0, "started": "2025-11-25T18:10:03+00:00", "passed": True,
        "state": "succeeded", "answer": "Done.", "reasons": [], "total_ms": 9.0, "total_limit_ms": 2000.0,
        "checks": [Check(name="turns", passed=True, detail="+88 degrees")],
        "stages": [StageLatency(stage="intent", milliseconds=2.0, limit=200.0, goal=10.0)],
        "path_length": 0.0, "clearance": None, "contacts": [], "grasps": [], "real_time_factor": 1.0,
        "ready_seconds": 3.0, "simulated_seconds": 7.0, "wall_seconds": 4.0, "path": [], "versions": {},
        "events": [Event(stamp=0.0, text="typed")], "folder": "", "log": ["safety: [WARN] slow"],
    }  # fmt: skip
    return RunRecord(**(values | changes))


def run(root, name, age=0.0, **changes):
    made = save_record(root / name, record(**changes))
    stamp = 1e9 - age
    os.utime(root / name / run_folder.RECORD, (stamp, stamp))
    return made


def shots(folder, *stamps):
    (folder / "shots").mkdir(parents=True)
    found = []
    for k, stamp in enumerate(stamps):
        for file, grey in ((f"shots/{k}.jpg", 10 * k), (f"shots/{k}-outside.jpg", 200)):
            Image.new("RGB", (640, 480), (grey, grey, grey)).save(folder / file)
        found.append(
            Shot(stamp=stamp, title=f"moment {k}", file=f"shots/{k}.jpg", outside=f"shots/{k}-outside.jpg")
        )
    return found


def shown(png):
    return Image.open(io.BytesIO(png))


def test_the_latest_run_is_meant_where_none_is_named(tmp_path):
    run(tmp_path, "old", age=60.0)
    run(tmp_path, "new")
    (tmp_path / "unfinished").mkdir()
    assert run_folder.find(tmp_path, "").name == "new"
    assert run_folder.find(tmp_path, "old").name == "old"
    with pytest.raises(InputError, match="no judged run is called 'unfinished'; the latest are new, old"):
        run_folder.find(tmp_path, "unfinished")


def test_without_any_run_it_says_how_to_have_one(tmp_path):
    with pytest.raises(InputError, match=r"no run has been judged in .*; run_scenario plays one"):
        run_folder.find(tmp_path, "")


@given(st.one_of(st.text(), st.sampled_from(["..", ".", "/", "../secret", "inside/../../secret", "link"])))
def test_no_name_leads_out_of_the_folder(tmp_path_factory, name):
    base = tmp_path_factory.mktemp("base")
    run(base, "secret")
    run(base / "root", "inside")
    (base / "root" / "link").symlink_to(base / "secret")
    try:
        assert run_folder.find(base / "root", name) == base / "root" / "inside"
    except InputError:
        assert name not in ("", "inside")


def test_a_run_that_did_not_pass_says_why_with_figures(tmp_path):
    failed = run(
        tmp_path, "r", passed=False, reasons=["turns: +20 degrees, 90 commanded"],
        checks=[Check(name="stands", passed=True), Check(name="turns", passed=False, detail="+20 degrees")],
    )  # fmt: skip
    found = run_folder.outcome(tmp_path / "r", failed)
    assert (found.run, found.state, found.reasons) == ("r", "failed", ["turns: +20 degrees, 90 commanded"])
    why = run_folder.reasons(tmp_path / "r", failed)
    assert [c.name for c in why.checks] == ["turns", "stands"]
    assert why.latencies_ms == {"intent": (2.0, 200.0)}
    assert why.events == ["0.00 s: typed"]
    assert why.warnings == ["safety: [WARN] slow"]


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "passed"),
        ({"passed": False, "error": "perception ended"}, "broke off"),
        ({"passed": False, "unjudged": "the machine was busy", "reasons": ["slow"]}, "not judged"),
    ],
)
def test_each_verdict_has_its_state(tmp_path, changes, state):
    assert run_folder.outcome(tmp_path, record(**changes)).state == state


def test_a_verdict_by_the_robots_own_plan_is_called_that(tmp_path):
    given = CommandRecord(text="go", command_id="c", spoken=False, given=0.0, judged_against="robot's plan")
    assert "own plan" in run_folder.outcome(tmp_path, record(commands=[given])).note


def test_what_is_told_of_a_run_is_bounded(tmp_path):
    long = record(
        reasons=["x" * 4000] * 500, log=["y" * 4000] * 500, answer="z" * 4000,
        events=[Event(stamp=0.0, text="e" * 4000)] * 500,
        checks=[Check(name="n" * 4000, passed=True, detail="d" * 4000)] * 500,
        stages=[StageLatency(stage=s, milliseconds=1.0, limit=1.0, goal=1.0) for s in budgets.BUDGETS],
    )  # fmt: skip
    for found in (run_folder.outcome(tmp_path, long), run_folder.reasons(tmp_path, long)):
        assert len(msgspec.json.encode(found)) < 4 * MOST_LINES * MOST_CHARACTERS + 120_000


def test_the_nearest_moment_is_shown_and_the_last_by_default(tmp_path):
    made = record(shots=shots(tmp_path, 0.0, 4.0, 9.0))
    words, png = run_folder.picture(tmp_path, made, Picture(at=3.0, view="head", width=320))
    assert words == "4.00 s: moment 1"
    image = shown(png)
    assert (image.format, image.size) == ("PNG", (320, 240))
    assert abs(image.getpixel((5, 5))[0] - 10) <= 2
    assert run_folder.picture(tmp_path, made, Picture())[0] == "9.00 s: moment 2"


@pytest.mark.gl
@pytest.mark.ros
def test_any_moment_of_a_recorded_run_is_shown(tmp_path):
    import video_run  # needs rclpy

    made = record(shots=shots(tmp_path, 0.0, 4.0))
    video_run.write(tmp_path)
    words, png = run_folder.picture(tmp_path, made, Picture(at=1.5, view="head"))
    assert words == "1.50 s"
    assert shown(png).getpixel((5, 5)) == pytest.approx(video_run.RED, abs=10)
    assert shown(run_folder.picture(tmp_path, made, Picture(at=1.5, width=160))[1]).size == (160, 120)
    with pytest.raises(InputError, match=r"no picture outside at 30 s: it goes from -1.0 s to 2.0 s"):
        run_folder.picture(tmp_path, made, Picture(at=30.0))
    assert run_folder.picture(tmp_path, made, Picture())[0] == "4.00 s: moment 1"


def test_a_run_without_such_a_picture_says_what_else_there_is(tmp_path):
    with pytest.raises(InputError, match="has no picture outside; view sheet shows its map"):
        run_folder.picture(tmp_path, record(), Picture())


def test_a_record_cannot_show_a_file_of_another_folder(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "secret.png")
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    for file in ("../secret.png", str(tmp_path / "secret.png"), "link.png", "nothing.png"):
        made = record(shots=[Shot(stamp=0.0, title="t", file=file)])
        with pytest.raises(InputError, match="has no file"):
            run_folder.picture(folder, made, Picture(view="head"))


def test_a_picture_that_does_not_compress_is_made_smaller(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (1280, 1280, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    png = run_folder.png(Image.open(tmp_path / "noise.png"), 1280)
    assert len(png) <= run_folder.MOST_BYTES
    assert shown(png).width > 300


def test_what_is_no_picture_is_said_so(tmp_path):
    (tmp_path / "run.png").write_bytes(b"no picture")
    with pytest.raises(StackError, match="is no picture"):
        run_folder.picture(tmp_path, record(), Picture(view="sheet"))
