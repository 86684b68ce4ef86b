"""Others' share in a verdict: what missed speed alone on a busy machine neither passed nor failed."""

import unittest

import pytest
from report_records import page, record

from vla_sim.cli import common, main
from vla_sim.scenario import run as run_module
from vla_sim.scenario.launch_test_driver import _fail
from vla_sim.scenario.record import Check
from vla_sim.scenario.result import crowded, spoilt
from vla_sim.scenario.statistics import Rate, compared, verdict

BUSY = "the machine was busy: 97 % of its cores by others"
LATE = Check(name="total within 2000 ms", passed=False, detail="2451.0 ms", speed=True)
FELL = Check(name="stays on its feet", passed=False, detail="it fell")
HELD = Check(name="arrives", passed=True, detail="0.11 m")


def unjudged(**changes):
    why = {"reasons": [BUSY, "total within 2000 ms: 2451.0 ms"], "checks": [HELD, LATE]}
    return record(**(why | {"passed": False, "unjudged": BUSY, "others": 0.97} | changes))


@pytest.mark.parametrize(
    ("checks", "source", "others", "words"),
    [
        ([LATE, HELD], "measured", 0.97, BUSY),
        ([LATE, FELL], "measured", 0.97, BUSY),
        ([FELL, HELD], "measured", 0.97, ""),
        ([HELD], "measured", 0.97, ""),
        ([LATE], "measured", 0.2, ""),
        ([LATE], "measured", None, ""),
        ([LATE], "modelled", 0.97, ""),
    ],
)
def test_a_busy_machine_spoils_what_measures_speed_and_nothing_else(checks, source, others, words):
    assert spoilt(checks, source, others) == words


def test_a_failure_on_a_busy_machine_names_the_machine_too_where_times_are_measured():
    assert crowded("measured", 0.97) == BUSY
    assert [crowded("modelled", 0.97), crowded("measured", 0.2), crowded("measured", None)] == [""] * 3


def test_it_is_counted_apart_and_never_as_a_pass():
    assert verdict(unjudged()) == "not judged"
    rate = Rate.of([record(seed=0), unjudged(seed=1)])
    assert (rate.passed, rate.runs, rate.unjudged) == (1, 1, 1)
    assert rate.counts == "1 of 1, 1 not judged: the machine was busy"
    assert Rate.of([unjudged()]).text == "1 not judged: the machine was busy"
    assert compared({"mujoco": [unjudged()], "gazebo": [record()]})[0].cells["mujoco"] == (
        "1 not judged: the machine was busy"
    )


def test_the_exit_code_tells_it_from_a_failure():
    bad = record(passed=False, reasons=["it fell"])
    assert common.exit_code([record()]) == 0
    assert common.exit_code([record(), unjudged()]) == 6
    assert common.exit_code([bad, unjudged()]) == 1


def test_a_run_says_it_first_and_ends_with_6(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(run_module, "run_once", lambda options, display, play: unjudged())
    code = main.main(["run", "turn left", "--text", "--no-reserve", "--out", str(tmp_path)])
    said = capsys.readouterr().out
    assert code == 6
    assert f"NOT JUDGED: {BUSY}\n  - total within 2000 ms: 2451.0 ms\n" in said
    assert "FAILED" not in said


def test_the_page_says_it_too():
    for records in ([unjudged()], [unjudged(), record(seed=1)]):
        text = page(*records).text
        assert "Not judged: 1 run, since the machine was busy" in text
        assert "– not judged" in text
        assert "✗ failed" not in text.replace("✗ failed 2451.0 ms", "")


def test_a_launch_test_is_skipped_with_the_reason_and_failed_without():
    with pytest.raises(unittest.SkipTest, match="not judged: the machine was busy"):
        _fail([BUSY, "late"], BUSY)
    with pytest.raises(AssertionError, match="late"):
        _fail(["late"], "")
