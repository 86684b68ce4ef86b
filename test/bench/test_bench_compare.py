"""Noise is no regression, and a regression is found through the noise."""

from dataclasses import astuple

import msgspec
import pytest
from bench_results import MACHINE, noisy, result, suite

from vla_sim.bench.compare import compare, interval, machines, verdict_of

SEEDS = 20
NOISE = [  # samples, noise, most false alarms of `SEEDS`, least finds of 1.3 times
    (100, {"sigma": 0.1}, 0, 20), (30, {"sigma": 0.1}, 0, 19), (50, {"sigma": 0.1, "tails": 0.1}, 0, 18),
    (100, {"sigma": 0.3}, 1, 10), (100, {"sigma": 0.15, "memory": 0.7}, 1, 15), (8, {"sigma": 0.1}, 1, 10),
]  # fmt: skip


@pytest.mark.parametrize(("count", "noise", "alarms", "finds"), NOISE)
def test_noise_alone_is_seldom_called_a_change_and_a_third_more_is_found(count, noise, alarms, finds):
    false, found = 0, 0
    for seed in range(SEEDS):
        before = noisy(2 * seed, count, **noise)
        same, slower = (noisy(2 * seed + 1, count, factor=f, **noise) for f in (1.0, 1.3))
        false += verdict_of(*interval(before, same)[1:]) in ("slower", "faster")
        found += verdict_of(*interval(before, slower)[1:]) == "slower"
    assert false <= alarms
    assert found >= finds


def verdict(a, b):
    return compare(suite(a), suite(b))[0]


def test_slower_faster_same_and_cannot_tell():
    before = result("x.a", noisy(0, 100, 0.05))
    for factor, wanted in ((1.0, "same"), (1.3, "slower"), (0.7, "faster"), (1.1, "cannot tell")):
        one = verdict(before, result("x.a", noisy(1, 100, 0.05, factor)))
        assert one.verdict == wanted
        assert one.low < one.ratio < one.high
        assert one.ratio == pytest.approx(factor, rel=0.05)


def test_of_a_rate_less_is_slower():
    rate = {"unit": "Hz", "better": "high"}
    one = verdict(result("x.a", noisy(0, 50, 0.02), **rate), result("x.a", noisy(1, 50, 0.02, 0.7), **rate))
    assert (one.verdict, one.ratio) == ("slower", pytest.approx(1 / 0.7, rel=0.05))


def test_of_few_samples_nothing_is_told_and_a_failure_is_one_however_fast():
    many = result("x.a", noisy(0, 50))
    few = verdict(result("x.a", [1.0] * 7), result("x.a", [9.0] * 7))
    assert (few.verdict, few.note) == ("cannot tell", "fewer than 8 samples")
    wrong = result("x.a", noisy(1, 50, factor=0.3), state="failed", reason="it fell")
    assert (verdict(many, wrong).verdict, verdict(many, wrong).note) == ("failed", "it fell")
    assert (verdict(wrong, many).verdict, verdict(wrong, many).note) == ("cannot tell", "failed in the first")
    (gone, new) = compare(suite(many), suite(result("x.b", noisy(0, 50))))
    assert (gone.note, new.note) == ("was not measured in the second", "was not measured in the first")


def test_who_waits_longer_on_a_busier_machine_is_not_slower_unless_its_own_work_is():
    def measured(factor, cpu, others):
        machine = msgspec.structs.replace(MACHINE, others=others)
        return suite(result("x.a", noisy(1, 60, 0.05, factor), cpu=noisy(2, 60, 0.02, cpu)), machine=machine)

    calm = measured(1.0, 1.0, 0.1)
    (waits,) = compare(calm, measured(2.0, 1.0, 0.8))
    assert waits.verdict == "cannot tell"
    assert waits.note == "others used 70 % more of the machine; the CPU time is 1.00×"
    assert compare(calm, measured(2.0, 2.0, 0.8))[0].verdict == "slower"
    assert compare(calm, measured(2.0, 1.0, 0.1))[0].verdict == "slower"


def test_different_machines_are_told():
    other = msgspec.structs.replace(MACHINE, cpu="another", cores=8, versions={"numpy": "2"})
    assert machines(MACHINE, MACHINE) == []
    assert machines(MACHINE, other) == ["processor: one and another", "cores: 2 and 8", "numpy: none and 2"]


def test_the_same_results_are_the_same_again():
    one = suite(result("x.a", noisy(0, 100, 0.3)))
    assert [astuple(c) for c in compare(one, one)] == [astuple(c) for c in compare(one, one)]
