import math
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journal_entries import traced

from vla_sim.contract import topics
from vla_sim.contract.codec import decode, encode
from vla_sim.contract.records import MonitorState, Status
from vla_sim.monitor.alert_rule import thresholds
from vla_sim.monitor.core import RealTimePerformanceMonitor
from vla_sim.monitor.system import NodeProcess, System, Usage

CALM = Usage(cpu=20.0, memory=30.0, disk=40.0, sent=1e3, received=2e3)


def usage(**more):
    return Usage(**{**vars(CALM), **more})


@pytest.fixture
def monitor():
    return RealTimePerformanceMonitor(thresholds(), 0.0)


def report(monitor, k, node="safety", rate=50.0, topic=topics.CMD_VEL, **values):
    """A node's report in second k, which has sent so many messages a second."""
    values = {"listens": "", f"published {topic.name}": str(round(rate * k)), **values}
    monitor.on_diagnostics(node, "ok", "ok", values, float(k), float(k))


def alerts(monitor):
    out = [(a.name, a.severity, a.active) for a in monitor.outbox]
    monitor.outbox.clear()
    return out


def test_a_rate_is_that_of_the_ros_clock_by_the_nodes_own_count():
    monitor = RealTimePerformanceMonitor(thresholds(), 0.0, speed=0.5)
    for k in range(1, 12):
        values = {"listens": "", f"published {topics.CMD_VEL.name}": str(25 * k)}
        # half as fast as the machine's clock, as is asked for: 50 messages a simulated second
        monitor.on_diagnostics("safety", "ok", "ok", values, 0.5 * k, float(k))
        state = monitor.second(CALM, float(k))
    assert state.rates[topics.CMD_VEL.name] == pytest.approx(50.0)
    assert state.real_time_factor == pytest.approx(0.5)
    assert alerts(monitor) == []


def test_a_slow_rate_is_an_alert_and_missed_deadlines(monitor):
    for k in range(1, 6):  # then load is shed for it, and 5 Hz are asked for while the robot stands
        report(monitor, k, "perception", 8.0, topics.OBJECTS)
        state = monitor.second(CALM, float(k))
    assert alerts(monitor) == [("perception.rate", "critical", True)]
    assert state.missed == pytest.approx(10.0 - 8.0 - 0.25)
    assert monitor.load.missed == pytest.approx(state.missed, abs=1e-3)
    for k in range(6, 24):
        values = {"listens": "", f"published {topics.OBJECTS.name}": str(8 * 5 + 10 * (k - 5))}
        monitor.on_diagnostics("perception", "ok", "ok", values, float(k), float(k))
        state = monitor.second(CALM, float(k))
    assert alerts(monitor) == [("perception.rate", "critical", False)]
    assert state.missed == 0.0


def test_a_rate_that_load_shedding_has_lowered_is_no_missed_deadline(monitor):
    k, sent = 0, 0

    def second(rate, cpu):
        nonlocal k, sent
        k, sent = k + 1, sent + rate
        values = {"listens": "", f"published {topics.OBJECTS.name}": str(sent)}
        monitor.on_diagnostics("perception", "ok", "ok", values, float(k), float(k))
        return monitor.second(usage(cpu=cpu), float(k))

    for _ in range(20):
        state = second(10, 95.0)
    assert state.load == 4
    for _ in range(10):
        state = second(5, 75.0)
        assert (state.missed, state.load) == (0.0, 4)
    while state.load > 0:
        state = second(5 if state.load >= 1 else 10, 30.0)
        assert state.missed == 0.0, state.load
    # restored, and still no more than what the lowered levels asked for
    assert max(second(5, 30.0).missed for _ in range(20)) == pytest.approx(10.0 - 5.0 - 0.2)


def test_shedding_can_be_switched_off():
    monitor = RealTimePerformanceMonitor(thresholds(), 0.0, shedding=False)
    for k in range(20):
        state = monitor.second(usage(cpu=100.0), float(k))
    assert (monitor.load, state.load) == (None, 0)


def test_a_rate_of_a_node_that_has_not_begun_or_is_gone_is_unknown(monitor):
    for k in range(1, 8):
        report(monitor, k, rate=0.0)
        assert monitor.second(CALM, float(k)).rates == {}
    for k in range(8, 15):
        report(monitor, k)
        monitor.second(CALM, float(k))
    assert monitor.second(CALM, 15.0).rates != {}
    assert monitor.second(CALM, 18.0).rates == {}


