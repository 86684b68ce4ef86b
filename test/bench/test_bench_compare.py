"""A change is told from noise."""

import msgspec
import numpy as np
import pytest
from bench_results import report, result

from vla_sim.bench.compare import compare, read, regressed
from vla_sim.errors import InputError


def noisy(rng, factor=1.0, count=50):
    """Times with the shape that a busy machine gives them: a floor, a tail, and spells that are slower."""
    spells = np.repeat(rng.choice([1.0, 1.15], -(-count // 5)), 5)[:count]
    return factor * (10.0 + rng.exponential(1.0, count)) * spells


def verdict(before, after, unit="ms"):
    (found,) = compare(report(result("voice/a", before, unit)), report(result("voice/a", after, unit)))
    return found


def test_the_same_code_is_rarely_called_slower_or_faster():
    alarms = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        alarms += verdict(noisy(rng), noisy(rng)).verdict in ("slower", "faster")
    assert alarms <= 3


def test_what_takes_a_third_longer_is_found():
    found = 0
    for seed in range(50):
        rng = np.random.default_rng(seed)
        found += verdict(noisy(rng), noisy(rng, 1.35)).verdict == "slower"
    assert found >= 45


def test_faster_and_same():
    rng = np.random.default_rng(0)
    assert verdict(noisy(rng), noisy(rng, 0.6)).verdict == "faster"
    steady = 10.0 + 0.01 * rng.random(50)
    assert verdict(steady, steady[::-1]).verdict == "same"


def test_of_a_rate_less_is_slower():
    before, after = np.full(20, 50.0), np.full(20, 30.0)
    assert verdict(before, after, "Hz").verdict == "slower"
    assert verdict(after, before, "Hz").verdict == "faster"


def test_few_samples_tell_nothing():
    assert verdict([1, 2, 3], [9, 9, 9]).verdict == "cannot tell"


def test_a_benchmark_that_fails_now_or_is_gone_is_a_regression_and_a_new_one_is_none():
    good, bad = result("voice/a", range(1, 20)), result("voice/a", error="heard nothing")
    assert [c.verdict for c in compare(report(good), report(bad))] == ["failed"]
    gone = compare(report(good), report())
    assert [c.verdict for c in gone] == ["gone"]
    assert regressed(gone)
    new = compare(report(), report(good))
    assert [c.verdict for c in new] == ["new"]
    assert not regressed(new)


def test_a_file_of_something_else_is_an_input_error(tmp_path):
    path = tmp_path / "a.json"
    with pytest.raises(InputError, match="cannot be read"):
        read(path)
    path.write_text("{}")
    with pytest.raises(InputError, match="no results of `vla-sim bench`"):
        read(path)
    path.write_bytes(msgspec.json.encode(report(result("voice/a", [1.0]))))
    assert read(path).results[0].samples == [1.0]
