"""Requirements are read with line and column, and held against the worst of what was measured."""

import pytest
from bench_results import result

from vla_sim.bench import requirements
from vla_sim.bench.requirements import Requirement, check, load, satisfied
from vla_sim.bench.suite import SETS
from vla_sim.errors import InputError

TIME = Requirement(
    name="voice", benchmark="voice/*", statistic="p95", at="most", limit=300, goal=150, unit="ms",
    source="book",
)  # fmt: skip
RATE = Requirement(
    name="rate", benchmark="end/rate", statistic="mean", at="least", limit=10, goal=10, unit="Hz",
    source="book",
)  # fmt: skip


def state(requirement, *results):
    (found,) = check([requirement], results)
    return found


def test_the_worst_of_several_counts():
    found = state(TIME, result("voice/a", [100]), result("voice/b", [200]), result("other", [900]))
    assert (found.state, found.value, found.worst) == ("misses its goal", 200.0, "voice/b")
    assert found.margin == pytest.approx(1.5)
    assert not found.spare


@pytest.mark.parametrize(("value", "expected"), [(100, "holds"), (200, "misses its goal"), (301, "failed")])
def test_a_time_is_a_threshold_from_above(value, expected):
    assert state(TIME, result("voice/a", [value])).state == expected


@pytest.mark.parametrize(("value", "expected"), [(8, "failed"), (10, "holds"), (12, "holds")])
def test_a_rate_is_a_threshold_from_below(value, expected):
    assert state(RATE, result("end/rate", [value], "Hz")).state == expected


def test_what_was_not_measured_does_not_hold():
    found = state(TIME)
    assert found.state == "not measured"
    assert not satisfied([found])


def test_what_needs_an_option_that_was_not_given_is_left_out():
    optional = Requirement(**{f: getattr(TIME, f) for f in TIME.__struct_fields__} | {"needs": "--base-url"})
    found = state(optional)
    assert (found.state, found.detail) == ("not measured", "give --base-url")
    assert satisfied([found])


def test_a_benchmark_that_failed_fails_its_requirement_however_fast_it_was():
    found = state(TIME, result("voice/a", [1]), result("voice/b", [1], error="heard nothing"))
    assert (found.state, found.detail) == ("failed", "heard nothing")
    assert not satisfied([found])


def test_another_unit_and_no_number_fail():
    assert state(TIME, result("voice/a", [1], "s")).detail == "measured in s, required in ms"
    assert state(TIME, result("voice/a", [float("nan")])).state == "failed"


def test_only_the_sets_that_were_asked_for_are_held():
    assert [c.requirement.name for c in check([TIME, RATE], [], ["voice"])] == ["voice"]


def test_the_shipped_file_is_read_and_speaks_of_sets_that_exist():
    shipped = load()
    assert len(shipped) >= 15
    assert {one.benchmark.partition("/")[0] for one in shipped} <= set(SETS)
    rates = [one for one in shipped if one.unit == "Hz"]
    assert rates
    assert all(one.at == "least" for one in rates)


GOOD = """version: 1
requirements:
  - {name: a, benchmark: b, statistic: p95, at: most, limit: 2, goal: 1, unit: ms, source: s}
"""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("p95", "p96"), r":3:.*invalid enum value 'p96'"),
        (("limit: 2", "limit: -2"), r":3:\d+: limit -2"),
        (("goal: 1", "goal: 3"), r":3:\d+: goal 3.0 is laxer than the limit 2.0"),
        (("unit: ms", "units: ms"), r":3:\d+: 'units' is not known here; did you mean unit"),
        (("version: 1", "version: 7"), r":1:\d+: version 7 is not known"),
        (("requirements:", "requirements"), "not YAML"),
    ],
)
def test_a_wrong_file_is_told_of_with_its_line(tmp_path, change, message):
    path = tmp_path / "r.yaml"
    path.write_text(GOOD)
    assert load(path)[0].limit == 2.0
    path.write_text(GOOD.replace(*change))
    with pytest.raises(InputError, match=message):
        load(path)


def test_a_file_that_is_not_there_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        requirements.load(tmp_path / "none.yaml")
