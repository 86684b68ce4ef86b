"""From when to when a latency runs, and where it comes from."""

import pytest

from vla_sim.contract.records import TraceEvent
from vla_sim.scenario.judge import latencies
from vla_sim.scenario.recording import Given, Recording

GIVEN = Given("go", "c", True, 0.0)


def test_latency_runs_from_the_last_voiced_sample_to_the_first_motion():
    recording = Recording()
    for stage, begin, end in (("voice", 1.0, 1.2), ("intent", 1.2, 1.21), ("control", 1.3, 1.45)):
        event = TraceEvent(command_id="c", stage=stage, begin_mono=begin, end_mono=end)
        recording.traces += [event, replace_id(event)]
    stages, total = latencies(recording, GIVEN)
    assert [s.stage for s in stages] == ["voice", "intent", "control"]
    assert total == pytest.approx(450.0)
    assert {s.source for s in stages} == {"measured"}
    recording.latency_source = "modelled"
    assert {s.source for s in latencies(recording, GIVEN)[0]} == {"modelled"}
    assert [s.milliseconds <= s.limit for s in stages] == [True, True, False]
    assert latencies(Recording(), GIVEN) == ([], None)


def replace_id(event):
    return TraceEvent(command_id="other", stage=event.stage, begin_mono=0.0, end_mono=99.0)