def test_the_machines_load_is_an_alert_after_three_seconds(monitor):
    for k in range(10):
        monitor.second(usage(cpu=97.0 if k < 5 else 10.0, memory=81.0), float(k))
        told = alerts(monitor)
        if k == 2:
            assert told == [("system.cpu", "critical", True), ("system.memory", "warning", True)]
        elif k == 7:
            assert told == [("system.cpu", "critical", False)]
        else:
            assert told == []
    assert [a.name for a in monitor.active()] == ["system.memory"]


def test_slow_words_and_slow_thoughts_are_alerts_at_once(monitor):
    for event in traced("c1", 10.0, slow=5.5):
        monitor.on_trace(event, event.end_mono)
    assert alerts(monitor) == [("llm.response", "warning", True), ("voice.response", "critical", True)]
    state = monitor.second(CALM, 20.0)
    assert state.missed > 0.0  # planning and the total were over their budgets
    assert {s.stage: s.over for s in state.stages}["planning"] == 1
    for event in traced("c2", 30.0):
        monitor.on_trace(event, event.end_mono)
    assert alerts(monitor) == [("llm.response", "warning", False), ("voice.response", "critical", False)]
    assert monitor.second(CALM, 31.0).missed == 0.0


def test_a_command_that_is_put_back_is_one_command(monitor):
    for state in ("accepted", "running", "accepted", "running", "accepted", "running", "succeeded"):
        monitor.on_status(Status(command_id="a", state=state, mono=0.0), 1.0)
    assert monitor.second(CALM, 2.0).commands == 1
    monitor.on_status(Status(command_id="a", state="accepted", mono=0.0), 3.0)
    assert monitor.second(CALM, 4.0).commands == 2, "given again it is another one"


def test_failures_are_counted_over_all_commands_that_ended(monitor):
    for k in range(20):
        monitor.on_status(Status(command_id=f"c{k}", state="accepted", mono=0.0), float(k))
        how = "failed" if k in (17, 19) else "succeeded"
        monitor.on_status(Status(command_id=f"c{k}", state=how, mono=0.0), float(k))
    state = monitor.second(CALM, 20.0)
    assert (state.errors, state.commands) == (0.1, 20)
    assert alerts(monitor) == [("commands.errors", "warning", True)]
    monitor.on_status(Status(command_id="x", state="rejected", mono=0.0), 21.0)
    assert monitor.second(CALM, 21.0).errors < 0.1
    assert monitor.second(CALM, 500.0).errors == 0.0


def test_a_node_that_falls_silent_is_an_alert_until_it_speaks(monitor):
    for k in range(1, 10):
        if k < 3:
            report(monitor, k, "navigation")
        state = monitor.second(CALM, float(k))
    assert alerts(monitor) == [
        ("navigation.silence", "warning", True), ("navigation.silence", "critical", True),
    ]  # fmt: skip
    assert state.nodes[0].silent == pytest.approx(7.0)
    report(monitor, 10, "navigation")
    monitor.second(CALM, 10.0)
    assert alerts(monitor) == [("navigation.silence", "critical", False)]
    assert monitor.active() == []


def test_the_state_travels(monitor):
    report(monitor, 1, "language", waiting="3", **{"llm.hits": "7"})
    monitor.second(CALM, 1.0)
    state = monitor.second(usage(cpu=99.0), 2.0)
    assert decode(MonitorState, encode(state)) == state
    assert state.figures == {"language.waiting": "3", "language.llm.hits": "7"}


outside = {
    "name": st.text(max_size=80),
    "message": st.text(max_size=20),
    "values": st.dictionaries(st.text(max_size=30), st.text(max_size=300), max_size=5),
    "stamp": st.floats(),
    "prefix": st.sampled_from(["published ", "", "listens", "metric ", "metric a ["]),
}


@given(**outside)
def test_no_report_from_outside_breaks_it(name, message, values, stamp, prefix):
    monitor = RealTimePerformanceMonitor(thresholds(), 0.0)
    values = {prefix + key: value for key, value in values.items()}
    for k in range(3):
        monitor.on_diagnostics(name, "ok", message, {"listens": "", **values}, stamp, float(k))
        encode(monitor.second(CALM, float(k)))
    assert math.isfinite(monitor.stamp)


