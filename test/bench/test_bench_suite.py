"""Benchmarks are repeated, judged and reported, whatever happens in one."""

from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.bench import suite
from vla_sim.bench.suite import Benchmark, Options, WrongError, figures, play, run, timed
from vla_sim.errors import InputError


def of(once, **more):
    @contextmanager
    def prepared():
        yield once

    return Benchmark("set/what", prepared, **more)


def test_warm_up_does_not_count():
    values = iter([100.0, 100.0, 1.0, 2.0, 3.0])
    (found,) = run(of(lambda: next(values), repetitions=3, warmup=2), Options())
    assert found.samples == [1.0, 2.0, 3.0]
    assert found.success


def test_several_values_of_a_repetition_are_several_results():
    once = {"rate [Hz]": 50.0, "latency": 3.0}
    found = run(of(lambda: once, repetitions=2, warmup=0), Options())
    assert [(r.name, r.unit) for r in found] == [("set/what: rate", "Hz"), ("set/what: latency", "ms")]
    assert found[0].figures.throughput == 0.0


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (WrongError("a wrong answer"), "a wrong answer"),
        (InputError("no such world"), "no such world"),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
    ],
)
def test_one_that_fails_is_told_of_and_the_others_go_on(error, told):
    def fails():
        raise error

    *_, last = play([of(fails), of(lambda: 1.0)], ["set"], Options())
    assert [r.success for r in last.results] == [False, True]
    assert last.results[0].error == told
    assert last.results[0].figures is None
    assert last.complete


def test_what_was_measured_before_a_failure_is_kept_but_does_not_count_as_success():
    values = iter([1.0, 2.0])
    (found,) = run(of(lambda: next(values), repetitions=3, warmup=0), Options())
    assert found.samples == [1.0, 2.0]
    assert not found.success


def test_preparation_that_fails_is_a_failure_of_that_benchmark():
    @contextmanager
    def prepared():
        raise InputError("no display")
        yield

    (found,) = run(Benchmark("set/what", prepared), Options())
    assert (found.success, found.error) == (False, "no display")


def test_an_interruption_leaves_what_was_measured():
    def interrupted():
        raise KeyboardInterrupt

    playing = play([of(lambda: 1.0), of(interrupted)], ["set"], Options())
    so_far = next(playing)
    with pytest.raises(KeyboardInterrupt):
        next(playing)
    assert not so_far.complete
    assert [r.success for r in so_far.results] == [True]


def test_a_wrong_answer_is_no_time():
    def check(found):
        if found != 4:
            raise WrongError(f"{found} is not 4")

    assert timed(lambda: 4, check)() >= 0.0
    with pytest.raises(WrongError, match="5 is not 4"):
        timed(lambda: 5, check)()


@given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=50))
def test_figures_are_those_of_numpy(samples):
    found = figures(samples)
    assert found.count == len(samples)
    assert found.mean == pytest.approx(np.mean(samples))
    assert found.stddev == pytest.approx(np.std(samples, ddof=1) if len(samples) > 1 else 0.0, abs=1e-9)
    assert found.min <= found.p50 <= found.p95 <= found.p99 <= found.max
    assert found.throughput == pytest.approx(1000.0 / np.mean(samples))


def test_many_samples_are_thinned_evenly():
    kept = suite.kept([float(k) for k in range(5000)])
    assert len(kept) <= suite.KEPT
    assert kept[0] == 0.0
    assert kept[-1] > 4900.0
