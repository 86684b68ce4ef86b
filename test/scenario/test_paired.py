"""Two versions on the same seeds: known answers, and a loss that is not overlooked."""

import math

import numpy as np
import pytest
from report_records import command, record

from vla_sim.scenario.paired import compare, mcnemar, median_interval
from vla_sim.scenario.sensitivity import factors


def test_mcnemars_exact_test_is_the_sign_test_of_the_pairs_that_differ():
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(0, 5) == pytest.approx(2 / 32)
    assert mcnemar(1, 7) == pytest.approx(2 * (1 + 8) / 256)
    assert mcnemar(4, 4) == 1.0


def test_the_interval_of_a_median_is_that_of_the_tables_and_covers():
    """Conover's table: of 10 values the 2nd and the 9th hold the median with 97.9 %."""
    assert median_interval(list(range(1, 11))) == (2, 9)
    assert median_interval([1.0] * 5) == (-math.inf, math.inf)
    rng = np.random.default_rng(0)
    held = sum(
        low <= 0.0 <= high for low, high in (median_interval(list(x)) for x in rng.normal(size=(500, 15)))
    )
    assert held >= 0.93 * 500


def runs(count=20, bad=(), total=200.0, **more):
    return [
        record(
            seed=seed, scenario="walk", reasons=["fell"] if seed in bad else [],
            commands=[command(total_ms=total + seed)], **more,
        )
        for seed in range(count)
    ]  # fmt: skip


def test_a_version_that_loses_seeds_is_worse_and_the_other_way_round_better():
    (found,) = compare(runs(), runs(bad=range(6)))
    assert (found.both, found.lost, found.won, found.neither) == (14, 6, 0, 0)
    assert (found.verdict, found.worse) == ("worse", True)
    (found,) = compare(runs(bad=range(6)), runs())
    assert (found.verdict, found.worse) == ("better", False)


def test_as_many_losses_as_wins_are_told_and_decide_nothing():
    (found,) = compare(runs(bad=(0, 1)), runs(bad=(2, 3)))
    assert (found.lost, found.won, found.verdict) == (2, 2, "cannot tell")
    (found,) = compare(runs(), runs())
    assert (found.verdict, found.worse) == ("as often", False)


def test_a_shift_far_smaller_than_the_spread_of_seeds_is_seen_in_pairs():
    (found,) = compare(runs(), runs(total=212.0))
    motion = found.differences[0]
    assert (motion.title, motion.median, motion.low, motion.high) == ("first motion", 12.0, 12.0, 12.0)
    assert motion.worse
    assert not compare(runs(), runs(total=206.0))[0].worse
    assert not compare(runs(total=212.0), runs())[0].worse


def test_runs_without_a_twin_or_a_verdict_are_counted_and_not_compared():
    busy = runs(2, bad=(0,), unjudged="the machine was busy")
    (found,) = compare(runs(3), busy)
    assert (found.both, found.lost, found.single) == (1, 0, 2)


def drawn(cause, seed=0, count=60):
    """Runs that fail where the cup stands far to the left, or at random."""
    rng = np.random.default_rng(seed)
    out = []
    for k in range(count):
        x, y = rng.uniform(-0.1, 0.1, 2)
        fails = y > 0.05 if cause else rng.random() < 0.25
        out.append(record(
            seed=k, scenario="walk", reasons=["fell"] if fails else [], start=(x, -x, 0.0),
            objects={"red_cup": ((4.0 + rng.uniform(-0.1, 0.1), y, 0.8), (4.0, y, 0.8))},
        ))  # fmt: skip
    return out


def test_the_quantity_that_failure_goes_with_is_found_and_no_other():
    found = factors(drawn(cause=True))
    assert [one.name for one in found if one.significant] == ["red_cup y"]
    assert found[0].share == 1.0
    assert "red_cup y is larger where it failed" in found[0].text
    assert "start yaw" not in [one.name for one in found]  # it never varied


def test_where_failure_goes_with_nothing_a_quantity_is_named_no_more_often_than_promised():
    named = sum(any(one.significant for one in factors(drawn(cause=False, seed=s))) for s in range(60))
    assert named <= 0.1 * 60


def test_of_too_few_failures_nothing_is_said():
    assert factors(runs(20, bad=(1, 2))) == []
    assert factors([]) == []
