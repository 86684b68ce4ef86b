"""What is held against the results, in which direction, and what a file of requirements may say."""

import pytest
from bench_results import result, suite

from vla_sim.bench import requirements
from vla_sim.bench.requirements import Requirement, judge, load, loads, passed
from vla_sim.common.errors import InputError

HEAD = "version: 1\nrequirements:\n"


def asked(benchmark="control.step", **more):
    values = {"name": "r", "statistic": "p95", "goal": 1.0, "source": "a test"} | more
    return Requirement(benchmark=benchmark, **values)


def only(requirement, *results):
    (one,) = judge([requirement], suite(*results))
    return one


def test_a_time_is_violated_from_above():
    for value, state, margin in ((5.0, "holds", 2.0), (10.0, "holds", 1.0), (20.0, "violated", 0.5)):
        one = only(asked(at_most=10.0), result("control.step", [value] * 5))
        assert (one.state, one.margin) == (state, pytest.approx(margin))


def test_a_rate_is_violated_from_below():
    rate = asked("perception.rate", at_least=10.0, statistic="min", goal=10.0)
    for value, state, margin in ((8.0, "violated", 0.8), (10.0, "holds", 1.0), (25.0, "holds", 2.5)):
        one = only(rate, result("perception.rate", [value, 30.0], unit="Hz", better="high"))
        assert (one.state, one.margin) == (state, pytest.approx(margin))


def test_a_tolerance_is_of_the_measurement_and_shifts_no_limit_by_more():
    rate = asked("control.rate", at_least=50.0, statistic="mean", goal=50.0, tolerance=0.1)
    assert only(rate, result("control.rate", [49.95], unit="Hz")).state == "holds"
    assert only(rate, result("control.rate", [49.85], unit="Hz")).state == "violated"


def test_of_several_benchmarks_the_worst_counts():
    fast = [result(f"perception.vga_{n}", [ms] * 5) for n, ms in ((1, 20.0), (5, 60.0))]
    one = only(asked("perception.vga_*", at_most=100.0, goal=50.0), *fast)
    assert (one.benchmark, one.value) == ("perception.vga_5", 60.0)
    assert one.words == "holds by 1.7×, less than half to spare"


def test_half_to_spare_is_said():
    for value, words in ((2.5, "holds by 4.0×, half to spare"), (15.0, "VIOLATED by 1.50×")):
        assert only(asked(at_most=10.0), result("control.step", [value] * 3)).words == words


def test_where_little_is_to_spare_it_is_said_how_much_of_it_was_work():
    busy = result("control.step", [15.0] * 3, cpu=[2.0] * 3)
    assert only(asked(at_most=10.0), busy).words == "VIOLATED by 1.50×; CPU 2 ms"
    assert only(asked(at_most=20.0), busy).words == "holds by 1.3×, less than half to spare; CPU 2 ms"
    assert only(asked(at_most=60.0), busy).words == "holds by 4.0×, half to spare"


def test_what_did_not_run_is_not_measured_and_never_passed():
    one = only(asked(at_most=10.0))
    assert (one.state, one.value) == ("not measured", None)
    assert not passed([one], subset=False)
    assert passed([one], subset=True)
    # one of two that a pattern means
    part = only(asked("perception.vga_*", at_most=100.0), result("perception.vga_1", [1.0]))
    assert (part.state, part.benchmark) == ("not measured", "perception.vga_5")
    skipped = result("control.step", [], state="skipped", reason="no policy")
    assert only(asked(at_most=10.0), skipped).words == "not measured: no policy"


def test_what_is_optional_may_go_unmeasured_but_not_be_violated():
    server = asked("llm.server_*", at_most=10.0, optional="no server was named")
    one = only(server)
    assert one.words == "not measured: no server was named"
    assert passed([one], subset=False)
    names = "navigation", "manipulation", "complex", "safe", "human"
    slow = [result(f"llm.server_{n}", [99.0]) for n in names]
    assert not passed([only(server, *slow)], subset=True)


def test_wrong_answers_hold_nothing_however_fast():
    wrong = result("control.step", [1.0] * 4, state="failed", wrong=1, reason="it fell")
    one = only(asked(at_most=10.0), wrong)
    assert (one.state, one.words) == ("failed", "failed: it fell")
    assert not passed([one], subset=True)
    share = only(asked(statistic="success", at_least=1.0), wrong)
    assert (share.state, share.value) == ("violated", 0.8)


def test_the_shipped_file_asks_what_the_chapter_asks():
    found = {r.name: r for r in load()}
    rates = [r for r in found.values() if "rate" in r.name and r.source == "chapter"]
    assert len(rates) == 5
    assert all(r.below for r in rates)
    chapter = {(r.benchmark, r.limit) for r in found.values() if r.source == "chapter"}
    for wanted in (
        ("end_to_end.first_motion", 2000), ("llm.cold_*", 5000), ("perception.vga_*", 100),
        ("navigation.reaction", 50), ("manipulation.*", 2000), ("control.rate", 50), ("perception.rate", 10),
        ("perception.rate", 5), ("monitor.rate", 1), ("end_to_end.command_rate", 0.5),
        ("end_to_end.voice", 300), ("end_to_end.intent", 200), ("end_to_end.planning", 1000),
        ("end_to_end.perception", 300),
        ("end_to_end.safety", 100), ("end_to_end.control", 100),
    ):  # fmt: skip
        assert wanted in chapter


GOOD = "  - {name: a, benchmark: control.step, statistic: p95, at_most: 4, goal: 2, source: x}\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD + GOOD.replace("goal:", "gaol:"), "r.yaml:3:68: 'gaol' is not known here; did you mean goal?"),
        (HEAD + GOOD + GOOD, "r.yaml:4:12: 'a' is there twice"),
        (
            HEAD + GOOD.replace("control.step", "control.stop"),
            "r.yaml:3:26: no benchmark is called 'control.stop'; did you mean control.step?",
        ),
        (HEAD + GOOD.replace("p95", "p90"), "r.yaml:3:51: statistic: invalid enum value 'p90'; did you"),
        (HEAD + GOOD.replace("at_most: 4, ", ""), "r.yaml:3:5: give exactly one of at_most and at_least"),
        (HEAD + GOOD.replace("at_most: 4", "at_most: 4, at_least: 1"), "give exactly one"),
        (HEAD + GOOD.replace("goal: 2", "goal: 8"), "goal 8 must lie below the limit 4"),
        (HEAD + GOOD.replace("at_most: 4", "at_most: -4"), "r.yaml:3:65: at_most: expected `float` > 0.0"),
        (HEAD + GOOD.replace("at_most: 4", "at_most: soon"), "expected `float | null`, got `str`"),
        (HEAD + "  - [", "r.yaml:3:6: not YAML"),
        ("- 1", "r.yaml:1:1: expected a mapping with version and requirements"),
        ("version: 2\nrequirements: []", "r.yaml:1:10"),
    ],
)
def test_what_is_wrong_in_the_file_is_said_with_line_and_column(text, words):
    with pytest.raises(InputError) as error:
        loads(text, "r.yaml")
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(InputError, match=r"mine.yaml: cannot be read: No such file"):
        requirements.load(tmp_path / "mine.yaml")
