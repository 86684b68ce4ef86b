"""A sweep that stops early is as sure as it says, and says the same as its full twin."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_records import record

from vla_sim.scenario.sequential import ALPHA, Stopping, decide, evidence, interval
from vla_sim.scenario.sweep.tasks import Task


def test_the_evidence_is_the_likelihood_of_a_mixture_over_that_of_the_rate():
    """By adding up the mixture numerically: Jeffreys' prior, x = sin(t)^2 with t uniform."""
    x = np.sin((np.arange(20000) + 0.5) / 20000 * np.pi / 2.0) ** 2
    for passed, failed, rate in ((3, 1, 0.5), (20, 0, 0.9), (0, 4, 0.2)):
        mixture = np.mean(x**passed * (1.0 - x) ** failed)
        plain = rate**passed * (1.0 - rate) ** failed
        assert evidence(passed, failed, rate) == pytest.approx(np.log(mixture / plain), abs=1e-4)


@pytest.mark.parametrize("rate", [0.3, 0.9])
def test_a_right_rate_is_rejected_no_more_often_than_promised(rate):
    """A sweep of 300 runs, looked at after each, 400 times; an interval made for one look fails here."""
    rng = np.random.default_rng(1)
    wrong = sum(decide(rng.random(300) < rate, rate).side != "open" for _ in range(400))
    assert wrong <= ALPHA * 400


@pytest.mark.parametrize(("truth", "side"), [(0.99, "above"), (0.6, "below")])
def test_what_is_far_from_the_rate_is_decided_early_and_as_its_full_twin(truth, side):
    rng = np.random.default_rng(2)
    for _ in range(50):
        outcomes = list(rng.random(400) < truth)
        early = decide(outcomes, 0.85)
        assert early.side == side
        assert early.runs < 200
        share = np.mean(outcomes)
        assert (share > 0.85) == (early.side == "above")


def test_where_it_is_decided_the_rate_lies_outside_the_interval():
    found = decide([True] * 100, 0.9)
    assert (found.side, found.runs) == ("above", 53)
    assert found.low > 0.9
    assert found.high == 1.0
    assert decide([True] * 52, 0.9).side == "open"
    assert "decided by 53 of 53" in found.text


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_interval_holds_what_was_seen_and_mirrors(passed, failed):
    low, high = interval(passed, failed)
    assert 0.0 <= low < high <= 1.0
    if passed + failed:
        assert low <= passed / (passed + failed) <= high
    assert interval(failed, passed) == pytest.approx((1.0 - high, 1.0 - low), abs=1e-6)


def stopping(tmp_path, count=100, rate=0.9):
    tasks = [Task("x.yaml", "a", "mujoco", seed, 1, tmp_path) for seed in range(count)]
    return tasks, Stopping(tasks, rate)


def add(stop, seed, passed=True, **more):
    reasons = [] if passed else ["fell"]
    stop.add(record(scenario="a", engine="mujoco", seed=seed, reasons=reasons, **more))


def test_runs_count_in_the_order_of_their_seeds_whichever_ends_first(tmp_path):
    """Seed 0 is slow: the quick ones after it must not decide before it is known."""
    tasks, stop = stopping(tmp_path)
    for seed in range(1, 70):
        add(stop, seed)
    assert stop.wanted(tasks[70])
    add(stop, 0)
    assert not stop.wanted(tasks[70])
    assert stop.decisions()["a", "mujoco"].runs == 53


def test_what_is_no_verdict_counts_neither_way_and_a_later_try_not_as_passed(tmp_path):
    _, stop = stopping(tmp_path, 4)
    add(stop, 0, passed=False, unjudged="the machine was busy")
    add(stop, 1, attempt=2)
    add(stop, 2)
    found = stop.decisions()["a", "mujoco"]
    assert (found.passed, found.runs, found.side) == (1, 2, "open")
    assert "not decided" in found.text


def test_scenarios_are_decided_each_by_itself(tmp_path):
    names = ("good", "mixed")
    tasks = [Task("x", n, "mujoco", s, 1, tmp_path) for n, s in itertools.product(names, range(80))]
    stop = Stopping(tasks, 0.9)
    for task in tasks:
        bad = task.name == "mixed" and task.seed % 10 == 9
        stop.add(record(scenario=task.name, engine="mujoco", seed=task.seed, reasons=["fell"] * bad))
    sides = {name: one.side for (name, _), one in stop.decisions().items()}
    assert sides == {"good": "above", "mixed": "open"}