def test_a_stranger_with_another_clock_does_not_set_the_time(monitor):
    report(monitor, 5)
    monitor.on_diagnostics("lidar driver", "ok", "", {}, 1.7e9, 5.0)
    assert monitor.stamp == 5.0


def test_the_machine_is_measured(tmp_path):
    system = System(tmp_path)
    found = system.sample(1.0)
    assert 0.0 <= found.cpu <= 100.0
    assert 0.0 < found.memory <= 100.0
    assert 0.0 < found.disk <= 100.0
    tmp_path.rmdir()
    assert system.sample(2.0).disk == 0.0


def test_a_process_that_is_not_the_node_is_not_measured():
    assert NodeProcess("voice", os.getpid()).sample(1.0) == (-1.0, -1.0)
    assert NodeProcess("voice", 2**22 + 5).sample(1.0) == (-1.0, -1.0)


def accepted(command_id):
    return Status(command_id=command_id, state="accepted", mono=0.0)


def test_throughput_counts_the_seconds_in_which_commands_wait(monitor):
    for k in range(1, 40):  # nobody says anything, and that is no slow robot
        assert monitor.second(CALM, float(k)).throughput is None
    monitor.on_command("a", 40.0)
    monitor.on_command("b", 40.5)
    monitor.on_status(accepted("a"), 41.0)
    monitor.on_status(Status(command_id="b", state="asked", mono=0.0), 41.6)
    assert monitor.second(CALM, 42.0).throughput == pytest.approx(2 / 1.6)
    monitor.on_status(Status(command_id="a", state="running", mono=0.0), 42.5)  # answered already
    assert monitor.second(CALM, 43.0).throughput == pytest.approx(2 / 1.6)
    assert alerts(monitor) == []
    assert monitor.second(CALM, 110.0).throughput is None


def test_commands_that_wait_too_long_are_an_alert_and_silence_ends_it(monitor):
    monitor.on_command("a", 0.0)
    told = {}
    for k in range(1, 6):
        monitor.second(CALM, float(k))
        told[k] = alerts(monitor)
    # It may still be answered in time for 2 s; then it takes three measurements.
    assert [k for k, found in told.items() if found] == [5]
    assert told[5] == [("commands.throughput", "critical", True)]
    monitor.on_status(accepted("a"), 5.5)
    for k in range(6, 70):
        monitor.second(CALM, float(k))
    assert alerts(monitor) == [("commands.throughput", "critical", False)]


def test_quick_answers_end_the_alert_too(monitor):
    monitor.on_command("slow", 0.0)
    for k in range(1, 6):
        monitor.second(CALM, float(k))
    monitor.on_status(accepted("slow"), 5.0)
    for k in range(6, 30):
        monitor.on_command(f"c{k}", k - 0.1)
        monitor.on_status(accepted(f"c{k}"), k - 0.05)
        monitor.second(CALM, float(k))
    assert [a[2] for a in alerts(monitor)] == [True, False]


def test_a_command_that_nobody_ever_answers_is_given_up(monitor):
    monitor.on_command("lost", 0.0)
    for k in range(1, 200):
        state = monitor.second(CALM, float(k))
    assert state.throughput is None
    assert [a[2] for a in alerts(monitor)] == [True, False]


@pytest.mark.parametrize(("speed", "pace", "warned"), [
    (1.0, 1.0, False), (1.0, 0.9, True), (0.5, 0.5, False), (0.5, 0.45, True), (4.0, 3.9, False),
    (4.0, 3.0, True),
])  # fmt: skip
def test_a_simulator_that_falls_behind_what_is_asked_for_is_an_alert(speed, pace, warned):
    monitor = RealTimePerformanceMonitor(thresholds(), 0.0, speed=speed)
    for k in range(1, 20):
        monitor.on_diagnostics("engine", "ok", "ok", {"listens": ""}, pace * k, float(k))
        monitor.second(CALM, k + 0.5)
    raised = [a for a in monitor.outbox if a.name == "simulation.real_time_factor"]
    assert bool(raised) == warned
    if warned:
        assert (raised[0].value, raised[0].threshold) == (pytest.approx(pace), 0.95 * speed)


