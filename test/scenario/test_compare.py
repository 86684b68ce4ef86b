"""Engines side by side: what is measured and what counts as a difference."""

from __future__ import annotations

import io

import pytest
from report_records import record
from rich.console import Console

from vla_sim.cli.test import MAIN_JOB, side_by_side
from vla_sim.scenario import load
from vla_sim.scenario.statistics import compared


def run(engine, seed, **values):
    return record(engine=engine, seed=seed, **values)


def apart(a, b):
    return {one.title: one.apart for one in compared({"a": a, "b": b})}


def test_engines_that_do_the_same_are_alike():
    assert not any(apart([run("a", s) for s in (0, 1)], [run("b", s) for s in (0, 1)]).values())


def test_a_run_that_failed_on_one_engine_is_named_with_its_seed_and_reason():
    found = apart([run("a", 0), run("a", 1)], [run("b", 0), run("b", 1, reasons=["fell"])])
    assert found.pop("passed") == "b, seed 1: fell"
    assert not any(found.values())


@pytest.mark.parametrize(
    ("values", "title", "words"),
    [
        ({"path_length": 4.0}, "path", "b 1.0 m more than a"),
        ({"clearance": 0.11}, "nearest approach", "a 0.20 m more than b"),
        ({"clearance": None}, "nearest approach", "not measured on b"),
        ({"real_time_factor": 2.02}, "real-time factor", "b 1.00 more than a"),
    ],
)
def test_what_lies_apart_is_said(values, title, words):
    assert apart([run("a", 0)], [run("b", 0, **values)])[title] == words


def test_other_seeds_are_no_comparison():
    assert apart([run("a", 0)], [run("b", 1)])["seeds"] == "not the same seeds were played"


def test_the_table_names_each_scenario_and_engine():
    out = io.StringIO()
    records = [run("a", 0), run("b", 0, reasons=["fell"])]
    side_by_side(Console(file=out, width=160), records, ["a", "b"])
    text = out.getvalue()
    for words in ("walk", "a", "b", "1 of 1", "0 of 1", "b, seed 0: fell"):
        assert words in text


def test_every_command_of_the_main_job_is_compared():
    said = " ".join(load.load(path).path.read_text() for name in MAIN_JOB for path in load.find(name)).lower()
    for words in ("forward 2", "red cup", "left 90", "stop", "charging", "red ball", "bring me the blue box"):
        assert words in said
