"""Which command a motion that is let through belongs to, and when its control began."""

from vla_sim.contract.records import Plan, Status, Step, Verdict
from vla_sim.stages.safety.supervisor import FirstMotion


def verdict(command_id, *skills, allowed=True, mono=1.0):
    plan = Plan(command_id=command_id, text="", steps=[Step(skill=s) for s in skills], planner="rules")
    return Verdict(command_id=command_id, allowed=allowed, reasons=[], plan=plan, mono=mono)


def status(command_id, state, mono=2.0):
    return Status(command_id=command_id, state=state, mono=mono)


def test_the_first_step_after_a_verdict_ends_its_trace_once():
    first = FirstMotion()
    first.verdict(verdict("a", "navigate"))
    assert first.velocity(False) is None
    assert first.velocity(True) == ("a", 1.0)
    assert first.velocity(True) is None


def test_an_arm_that_begins_to_move_counts_too():
    first = FirstMotion()
    first.verdict(verdict("a", "pick"))
    assert first.trajectory() == ("a", 1.0)
    assert first.trajectory() is None


def test_a_refused_plan_or_one_without_motion_is_not_waited_for():
    for one in (verdict("a", "navigate", allowed=False), verdict("a", "stop"), verdict("a", "say", "wait")):
        first = FirstMotion()
        first.verdict(one)
        assert first.velocity(True) is None


def test_a_queued_plan_counts_from_its_turn():
    first = FirstMotion()
    assert first.velocity(True) is None  # walks for another command already
    first.verdict(verdict("b", "turn"))
    assert first.velocity(True) is None  # still the other command's steps
    first.status(status("b", "accepted"))
    assert first.velocity(True) is None
    first.status(status("b", "running", mono=7.0))
    assert first.velocity(True) == ("b", 7.0)


def test_a_plan_that_ended_without_moving_is_forgotten():
    first = FirstMotion()
    first.verdict(verdict("a", "find"))
    first.status(status("a", "succeeded"))
    assert first.velocity(True) is None