def test_a_simulator_that_stands_still_is_an_alert_and_its_going_on_ends_it(monitor):
    stamp = 0.0
    for k in range(1, 40):
        stamp += 0.0 if 10 <= k < 20 else 1.0
        monitor.on_diagnostics("engine", "ok", "ok", {"listens": ""}, stamp, float(k))
        monitor.second(CALM, float(k))
    found = [a for a in alerts(monitor) if a[0] == "simulation.real_time_factor"]
    assert found[0] == ("simulation.real_time_factor", "critical", True)
    assert found[-1] == ("simulation.real_time_factor", "critical", False)


@pytest.mark.parametrize(("node", "stamp"), [("microphone", 1.7e9), ("navigation", 0.0)])
def test_a_node_that_does_not_know_the_runs_time_does_not_tell_it(monitor, node, stamp):
    """A microphone lives by the machine's clock, and a node that has just begun has not heard /clock."""
    for k in range(1, 20):
        for name, seconds in (("engine", 1000.0 + k), (node, stamp)):
            monitor.on_diagnostics(name, "ok", "ok", {"listens": ""}, seconds, float(k))
        state = monitor.second(CALM, float(k))
        assert state.stamp == 1000.0 + k
    assert state.real_time_factor == pytest.approx(1.0)


def measure(monitor, key, text, node="battery", mono=1.0, **values):
    monitor.on_diagnostics(node, "ok", "", {key: text, **values}, 0.0, mono)


def test_what_a_node_measures_is_kept_and_shown():
    monitor = RealTimePerformanceMonitor(thresholds("battery.charge<20"), 0.0)
    assert monitor.unmeasured == ["battery.charge"]
    measure(monitor, "metric charge [%]", "81 80.5 nan x 79")
    state = monitor.second(CALM, 1.5)
    (one,) = state.metrics
    assert (one.name, one.unit, one.count, one.last, one.min, one.max) == (
        "battery.charge", "%", 3, 79.0, 79.0, 81.0,
    )  # fmt: skip
    assert (one.average, one.limit) == (pytest.approx(80.17, abs=0.01), 20.0)
    assert decode(MonitorState, encode(state)) == state
    assert monitor.unmeasured == []
    assert "battery charge [%]: average 80.17" in monitor.generate_performance_report(1.5)
    assert alerts(monitor) == []
    measure(monitor, "metric charge [%]", "30 19 25", mono=2.0)
    assert [(str(a), a.active) for a in monitor.outbox] == [
        ("warning: battery charge 19 %, limit 20 %", True), ("over: battery charge 25 %, limit 20 %", False),
    ]  # fmt: skip


def test_metrics_alone_say_nothing_of_how_their_node_is(monitor):
    measure(monitor, "metric charge", "5")
    measure(monitor, "metric charge", "5", "driver", state="on")
    assert [n.node for n in monitor.second(CALM, 20.0).nodes] == ["driver"]
    assert alerts(monitor) == [("driver.silence", "critical", True)]


def test_a_node_that_ends_on_purpose_is_not_silent(monitor):
    measure(monitor, "metric charge", "5", "driver", state="on")
    monitor.left("driver")
    monitor.left("nobody")
    assert monitor.second(CALM, 20.0).nodes == []
    assert alerts(monitor) == []


def test_an_alert_of_a_node_that_ends_on_purpose_ends_with_it(monitor):
    measure(monitor, "metric charge", "5", "driver", state="on")
    monitor.second(CALM, 20.0)
    monitor.left("driver")
    assert [active for *_, active in alerts(monitor)] == [True, False]
    assert monitor.active() == []


@pytest.mark.parametrize(("name", "value", "unit"), [
    ("safety.reaction", 60.0, "ms"), ("manipulation.grasp_planning", 2.5, "s"),
])  # fmt: skip
def test_a_slow_reaction_and_slow_grasp_planning_are_alerts_at_once(monitor, name, value, unit):
    node, _, type = name.partition(".")
    measure(monitor, f"metric {type} [{unit}]", f"{value / 2} {value}", node)
    assert alerts(monitor) == [(name, "critical", True)]


def test_slow_detection_is_an_alert_at_the_third_image(monitor):
    measure(monitor, "metric detection [ms]", "110 110 30 110 110", "perception")
    assert alerts(monitor) == []
    measure(monitor, "metric detection [ms]", "110", "perception")
    assert alerts(monitor) == [("perception.detection", "warning", True)]


def test_metrics_from_outside_do_not_fill_the_memory(monitor):
    for k in range(1000):
        measure(monitor, f"metric m{k}", "1")
    assert len(monitor.second(CALM, 1.0).metrics) == 100
