"""What a benchmark measures, what is counted, and that one that fails does not stop the others."""

import math
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.bench import sets, suite
from vla_sim.bench.benchmark import Benchmark, Meter, Options, Wrong, once
from vla_sim.bench.result import summary
from vla_sim.common.errors import InputError, MissingError, StackError


def one(run, name="fake.one", **more):
    return Benchmark(name, "a test", run, **({"repeat": 5, "quick": 2, "warm_up": 2} | more))


def test_a_summary_has_the_textbooks_figures():
    s = summary([1.0, 2.0, 3.0, 4.0, 10.0], "ms")
    assert (s.count, s.mean, s.min, s.max, s.p50) == (5, 4.0, 1.0, 10.0, 3.0)
    assert s.std == pytest.approx(math.sqrt(50.0 / 4.0))
    assert (s.p95, s.p99) == (pytest.approx(8.8), pytest.approx(9.76))
    assert s.throughput == pytest.approx(250.0)
    assert summary([50.0], "Hz").throughput == 0.0
    assert summary([50.0], "Hz").std == 0.0
    assert summary([], "ms") is None


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=50))
def test_a_summarys_figures_lie_in_order(samples):
    s = summary(samples, "ms")
    ordered = [s.min, s.p50, s.p95, s.p99, s.max]
    assert all(a <= b * (1 + 1e-12) for a, b in pairwise(ordered))
    assert s.min * (1 - 1e-12) <= s.mean <= s.max * (1 + 1e-12)


def test_the_first_samples_are_thrown_away_and_only_the_call_is_timed():
    calls = []

    def run(meter):
        meter.time(
            lambda: calls.append(1), before=lambda: time.sleep(0.005), check=lambda _: time.sleep(0.005)
        )

    result = suite.measure(one(run), Options())
    assert len(calls) == 7
    assert (result.state, result.attempts, result.right, len(result.samples)) == ("ok", 5, 5, 5)
    assert result.summary.p50 < 1.0
    assert len(result.cpu) == 5


def test_a_sample_of_many_calls_is_the_time_of_one():
    meter = Meter("µs", 3)
    meter.time(lambda: time.sleep(0.001), calls=5)
    assert all(1000.0 <= v < 100_000.0 for v in meter.samples)


def test_a_wrong_answer_is_no_sample_and_fails_the_benchmark():
    answers = iter([1, 2, 1, 1, 1, 1, 1])

    def check(answer):
        if answer == 2:
            raise Wrong("it said 2")

    result = suite.measure(one(lambda m: m.time(lambda: next(answers), check=check)), Options())
    # the wrong one was the second, in the warm-up: that counts too
    assert (result.state, result.reason, result.right, result.attempts) == ("failed", "it said 2", 5, 6)
    assert result.success == pytest.approx(5 / 6)


def fails(meter):
    meter.add(1.0)
    raise ZeroDivisionError("of something")


def test_a_benchmark_that_fails_is_reported_and_the_others_go_on():
    told = []
    benchmarks = [
        one(fails, "fake.fails"), one(lambda m: None, "fake.nothing"),
        one(lambda m: m.add(2.0), "fake.works"),
    ]  # fmt: skip
    measured = suite.run(benchmarks, Options(), done=told.append)
    assert [r.state for r in measured.results] == ["failed", "failed", "ok"]
    assert measured.results[0].reason == "ZeroDivisionError: of something"
    assert measured.results[0].samples == [1.0]
    assert measured.results[1].reason == "it measured nothing"
    assert told == measured.results
    assert not measured.interrupted


def test_what_is_not_installed_is_skipped_with_its_reason():
    def run(meter):
        raise MissingError("no such package; pip install it")

    result = suite.measure(one(run), Options())
    assert (result.state, result.reason) == ("skipped", "no such package; pip install it")


def test_ctrl_c_keeps_what_was_measured():
    def run(meter):
        meter.add(3.0)
        raise KeyboardInterrupt

    measured = suite.run(
        [one(lambda m: m.add(1.0)), one(run, "fake.two"), one(fails, "fake.three")], Options()
    )
    assert measured.interrupted
    assert [(r.name, r.state, r.samples) for r in measured.results] == [
        ("fake.one", "ok", [1.0]), ("fake.two", "interrupted", [3.0]),
    ]  # fmt: skip


def test_quick_takes_few_samples_and_leaves_runs_of_the_stack_out():
    counts = []

    def run(meter):
        counts.append(meter.repeat)
        meter.add(1.0)

    benchmarks = [one(run), one(run, "fake.slow", quick=0)]
    assert len(suite.run(benchmarks, Options(quick=True)).results) == 1
    assert len(suite.run(benchmarks, Options()).results) == 2
    suite.run(benchmarks, Options(repeat=9))
    assert counts == [2, 5, 5, 9, 9]


def test_every_shipped_benchmark_is_named_after_its_set_and_runs_at_least_once():
    names = []
    for name in sets.SETS:
        for benchmark in sets.load(name):
            assert benchmark.set == name
            assert benchmark.repeat > 0
            names.append(benchmark.name)
    assert len(set(names)) == len(names)
    for wanted in ("voice", "llm", "perception", "navigation", "manipulation", "control", "end_to_end"):
        assert wanted in sets.SETS


def test_benchmarks_are_chosen_by_set_and_by_name():
    chosen = [b.name for b in suite.choose(["control", "llm.rules_safe"])]
    assert chosen[0] == "llm.rules_safe"
    assert all(n.startswith("control.") for n in chosen[1:])
    with pytest.raises(InputError, match="no set of benchmarks is called 'vision'; there are voice"):
        suite.choose(["vision"])
    with pytest.raises(InputError, match=r"no benchmark is called 'llm.rulez'; there are llm.rules_nav"):
        suite.choose(["llm.rulez"])


def test_what_is_measured_once_is_neither_measured_nor_tried_again():
    asked = []

    @once
    def measure(many):
        asked.append(many)
        if many == 2:
            raise StackError("it did not start")
        return many

    assert [measure(1), measure(1)] == [1, 1]
    for _ in range(2):
        with pytest.raises(StackError, match="it did not start"):
            measure(2)
    assert asked == [1, 2]
