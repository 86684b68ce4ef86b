"""The stop epoch: what was asked for before a stop is never allowed after it, in any order of messages."""

from hypothesis import given
from hypothesis import strategies as st

from vla_sim.contract.records import Plan, Step
from vla_sim.stages.safety.supervisor import MOST_COMMANDS, Supervisor


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
