"""The report is one file that says what held: whole, escaped, readable without what it was made from."""

import base64
import io
import math
import re
from functools import cache
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from report_records import COLLISION, Page, broken, command, page, record, stages

from vla_sim.common.errors import InputError
from vla_sim.scenario.record import Check, Clip, Event, GraspResult, Shot, Touch, Usage
from vla_sim.scenario.report import html_report
from vla_sim.world.semantic_map import World


@pytest.fixture(autouse=True, scope="module")
def _worlds():
    """Each world is loaded once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(World, "load", staticmethod(cache(World.load)))
        yield


# --------------------------------------------------------------------------- what it says


def test_the_head_says_what_came_of_it_with_its_uncertainty():
    text = page(record(), record(seed=1, reasons=["the robot fell"]), record(seed=2, attempt=2)).text
    assert "✗ Failed: 1 of 3 runs did not pass" in text
    assert "95 % interval 6 to 79 %" in text
    assert "1 on a later try, not counted here" in text
    assert "Versions: vla_sim 0.4.0" in text


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([], "No runs"), ([record()], "✓ Passed: the one run"),
        ([record(), record(seed=1)], "✓ Passed: all 2 runs"),
        ([record(attempt=3)], "✓ Passed, but 1 of 1 run on a later try only"),
        ([broken()], "✗ Failed: 1 of 1 run did not pass"),
    ],
)  # fmt: skip
def test_every_outcome_has_its_words(records, words):
    assert words in page(*records).text


def test_failures_come_first_with_their_reasons():
    text = page(record(), record(seed=7, reasons=["the robot fell", "nothing moved"])).text
    assert 0 < text.index("the robot fell") < text.index("Scenario, and what it proves")
    assert text.index("nothing moved") < text.index("Scenario, and what it proves")


def test_a_pass_on_a_later_try_tells_what_the_earlier_ones_failed_of():
    found = page(record(reasons=["it fell"]), record(attempt=2), record(seed=1, attempt=3))
    assert "✓ Passed, but 2 of 2 runs on a later try only" in found.text
    assert "try 1: it fell" in found.text
    assert "passed on try 3 only: earlier tries did not pass" in found.text


def test_runs_that_failed_are_open_and_those_that_passed_are_not():
    details = page(record(), record(seed=1, reasons=["it fell"]), broken(seed=2)).all("details")
    assert ["open" in d for d in details] == [True, True, False]


def test_a_scenario_has_its_latency_against_limit_and_goal():
    text = page(record(commands=[command(total_ms=400.0), command(total_ms=2400.0)])).text
    assert "1400, 2300 ms over the limit" in text
    assert "212, 212 ms" in page(record()).text


def test_a_question_is_not_a_latency():
    asked = command(state="asked", stages=stages(2500.0))
    drawn = html_report.render([record(commands=[asked]), record(seed=1), record(seed=2)])
    assert "voice median 40, 95th percentile 40 of 300 ms" in drawn
    assert "2500 of 300 ms, over, measured" in drawn  # in its own run it is told


def test_engines_are_laid_side_by_side_and_differences_have_their_reason():
    text = page(
        record(), record(engine="gazebo", reasons=["the robot fell"], total_ms=900.0, clearance=0.05,
                         real_time_factor=0.5),
    ).text  # fmt: skip
    assert "Engines side by side" in text
    assert "≠ gazebo, seed 0: the robot fell" in text
    assert "≠ mujoco 0.26 m more than gazebo" in text
    assert "≠ mujoco 0.52 more than gazebo" in text
    assert "Engines side by side" not in page(record()).text


def test_engines_that_do_alike_are_not_marked():
    text = page(record(), record(engine="gazebo")).text
    assert "alike" in text
    assert "≠ mujoco" not in text
    assert "≠ gazebo" not in text


def test_a_run_can_be_played_again_by_selecting_once():
    found = page(record(again="vla-sim test walk --seed 3"))
    assert "vla-sim test walk --seed 3" in found.text
    assert found.all("code", "all")


def test_a_collision_is_crossed_on_map_and_curve_and_told():
    found = page(record(reasons=["touched"], contacts=[COLLISION]))
    assert len(found.all("path", "cross")) == 2
    assert "g1::left_elbow_link::arm and shell::link::door" in found.text
    assert "contact 1" in found.text


def test_what_was_moved_is_named():
    assert "rings those that were moved: red cup by 0.39 m" in page(record()).text


# --------------------------------------------------------------------------- what may be missing


def test_a_record_that_broke_off_is_a_whole_page():
    found = page(broken())
    assert "broke off: perception ended with exit code 3" in found.text
    assert not found.all("figure")


def test_a_world_that_cannot_be_loaded_leaves_the_path():
    found = page(record(world="/elsewhere/garage.sdf"))
    assert found.all("polyline", "way")
    assert not found.all("use")
    assert "walls and furniture are missing" in found.text


def test_every_empty_part_can_be_missing_alone():
    for name in ("path", "near", "usage", "objects", "events", "commands", "checks", "log", "stages"):
        assert page(record(**{name: {} if name == "objects" else []})).all("details"), name


def test_numbers_that_are_none_do_not_break_a_drawing():
    odd = [math.nan, math.inf, -1.0, 1e300]
    found = page(
        record(
            path=[(float(i), v, v) for i, v in enumerate(odd)],
            near=[(float(i), v) for i, v in enumerate(odd)],
            usage=[Usage(stamp=v, cpu=v, memory=v) for v in odd], clearance=math.nan, total_ms=math.inf,
            stages=stages(math.nan), commands=[], objects={"red_cup": ((math.nan,) * 3, (1e300,) * 3)},
        )
    )  # fmt: skip
    drawn = [v for n, a in found.tags if n in ("polyline", "path", "rect", "line") for v in a.values() if v]
    assert not any(re.search(r"\b(nan|inf)\b", v) for v in drawn)


# --------------------------------------------------------------------------- pictures


@pytest.fixture
def folder(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (360, 640, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "head.png")
    Image.new("RGBA", (200, 100), "red").save(tmp_path / "outside.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnonsense")
    (tmp_path / "run").mkdir()
    return tmp_path


def test_pictures_are_embedded_small_and_described(folder):
    shots = [Shot(stamp=1.5, title="navigate", file="head.png", outside="outside.png")]
    images = page(record(folder=str(folder), shots=shots)).all("img")
    assert [i["alt"] for i in images] == ["Head camera at 1.5 s navigate", "From outside at 1.5 s navigate"]
    kind, data = images[0]["src"].split(",")
    assert kind == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert image.format == "JPEG"
        assert image.width <= 480
        assert (image.width, image.height) == (int(images[0]["width"]), int(images[0]["height"]))


def test_pictures_that_are_missing_or_broken_are_left_out(folder):
    files = ["gone.png", "broken.png", "", "."]
    shots = [Shot(stamp=float(i), title="x", file=f, outside=f) for i, f in enumerate(files)]
    assert not page(record(folder=str(folder), shots=shots)).all("img")


def test_a_hundred_seeds_stay_small(folder):
    shots = [Shot(stamp=float(i), title="x", file="outside.png", outside="outside.png") for i in range(12)]
    good = [record(seed=i, folder=str(folder), shots=shots) for i in range(94)]
    bad = [record(seed=i, folder=str(folder), shots=shots, reasons=["it fell"]) for i in range(94, 100)]
    text = html_report.render(good + bad)
    found = Page(text)
    assert len(text.encode()) < 5_000_000
    assert len(found.all("details", "run")) == 6
    assert len(found.all("img")) == 6 * 8 * 2
    assert "94 of these are in the table alone" in found.text
    assert all(f"seed {i}" in found.text for i in range(100))


@pytest.mark.parametrize(("good", "bad"), [(1, 0), (30, 0), (100, 5), (0, 40), (50, 70), (0, 500)])
def test_pictures_are_shared_out_so_that_they_fit(good, bad):
    records = [record(seed=i) for i in range(good)] + [record(reasons=["it fell"]) for _ in range(bad)]
    shared = html_report.moment_counts(records)
    failed = [shared.get(id(r), 0) for r in records[good:]]
    assert sum(shared.values()) <= html_report.PICTURE_CHARACTERS // html_report.MOMENT_CHARACTERS + bad
    assert all(n >= 1 for n in failed[:70])
    assert max(shared.values()) <= html_report.MOMENTS


# --------------------------------------------------------------------------- the page itself


def test_the_page_needs_nothing_from_outside():
    text = html_report.render([record(), broken(seed=1)])
    found = Page(text)
    assert "default-src 'none'" in found.all("meta")[1]["content"]
    linked = [a[k] for _, a in found.tags for k in ("href", "src") if a.get(k)]
    assert all(v.startswith(("#", "data:")) for v in linked)
    assert "@import" not in text
    assert "url(" not in text
    assert not found.all("link")


def test_links_lead_somewhere_and_no_id_stands_twice():
    found = page(record(), record(seed=1, reasons=["it fell"]), record(engine="gazebo"), broken(scenario="b"))
    ids = [a["id"] for _, a in found.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for _, a in found.tags if "href" in a} <= set(ids)


def test_the_page_can_be_heard():
    found = page(record(), record(seed=1, reasons=["it fell"], contacts=[COLLISION]), title="Night run")
    assert found.all("html")[0]["lang"] == "en"
    levels = [int(n[1]) for n, _ in found.tags if re.fullmatch(r"h[1-6]", n)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    drawings = [a for a in found.all("svg") if a.get("aria-hidden") != "true"]
    assert drawings
    assert all(a["role"] == "img" and a["aria-label"] for a in drawings)
    assert len(found.all("figure")) == len(found.all("figcaption"))
    assert "Night run" in found.text


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(["<script>", "'\"><img src=x>", "&lt;"]), st.text(st.characters(), max_size=40))
def test_whatever_is_said_is_text_and_nothing_else(evil, text):
    words = evil + text
    shout = command(text=words, heard=words, state=words, detail=words, stages=stages())
    one = record(
        command=words, answer=words, reasons=[words], proves=words, scenario=words, engine=words, world=words,
        again=words, log=[words], events=[Event(stamp=0.0, text=words)], versions={words: words},
        checks=[Check(name=words, passed=False, detail=words)], commands=[shout], folder=words, started=words,
        objects={words: ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0))}, shots=[Shot(stamp=0.0, title=words, file=words)],
        contacts=[Touch(a=words, b=words, stamp=1.0, force=2.0)],
        grasps=[GraspResult(object=words, lifted=0.0, held=0.0, passed=False)],
    )  # fmt: skip
    html = html_report.render([one, record(seed=1), broken(error=words, seed=2)], words)
    html.encode()
    found = Page(html)
    assert len(found.all("script")) == 1
    assert html.count("<script>") == 1
    assert not found.all("img")
    assert not any(k.startswith("on") for _, a in found.tags for k in a)


def test_the_file_is_whole_and_alone(tmp_path):
    path = tmp_path / "new" / "report.html"
    html_report.write([record(command="→ küche")], path)
    assert "→ küche" in path.read_text(encoding="utf-8")
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(InputError, match="cannot write"):
        html_report.write([], tmp_path / "new" / "report.html" / "below.html")


# --------------------------------------------------------------------------- a failure that moves


def failed_in(folder, name="failure.webp"):
    return record(reasons=["it fell"], folder=str(folder), clip=Clip(stamp=12.0, file=name))


def test_a_failure_is_shown_as_a_clip_from_its_own_folder(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    Image.new("RGB", (32, 24), "red").save(run / "failure.webp")
    Image.new("RGB", (32, 24), "red").save(tmp_path / "other.webp")
    text = html_report.render([failed_in(run)])
    assert text.count("data:image/webp;base64,") == 1
    assert "around 12.0 s" in text
    assert "data:image/webp" not in html_report.render([failed_in(run, "../other.webp")])
    assert "data:image/webp" not in html_report.render([failed_in(run, "none.webp")])
    (run / "failure.webp").write_bytes(bytes(html_report.CLIP_BYTES + 1))
    assert "data:image/webp" not in html_report.render([failed_in(run)])


def test_only_a_few_failures_move(tmp_path):
    Image.new("RGB", (32, 24), "red").save(tmp_path / "failure.webp")
    records = [failed_in(tmp_path) for _ in range(20)]
    assert html_report.render(records).count("data:image/webp;base64,") == html_report.CLIPS


def test_a_recorded_run_says_how_to_look_at_it(tmp_path):
    (tmp_path / "a run").mkdir()
    assert "It is recorded" not in page(failed_in(tmp_path / "a run")).text
    (tmp_path / "a run" / "run.mcap").touch()
    text = page(failed_in(tmp_path / "a run")).text
    assert f"vla-sim view '{tmp_path}/a run'" in text
    assert f"vla-sim video '{tmp_path}/a run' --from 7 --to 14" in text
    late = msgspec.structs.replace(failed_in(tmp_path / "a run"), commands=[command(given=4.0)])
    assert "--from 3 --to 10" in page(late).text  # a film counts from the first command
