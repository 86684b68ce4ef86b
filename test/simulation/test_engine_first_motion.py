from vla_sim.contract.records import Plan, Status, Step, Verdict
from vla_sim.simulation.first_motion import FirstMotion


def verdict(command_id, *skills, allowed=True, mono=1.0):
    plan = Plan(command_id=command_id, text="", steps=[Step(skill=s) for s in skills], planner="rules")
    return Verdict(command_id=command_id, allowed=allowed, reasons=[], plan=plan, mono=mono)


def status(command_id, state, mono=2.0):
    return Status(command_id=command_id, state=state, mono=mono)


def test_the_first_step_after_a_verdict_ends_its_trace_once():
    first = FirstMotion()
    first.verdict(verdict("a", "navigate"))
    assert first.tick(walking=False, mono=1.5) is None
    assert first.tick(walking=True, mono=1.5) == ("a", 1.0)
    assert first.tick(walking=True, mono=1.5) is None


def test_an_arm_that_begins_to_move_counts_too():
    first = FirstMotion()
    first.verdict(verdict("a", "pick"))
    first.hand_moved()
    assert first.tick(walking=False, mono=1.5) == ("a", 1.0)


def test_a_refused_plan_or_one_without_motion_is_not_waited_for():
    for one in (verdict("a", "navigate", allowed=False), verdict("a", "stop"), verdict("a", "say", "wait")):
        first = FirstMotion()
        first.verdict(one)
        assert first.tick(walking=True, mono=1.5) is None


def test_a_queued_plan_counts_from_its_turn():
    first = FirstMotion()
    assert first.tick(walking=True, mono=0.5) is None  # walks for another command already
    first.verdict(verdict("b", "turn"))
    assert first.tick(walking=True, mono=1.5) is None  # still the other command's steps
    first.status(status("b", "accepted"))
    assert first.tick(walking=True, mono=1.5) is None
    first.status(status("b", "running", mono=7.0))
    assert first.tick(walking=True, mono=1.5) == ("b", 7.0)


def test_a_plan_that_ended_without_moving_is_forgotten():
    first = FirstMotion()
    first.verdict(verdict("a", "find"))
    first.status(status("a", "succeeded"))
    assert first.tick(walking=True, mono=1.5) is None


def test_a_velocity_that_overtakes_its_verdict_counts_for_it():
    first = FirstMotion()
    assert first.tick(walking=True, mono=1.02) is None
    first.verdict(verdict("a", "navigate", mono=1.0))
    assert first.tick(walking=True, mono=1.04) == ("a", 1.0)
