"""JUnit XML that every reader takes: counts that agree, tries that are told, no character that XML lacks."""

from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_sim.common.errors import InputError
from vla_sim.scenario import junit
from vla_sim.scenario.record import Check, RunRecord


def record(**changes):
    values = {
        "command": "go", "heard": "", "spoken": False, "world": "flat", "engine": "kinematic", "seed": 0,
        "started": "2025-11-25T18:10:03+00:00", "passed": not changes.get("reasons"), "state": "",
        "answer": "", "reasons": [], "stages": [],
        "checks": [Check(name="arrives", passed=True, detail="0.11 m from it")],
        "total_ms": 203.4, "total_limit_ms": 2000.0, "path_length": 0.0, "clearance": None, "contacts": [],
        "grasps": [], "real_time_factor": 1.0, "ready_seconds": 0.0, "simulated_seconds": 0.0,
        "wall_seconds": 2.5, "path": [], "events": [], "versions": {"vla_sim": "0.4.0"}, "folder": "runs/a",
        "scenario": "walk", "proves": "It walks.", "again": "vla-sim test walk --seed 0",
    }  # fmt: skip
    return RunRecord(**(values | changes))


def parse(records):
    return ElementTree.fromstring(junit.render(records).encode())


def test_a_suite_is_a_scenario_on_an_engine_and_a_case_is_a_run():
    root = parse([record(seed=0), record(seed=1), record(engine="gazebo"), record(scenario="fetch")])
    names = [(s.get("name"), [c.get("name") for c in s.iter("testcase")]) for s in root]
    assert names == [
        ("walk (kinematic)", ["seed 0", "seed 1"]), ("walk (gazebo)", ["seed 0"]),
        ("fetch (kinematic)", ["seed 0"]),
    ]  # fmt: skip
    assert root[0].get("time") == "5.000"
    assert root[0].get("timestamp") == "2025-11-25T18:10:03"
    assert {p.get("name"): p.get("value") for p in root[0].find("properties")} == {
        "engine": "kinematic", "robot": "g1", "world": "flat", "proves": "It walks.",
        "version vla_sim": "0.4.0", "rate": "2 of 2, 95 % interval 34 to 100 %",
    }  # fmt: skip


def test_what_failed_what_broke_and_what_passed_are_counted_and_told():
    reasons = ["arrives: 2.00 m from it", "the robot fell"]
    root = parse([record(), record(seed=1, reasons=reasons), record(seed=2, passed=False, error="it died")])
    assert [root.get(k) for k in ("tests", "failures", "errors", "skipped")] == ["3", "1", "1", "0"]
    assert [root[0].get(k) for k in ("tests", "failures", "errors", "skipped")] == ["3", "1", "1", "0"]
    good, bad, broken = root.iter("testcase")
    assert good.find("failure") is None
    assert good.find("error") is None
    assert bad.find("failure").get("message") == "arrives: 2.00 m from it; the robot fell"
    assert bad.find("failure").text == "\n".join(reasons)
    assert broken.find("error").get("message") == "it died"
    assert broken.find("failure") is None
    out = good.find("system-out").text
    assert "passed  arrives: 0.11 m from it" in out
    assert "first motion after 203 ms (measured), 2000 ms are allowed" in out
    assert "again: vla-sim test walk --seed 0" in out


def test_a_pass_on_a_later_try_is_a_pass_that_says_so():
    (case,) = parse([record(attempt=2)]).iter("testcase")
    assert case.find("failure") is None
    assert case.find("properties/property[@name='attempt']").get("value") == "2"
    assert "try 2 passed; an earlier try did not pass" in case.find("system-out").text


def test_the_tries_of_a_run_are_one_case_that_tells_of_all():
    (case,) = parse([record(reasons=["too late"]), record(attempt=2)]).iter("testcase")
    assert case.get("time") == "5.000"
    assert "try 1: too late" in case.find("system-out").text


def test_no_two_cases_of_a_suite_have_one_name():
    names = [c.get("name") for c in parse([record(), record(), record()]).iter("testcase")]
    assert names == ["seed 0", "seed 0 (2)", "seed 0 (3)"]


@pytest.mark.parametrize("started", ["", "yesterday", "2025-11-25T18:10:03Z", "2025-11-25T20:10:03+02:00"])
def test_a_time_is_utc_without_a_zone_or_left_out(started):
    stamp = parse([record(started=started)])[0].get("timestamp")
    assert stamp == ("2025-11-25T18:10:03" if started[:1] == "2" else None)


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(), max_size=40))
def test_whatever_is_said_the_xml_can_be_read(text):
    one = record(
        command=text, reasons=[text], scenario=text, proves=text, engine=text or "e", again=text,
        versions={text: text}, checks=[Check(name=text, passed=False, detail=text)],
    )  # fmt: skip
    root = parse([one, record(error=text or "x", seed=1)])
    assert root.get("tests") == "2"


def test_markup_in_a_reason_comes_out_as_it_went_in():
    (case,) = parse([record(reasons=['<b> & "]]>" \x1b[31m'])]).iter("testcase")
    assert case.find("failure").text == '<b> & "]]>" [31m'


def test_no_runs_are_a_report_too():
    assert parse([]).get("tests") == "0"


def test_the_file_is_whole_and_alone(tmp_path):
    path = tmp_path / "new" / "junit.xml"
    junit.write([record()], path)
    junit.write([record(seed=7)], path)
    assert "seed 7" in path.read_text()
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_cannot_be_written_is_named_with_the_reason(tmp_path):
    (tmp_path / "junit.xml").mkdir()
    with pytest.raises(InputError, match=r"cannot write .*junit\.xml: Is a directory"):
        junit.write([record()], tmp_path / "junit.xml")
    assert [p.name for p in tmp_path.iterdir()] == ["junit.xml"]
    with pytest.raises(InputError, match="cannot write"):
        junit.write([record()], tmp_path / "none" / ("x" * 300))


def test_what_a_busy_machine_spoilt_is_skipped_and_says_so():
    busy = "the machine was busy: 97 % of its cores by others"
    root = parse([record(), record(seed=1, reasons=[busy, "late"], passed=False, unjudged=busy)])
    assert [root.get(k) for k in ("tests", "failures", "errors", "skipped")] == ["2", "0", "0", "1"]
    _, case = root.iter("testcase")
    assert case.find("skipped").get("message") == f"not judged; {busy}; late"
    assert case.find("failure") is None
