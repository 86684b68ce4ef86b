"""The stop epoch: what was asked for before a stop is never allowed after it, in any order of messages."""

from hypothesis import given
from hypothesis import strategies as st

from vla_sim.contract.records import Plan, Step
from vla_sim.stages.safety.supervisor import MOST_COMMANDS, Supervisor
from vla_sim.stages.safety.trust import MOST_AHEAD


def plan(command_id, skill="wait", priority="normal"):
    step = Step(skill=skill, seconds=1.0)
    return Plan(command_id=command_id, text="", steps=[step], planner="rules", priority=priority)


IDS = st.sampled_from(["a", "b", "estop", "stop"])
EVENTS = st.lists(st.one_of(
    st.tuples(st.just("command"), IDS), st.tuples(st.just("plan"), IDS), st.tuples(st.just("stop"), IDS),
    st.tuples(st.just("latch"), IDS), st.tuples(st.just("release"), IDS),
), max_size=30)  # fmt: skip


@given(EVENTS)
def test_a_plan_runs_only_if_its_command_was_heard_after_the_last_stop(events):
    core = Supervisor()
    heard: dict[str, int] = {}
    stops = [-1]
    latched = False
    for k, (what, command_id) in enumerate(events):
        before = core.epoch
        if what == "command":
            core.on_command(command_id)
            heard[command_id] = k
        elif what == "stop":
            core.on_stop(float(k))
            stops.append(k)
        elif what in ("latch", "release"):
            latched = what == "latch"
            core.on_estop(latched, float(k))
            if latched:
                stops.append(k)
        else:
            allowed = not core.void(plan(command_id))
            # One that was never heard here is taken as asked for now.
            assert allowed == (not latched and heard.get(command_id, k) > stops[-1])
            assert not core.void(plan(command_id, "stop", "stop")), "a stop is never void"
        assert core.epoch >= before, "the epoch only grows"
        assert core.epoch == len(stops) - 1


def test_memory_of_commands_is_bounded_and_keeps_the_newest():
    core = Supervisor()
    for k in range(10 * MOST_COMMANDS):
        core.on_command(f"c{k}")
    assert len(core.asked) == MOST_COMMANDS
    core.on_stop(0.0)
    assert core.void(plan(f"c{10 * MOST_COMMANDS - 1}")) == "stop was said after that"


@given(st.floats(0.0, 1e4), st.lists(st.floats(-2e4, 2e4), max_size=5))
def test_where_the_clock_is_set_back_after_a_stop_nothing_waits_for_it_to_come_back(stopped, jumps):
    core = Supervisor()
    core.output(stopped, 0.0)
    core.on_stop(stopped)
    now = stopped
    for k, jump in enumerate(jumps, start=1):
        now = max(0.0, now + jump)
        core.output(now, 0.1 * k)
        assert core.stop_stamp <= min(stopped, now + MOST_AHEAD), "what is asked now is of before it"
        assert core.epoch == 1
    if all(jump >= -MOST_AHEAD / 5 for jump in jumps):
        assert core.stop_stamp == stopped, "a clock that stutters does not make old motions new"
