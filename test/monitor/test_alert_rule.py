import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.common.errors import InputError
from vla_sim.contract.limits import CRITICAL, THRESHOLDS, Threshold
from vla_sim.monitor.alert_rule import EXPIRY, AlertRule, severity, thresholds

ABOVE = Threshold("llm", "response", 5.0, "s", 4.5)
BELOW = Threshold("perception", "rate", 10.0, "Hz", 10.0, below=True)


def told(rule, *values):
    """(value, severity, active) of each alert."""
    made = [rule.update(v, float(k), float(k)) for k, v in enumerate(values)]
    return [(a.value, a.severity, a.active) for a in made if a is not None]


def test_a_time_is_violated_from_above():
    assert told(AlertRule(ABOVE), 4.9, 5.0, 5.5) == [(5.0, "warning", True)]


def test_a_rate_is_violated_from_below():
    assert told(AlertRule(BELOW), 12.0, 10.0, 9.0) == [(9.0, "warning", True)]
    assert told(AlertRule(BELOW), 8.0) == [(8.0, "critical", True)]
    assert told(AlertRule(BELOW), 100.0) == []


@pytest.mark.parametrize(("value", "threshold", "expected"), [
    (5.0, ABOVE, "warning"), (5.99, ABOVE, "warning"), (6.0, ABOVE, "critical"), (60.0, ABOVE, "critical"),
    (9.99, BELOW, "warning"), (8.34, BELOW, "warning"), (10.0 / CRITICAL, BELOW, "critical"),
    (0.0, BELOW, "critical"),
])  # fmt: skip
def test_it_is_critical_from_so_many_times_the_threshold(value, threshold, expected):
    assert severity(value, threshold) == expected


def test_a_value_that_hovers_about_the_limit_is_one_alert():
    rule = AlertRule(ABOVE)
    assert len(told(rule, *[5.1, 4.9] * 20)) == 1
    assert told(rule, 4.49) == [(4.49, "warning", False)]
    assert rule.alert is None


def test_a_warning_that_becomes_critical_is_told_once():
    assert told(AlertRule(ABOVE), 5.1, 6.5, 7.0, 5.1, 6.5, 4.0) == [
        (5.1, "warning", True), (6.5, "critical", True), (4.0, "critical", False),
    ]  # fmt: skip


def test_so_many_in_a_row_it_takes_either_way():
    rule = AlertRule(Threshold("system", "cpu", 80.0, "%", 72.0, after=3))
    assert told(rule, 90.0, 90.0, 50.0, 90.0, 90.0) == []
    assert told(rule, 90.0) == [(90.0, "warning", True)]
    assert told(rule, 50.0, 50.0, 75.0, 50.0, 50.0) == []
    assert told(rule, 50.0) == [(50.0, "warning", False)]


def test_a_count_that_began_between_two_events_is_no_violation():
    assert AlertRule(BELOW).update(9.9, 0.0, 0.0, resolution=0.2) is None
    assert AlertRule(BELOW).update(9.7, 0.0, 0.0, resolution=0.2) is not None


def test_what_is_not_measured_any_more_is_over_after_a_while():
    rule = AlertRule(ABOVE)
    rule.update(9.0, 100.0, 1.0)
    assert rule.expire(100.0 + EXPIRY - 1.0, 2.0) is None
    over = rule.expire(100.0 + EXPIRY, 2.0)
    assert (over.active, over.value, over.stamp) == (False, 9.0, 2.0)
    assert rule.expire(1e9, 2.0) is None


@given(st.lists(st.floats(0.0, 20.0), max_size=60), st.booleans(), st.integers(1, 4))
def test_alerts_come_in_pairs_and_never_twice(values, below, after):
    rule = AlertRule(Threshold("a", "b", 10.0, "", 10.0 if below else 9.0, below=below, after=after))
    active, worst = False, None
    for value, how, is_active in told(rule, *values):
        if not active:
            assert is_active
            assert (value < 10.0) if below else (value >= 10.0)
        elif is_active:  # it got worse
            assert (worst, how) == ("warning", "critical")
        active, worst = is_active, how
    assert active == (rule.alert is not None)


def test_the_contract_has_the_limits_of_the_book():
    found = {t.name: (t.value, t.below) for t in THRESHOLDS.values()}
    assert found == {
        "voice.response": (2.0, False), "llm.response": (5.0, False), "perception.rate": (10.0, True),
        "control.rate": (50.0, True), "system.cpu": (80.0, False), "system.memory": (80.0, False),
        "system.disk": (90.0, False), "commands.errors": (0.1, False), "node.silence": (5.0, False),
        "commands.throughput": (0.5, True), "safety.reaction": (50.0, False),
        "perception.detection": (100.0, False), "manipulation.grasp_planning": (2.0, False),
        "simulation.real_time_factor": (0.95, True),
    }  # fmt: skip


def test_thresholds_can_be_moved_and_where_they_are_over_moves_along():
    found = thresholds("system.cpu=50 control.rate=40")
    assert (found["system.cpu"].value, found["system.cpu"].clear) == (50.0, pytest.approx(45.0))
    assert (found["control.rate"].value, found["control.rate"].clear) == (40.0, pytest.approx(40.0))
    assert found["llm.response"] == THRESHOLDS["llm.response"]


def test_metrics_of_ones_own_have_thresholds_from_above_and_from_below():
    found = thresholds("planner2.delay=5 battery.charge<20")
    delay, charge = found["planner2.delay"], found["battery.charge"]
    assert (delay.value, delay.clear, delay.below) == (5.0, pytest.approx(4.5), False)
    assert (charge.value, charge.clear, charge.below) == (20.0, pytest.approx(22.2, abs=0.03), True)


@pytest.mark.parametrize(("word", "meant"), [
    ("system.cpuu=90", "system.cpu"), ("perception.detections=90", "perception.detection"),
    ("voice.respons=1", "voice.response"), ("commands.thruput=1", "commands.throughput"),
])  # fmt: skip
def test_a_misspelt_threshold_is_no_metric_of_ones_own(word, meant):
    with pytest.raises(InputError, match=f"none of that name; did you mean {meant}"):
        thresholds(word)


@pytest.mark.parametrize(
    "words",
    [
        "a.b",
        "a.b=0",
        "a.b<x",
        "a.b>3",
        "a b=2",
        "system.cpu<50",
        "cpu=90",
        "system.cpu",
        "system.cpu=x",
        "system.cpu=-1",
        "system.cpu=nan",
    ],
)
def test_a_wrong_threshold_is_named_with_what_is_allowed(words):
    with pytest.raises(InputError, match=r"NAME=NUMBER above 0 is allowed, with a name of voice\.response"):
        thresholds(words)
