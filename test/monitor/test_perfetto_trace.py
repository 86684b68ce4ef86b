"""The trace is what Chrome's Trace Event Format asks for, and tells of every command."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journal_entries import alert, entries, state

from vla_sim.common.errors import InputError
from vla_sim.contract import records, topics
from vla_sim.contract.records import TraceEvent
from vla_sim.monitor import perfetto_trace
from vla_sim.monitor.journal import Entry

NEEDED = {
    "X": {"ts", "dur", "name", "cat"}, "i": {"ts", "name", "s"}, "C": {"ts", "name", "args"}, "M": {"args"},
    "s": {"ts", "id", "cat"}, "t": {"ts", "id", "cat"}, "f": {"ts", "id", "cat", "bp"},
}  # fmt: skip


def check(trace):
    """Raises `AssertionError` if a viewer could not read it."""
    assert json.loads(json.dumps(trace)) == trace
    events = trace["traceEvents"]
    named = {(e["pid"], e["tid"]) for e in events if e["name"] == "thread_name"}
    processes = {e["pid"] for e in events if e["name"] == "process_name"}
    for e in events:
        assert NEEDED[e["ph"]] <= set(e), e
        assert isinstance(e["pid"], int)
        assert isinstance(e["tid"], int)
        assert e["pid"] in processes
        if e["ph"] in "Xistf":
            assert (e["pid"], e["tid"]) in named
            assert e["ts"] >= 0.0
        if e["ph"] == "C":
            assert all(isinstance(v, (int, float)) for v in e["args"].values())
    by_thread = {}
    for e in events:
        if e["ph"] == "X":
            assert e["dur"] >= 0.0
            by_thread.setdefault((e["pid"], e["tid"]), []).append((e["ts"], e["ts"] + e["dur"]))
    for slices in by_thread.values():  # in one thread, slices lie in each other or beside each other
        for a in slices:
            for b in slices:
                assert a[1] <= b[0] + 0.01 or b[1] <= a[0] + 0.01 or _within(a, b) or _within(b, a)
    for e in events:  # an arrow begins and ends at a slice
        if e["ph"] in "stf":
            assert any(lo <= e["ts"] <= hi for lo, hi in by_thread[e["pid"], e["tid"]])
    flows = {}
    for e in events:
        if e["ph"] in "stf":
            flows.setdefault(e["id"], []).append((e["ts"], e["ph"]))
    for steps in flows.values():
        assert sorted(steps, key=lambda s: s[0]) == steps
        assert [ph for _, ph in steps] == ["s", *["t"] * (len(steps) - 2), "f"]
    return events


def _within(a, b):
    return b[0] - 0.01 <= a[0] and a[1] <= b[1] + 0.01


def process(events, name):
    return next(e["pid"] for e in events if e["name"] == "process_name" and e["args"]["name"] == name)


def test_one_commands_life_is_on_the_perfetto_trace_across_processes():
    events = check(perfetto_trace.trace(entries()))
    stages = {e["name"]: e for e in events if e["ph"] == "X" and e["args"].get("command_id") == "c1"}
    assert set(records.STAGES) <= set(stages)
    for stage, node in perfetto_trace.NODES.items():
        assert stages[stage]["pid"] == process(events, node)
    assert process(events, "engine") == 4711  # as the monitor measured it
    whole = next(e for e in events if e["ph"] == "X" and e["name"] == "go to the kitchen")
    assert whole["dur"] == pytest.approx(5e6)
    skills = [e for e in events if e["ph"] == "X" and e["tid"] == whole["tid"] and e["name"] == "navigate"]
    assert skills[0]["dur"] == pytest.approx(4.69e6)
    told = [e["name"] for e in events if e["ph"] == "i"]
    assert {"heard", "accepted", "succeeded", "failed", "slowed"} <= set(told)
    assert "critical: system cpu 97 %, limit 80 %" in told
    assert any(name.startswith("load level 1 (background): shed") for name in told)
    assert {e["name"] for e in events if e["ph"] == "C"} == {
        "load level", "cpu [%]", "memory [%]", "cpu [% of a core]", "/cmd_vel [Hz]",
        "/perception/objects [Hz]",
    }  # fmt: skip


def test_a_stage_over_its_budget_says_so():
    slices = [e for e in perfetto_trace.trace(entries())["traceEvents"] if e["ph"] == "X"]
    planning = {e["args"]["command_id"]: e["args"] for e in slices if e["name"] == "planning"}
    assert planning["c2"]["over"]
    assert not planning["c1"]["over"]
    assert planning["c2"]["limit_ms"] == 1000.0


times = st.floats(0.0, 1e5)
some = st.builds(
    lambda stage, begin, took, command: TraceEvent(
        command_id=command, stage=stage, begin_mono=begin, end_mono=begin + took
    ),
    st.sampled_from(records.STAGES), times, st.floats(0.0, 50.0), st.sampled_from(["a", "b", "c"]),
)  # fmt: skip


@given(st.lists(some, max_size=12))
def test_any_journal_makes_a_trace_that_can_be_read(traces):
    check(perfetto_trace.trace([Entry(t.end_mono, topics.TRACE.name, t) for t in traces]))


def test_a_journal_without_commands_has_the_machine_alone():
    told = [Entry(s, topics.MONITOR_STATE.name, state(s)) for s in (1.0, 2.0)]
    told.append(Entry(2.0, topics.MONITOR_ALERTS.name, alert(2.0)))
    events = check(perfetto_trace.trace(told))
    assert not [e for e in events if e["ph"] == "X"]
    assert check(perfetto_trace.trace([])) == []


def test_it_is_written_whole_or_an_error_says_why(tmp_path):
    perfetto_trace.write(entries(), tmp_path / "below" / "trace.json")
    written = json.loads((tmp_path / "below" / "trace.json").read_text())
    assert len(check(written)) > 40
    assert [p.name for p in (tmp_path / "below").iterdir()] == ["trace.json"]
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        perfetto_trace.write([], tmp_path / "file" / "trace.json")
