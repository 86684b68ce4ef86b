"""Engines side by side: the table and what counts as a difference."""

from __future__ import annotations

import pytest

from vla_sim.scenario.compare import CASES, Case, compare, differences
from vla_sim.scenario.record import RunRecord


def record(passed, seed, **values):
    base = {
        "command": "x", "heard": "x", "spoken": True, "world": "w", "engine": "e", "seed": seed,
        "started": "",
        "passed": passed, "state": "", "answer": "", "reasons": [] if passed else ["fell"], "checks": [],
        "stages": [], "total_ms": 100.0 + seed, "total_limit_ms": 2000.0, "path_length": 1.0 + seed,
        "clearance": 0.5 - 0.1 * seed, "contacts": [], "grasps": [], "real_time_factor": 1.0,
        "ready_seconds": 5.0, "simulated_seconds": 1.0, "wall_seconds": 1.0, "path": [], "events": [],
        "versions": {}, "folder": "",
    }  # fmt: skip
    return RunRecord(**(base | values))


def test_every_case_is_run_on_every_engine_with_every_seed():
    asked, rows = [], []

    def run(engine, case, seed):
        asked.append((engine, case.words, seed))
        return record(not (engine == "b" and seed == 1 and case.words == "two"), seed)

    cases = [Case("one"), Case("two", "hall", ((3.0, "stop"),))]
    out = compare(cases, ["a", "b"], [0, 1, 2], run, rows.append)
    assert len(asked) == len(set(asked)) == 12
    assert out == rows
    last = rows[-1]
    assert (last.command, last.world, last.engine) == ("two; stop", "hall", "b")
    assert (last.passed, last.runs, last.reasons) == (2, 3, ["seed 1: fell"])
    assert (last.total_ms, last.path_length, last.clearance) == pytest.approx((101.0, 2.0, 0.3))
    assert differences(rows) == ['"two; stop" in hall: a 3 of 3, b 2 of 3']


def test_what_never_moved_has_no_latency():
    still = record(True, 0, total_ms=None, clearance=None)
    row = compare([Case("x")], ["a"], [0], lambda *_: still, print)[0]
    assert (row.total_ms, row.control_ms, row.clearance) == (None, None, None)
    assert differences([row]) == []


def test_every_command_of_the_main_job_is_a_case():
    said = " ".join(case.title.lower() for case in CASES)
    for words in ("forward 2", "red cup", "left 90", "stop", "charging", "red ball", "bring me the blue box"):
        assert words in said
