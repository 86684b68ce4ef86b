"""Numbers about numbers of runs: intervals known from the literature, percentiles as numpy has them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.scenario.record import Check, RunRecord
from vla_sim.scenario.statistics import (
    Rate,
    by_engine,
    by_kind,
    by_scenario,
    failures,
    label,
    percentile,
    runs_of,
    verdict,
    wilson,
)


def record(**changes):
    values = {
        "command": "go", "heard": "", "spoken": False, "world": "flat", "engine": "kinematic", "seed": 0,
        "started": "", "passed": True, "state": "", "answer": "", "reasons": [], "checks": [], "stages": [],
        "total_ms": None, "total_limit_ms": 2000.0, "path_length": 0.0, "clearance": None, "contacts": [],
        "grasps": [], "real_time_factor": 1.0, "ready_seconds": 0.0, "simulated_seconds": 0.0,
        "wall_seconds": 0.0, "path": [], "events": [], "versions": {}, "folder": "",
    }  # fmt: skip
    return RunRecord(**(values | changes))


# from the formula's worked examples in Newcombe, "Two-sided confidence intervals for the single
# proportion", Statistics in Medicine 17 (1998), table I, method 3
@pytest.mark.parametrize(
    ("passed", "runs", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_intervals_are_those_of_the_literature(passed, runs, low, high):
    assert wilson(passed, runs) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(0, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_holds_the_rate_and_lies_within_0_and_1(numbers):
    passed, runs = numbers
    low, high = wilson(passed, runs)
    assert 0.0 <= low <= (passed / runs if runs else 0.0) + 1e-12
    assert (passed / runs if runs else 1.0) - 1e-12 <= high <= 1.0
    wide_low, wide_high = wilson(passed, runs, 0.999)
    assert wide_low <= low + 1e-12
    assert wide_high >= high - 1e-12


@pytest.mark.parametrize(("passed", "runs"), [(-1, 3), (4, 3), (0, -1)])
def test_what_is_no_count_is_refused(passed, runs):
    with pytest.raises(ValueError, match=f"got {passed} of {runs}"):
        wilson(passed, runs)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), st.floats(0.0, 1.0))
def test_percentiles_are_those_of_numpy(values, share):
    assert percentile(values, share) == pytest.approx(float(np.quantile(values, share)), rel=1e-9, abs=1e-6)


def test_there_is_no_percentile_of_nothing():
    assert percentile([], 0.95) is None
    with pytest.raises(ValueError, match="got 95"):
        percentile([1.0], 95)


def test_a_rate_says_how_sure_it_is():
    assert Rate(19, 20).text == "19 of 20, 95 % interval 76 to 99 %"
    assert Rate(0, 0).text == "no runs"
    assert Rate(999, 1000).text == "999 of 1000, 95 % interval 99 to 99.9 %"
    with pytest.raises(ValueError, match="cannot be of 2 runs"):
        Rate(2, 2, 1)


def test_a_pass_on_a_later_try_is_told_and_not_counted():
    rate = Rate.of([record(seed=0), record(seed=1, attempt=2), record(seed=2, passed=False, attempt=3)])
    assert rate == Rate(1, 3, 1)
    assert rate.text.startswith("1 of 3, 1 more on a later try, 95 % interval")
    assert (rate.low, rate.high) == wilson(1, 3)


def test_the_tries_of_a_run_are_one_run():
    first, second = record(seed=4, passed=False), record(seed=4, attempt=2)
    other = record(seed=4, engine="gazebo")
    assert runs_of([first, other, second]) == [[first, second], [other]]
    assert Rate.of([first, other, second]) == Rate(1, 2, 1)


def judged(seed, **kinds):
    """A run with a check of each kind, which passed or did not."""
    checks = [Check(name=kind, passed=passed, kind=kind) for kind, passed in kinds.items()]
    why = [f"{check.name}: so" for check in checks if not check.passed]
    return record(seed=seed, checks=checks, reasons=why, passed=not why)


def test_each_kind_of_check_has_its_own_rate_over_runs_and_the_first_failure_is_ranked():
    runs = [
        judged(0, as_commanded=True, find=True, pick=True),
        judged(1, as_commanded=False, find=True, pick=False),
        judged(2, as_commanded=False, find=False, pick=False),
        judged(3, as_commanded=False, find=True, pick=False),
        judged(4, find=True),
        record(seed=5, passed=False, error="perception died"),
    ]
    assert by_kind(runs) == {"as_commanded": Rate(1, 4), "find": Rate(4, 5), "pick": Rate(1, 4)}
    ranked = [(kind, [run.seed for run in mine]) for kind, mine in failures(runs)]
    assert ranked == [("pick", [1, 3]), ("find", [2]), ("broke off", [5])]


def test_what_a_busy_machine_spoiled_is_no_failure_of_any_kind():
    late = Check(name="within 2000 ms", passed=False, kind="latency", speed=True)
    spoiled = record(seed=1, checks=[late], passed=False, reasons=["late"], unjudged="the machine was busy")
    runs = [judged(0, latency=True), spoiled]
    assert by_kind(runs) == {"latency": Rate(1, 1)}
    assert failures(runs) == []


def test_two_checks_of_a_kind_in_one_run_are_one_run_and_both_must_pass():
    mixed = record(checks=[Check(name="a", passed=ok, kind="pick") for ok in (True, False)], passed=False)
    assert by_kind([mixed, judged(1, pick=True)]) == {"pick": Rate(1, 2)}


def test_the_same_seed_played_again_is_another_run():
    assert len(runs_of([record(), record()])) == 2


def test_a_run_that_broke_off_has_not_passed():
    broken = record(error="perception died")
    assert verdict(broken) == "error"
    assert Rate.of([broken]) == Rate(0, 1)


def test_runs_without_a_scenario_go_by_what_was_commanded_where():
    assert label(record()) == '"go" in flat'
    groups = by_scenario([record(), record(scenario="walk"), record(world="steep"), record()])
    assert [(name, len(own)) for name, own in groups.items()] == [
        ('"go" in flat', 2), ("walk", 1), ('"go" in steep', 1)
    ]  # fmt: skip
    assert list(by_engine([record(engine="b"), record(engine="a")])) == ["b", "a"]
