import numpy as np
import pytest
from journal_entries import traced

from vla_sim.contract.records import TraceEvent
from vla_sim.monitor.latency import COMMANDS, TOTAL, Latencies
from vla_sim.monitor.metrics import MetricStore


@pytest.fixture
def latencies():
    return Latencies(MetricStore())


def take(latencies, events):
    return {stage: seconds for event in events for stage, seconds in latencies.take(event)}


def event(stage, begin, end, command_id="c"):
    return TraceEvent(command_id=command_id, stage=stage, begin_mono=begin, end_mono=end)


def test_the_total_is_the_way_from_speech_to_motion(latencies):
    found = take(latencies, traced("c", 10.0))
    assert found[TOTAL] == pytest.approx(0.25)  # perception works beside the others
    assert found["planning"] == pytest.approx(0.05)


def test_a_typed_command_begins_with_its_intent(latencies):
    assert take(latencies, traced("c", 10.0, spoken=False))[TOTAL] == pytest.approx(0.20)


def test_waiting_for_another_command_is_no_latency(latencies):
    events = [event("intent", 1.0, 1.1), event("safety", 1.1, 1.2), event("control", 61.0, 61.05)]
    assert take(latencies, events)[TOTAL] == pytest.approx(0.25)


def test_control_that_begins_within_safety_is_not_counted_twice(latencies):
    events = [event("intent", 1.0, 1.1), event("safety", 1.1, 1.2), event("control", 1.19, 1.25)]
    assert take(latencies, events)[TOTAL] == pytest.approx(0.25)


def test_a_motion_whose_command_was_never_heard_has_no_total(latencies):
    assert take(latencies, [event("control", 1.0, 1.1)]) == {"control": pytest.approx(0.1)}


def test_repetitions_and_times_that_run_backwards_do_not_count(latencies):
    assert latencies.take(event("voice", 2.0, 1.0)) == []
    assert latencies.take(event("voice", 1.0, 2.0)) != []
    assert latencies.take(event("voice", 1.0, 3.0)) == []


def test_percentiles_are_numpys_over_the_window(latencies):
    rng = np.random.default_rng(1)
    taken = rng.uniform(0.01, 0.6, 80)
    for k, seconds in enumerate(taken):
        latencies.take(event("voice", float(k), k + seconds, f"c{k}"))
    (found,) = latencies.figures(-np.inf)
    ms = 1e3 * taken
    assert (found.p50, found.p95, found.p99) == pytest.approx(tuple(np.percentile(ms, (50, 95, 99))))
    assert (found.worst, found.last) == pytest.approx((ms.max(), ms[-1]))
    assert (found.count, found.over) == (80, int((ms > 300.0).sum()))
    assert latencies.late == found.over
    later = latencies.figures(70.0)[0]
    ended = np.arange(80) + taken
    assert later.count == int((ended >= 70.0).sum())
    assert latencies.figures(1e6) == []


def test_commands_that_never_end_are_forgotten(latencies):
    for k in range(10 * COMMANDS):
        latencies.take(event("intent", 1.0, 1.1, f"c{k}"))
    assert len(latencies._commands) == COMMANDS
