"""A command's context is gathered while its words are read, and a silent perception holds it up for so long
only."""

import pytest
from language_world import says, short
from test_responder import Desk, to_kitchen

from vla_sim.contract import topics
from vla_sim.contract.records import DetectedObject, ObjectList, SafetyState
from vla_sim.stages.language.gathered_context import MAX_AGE, PERCEPTION_TIMEOUT, GatheredContext
from vla_sim.stages.language.responder import MAX_GATHERING

CUP = DetectedObject(
    track_id=1, kind="cup", colour="red", position=(5.0, 1.0, 0.8), size=(0.07, 0.07, 0.1), yaw=0.0,
    confidence=0.9, last_seen=100.0, sightings=5,
)  # fmt: skip


def stages(desk):
    return [(event.stage, event.detail) for event in desk.of(topics.TRACE)]


def silent(seconds=10.0, **more):
    """Perception saw the cup and has said nothing since."""
    desk = Desk(**more)
    desk.see(CUP)
    desk.now += seconds
    return desk


def wait(desk, seconds):
    desk.now += seconds
    desk.responder.on_gathered()


def test_a_present_answer_is_used_at_once():
    desk = Desk()
    desk.see(CUP)
    desk.now += MAX_AGE
    desk.say("pick up the red cup")
    assert desk.plans == [["navigate kitchen", *desk.plans[0][1:]]]  # where it was seen
    assert [stage for stage, _ in stages(desk)] == ["intent", "planning"]
    assert not desk.notes


def test_the_intent_is_read_before_perception_answers_and_the_plan_follows_its_answer():
    desk = silent()
    desk.say("what do you see")
    desk.say("pick up the red cup", "c2")
    assert [stage for stage, _ in stages(desk)] == ["intent", "intent"]
    assert not desk.of(topics.PLAN)
    wait(desk, 0.3)
    assert not desk.of(topics.PLAN)
    desk.see(CUP)
    assert [plan.command_id for plan in desk.of(topics.PLAN)] == ["c1", "c2"]
    assert desk.of(topics.PLAN)[0].answer == "I have seen a red cup."
    events = [event for event in desk.of(topics.TRACE) if event.command_id == "c2"]
    assert [event.stage for event in events] == ["intent", "perception", "planning"]
    intent, perception, planning = events
    assert intent.begin_mono == perception.begin_mono  # at once
    assert perception.end_mono >= intent.end_mono
    assert planning.begin_mono == perception.end_mono
    assert perception.detail == ""


def test_after_the_time_out_the_last_answer_has_to_do_and_its_age_is_reported():
    desk = silent(10.0)
    desk.say("pick up the red cup")
    wait(desk, PERCEPTION_TIMEOUT - 0.05)
    assert not desk.of(topics.PLAN)
    wait(desk, 0.15)
    (plan,) = desk.of(topics.PLAN)
    assert short(plan.steps[0]) == "navigate kitchen"
    reason = "perception is silent, planned with what it saw 11.1 s ago"
    assert desk.notes == [f"c1: {reason}"]
    assert ("perception", reason) in stages(desk)
    assert desk.responder.counts["planned with old objects"] == 1


def test_a_perception_that_never_answered_is_reported():
    desk = Desk(gathered=GatheredContext(lambda: desk.now))
    desk.say("pick up the red cup")
    wait(desk, PERCEPTION_TIMEOUT)
    assert desk.notes == ["c1: perception is silent, planned with nothing seen yet"]
    assert desk.of(topics.PLAN)


@pytest.mark.parametrize("text", ["go to the kitchen", "turn left", "stop", "hello"])
def test_what_needs_no_objects_does_not_wait(text):
    desk = silent()
    desk.say(text)
    assert desk.of(topics.PLAN)


def test_a_stop_ends_what_waits_for_perception():
    desk = silent()
    desk.say("pick up the red cup")
    desk.say("stop", "c2")
    assert [(s.command_id, s.state) for s in desk.of(topics.STATUS)] == [("c1", "cancelled")]
    wait(desk, 2.0 * PERCEPTION_TIMEOUT)
    assert [plan.command_id for plan in desk.of(topics.PLAN)] == ["c2"]


def test_a_flood_of_commands_does_not_wait_without_bound():
    desk = silent()
    for k in range(MAX_GATHERING + 1):
        desk.say("pick up the red cup", f"c{k}")
    assert [plan.command_id for plan in desk.of(topics.PLAN)] == [f"c{MAX_GATHERING}"]


def test_the_model_is_asked_when_perception_was_waited_for():
    desk = silent(model=to_kitchen, mode="llm")
    desk.say("pick up the red cup")
    wait(desk, PERCEPTION_TIMEOUT)
    desk.answers()
    assert desk.plans == [["navigate kitchen"]]
    assert [stage for stage, _ in stages(desk)] == ["intent", "perception", "planning"]


def test_at_emergency_stop_no_model_is_asked():
    desk = Desk(model=to_kitchen, mode="llm")
    desk.gathered.on_safety(says(SafetyState(level="estop", reasons=["latched"])))
    desk.say("go to the bedroom")
    assert desk.plans == [["navigate bedroom"]]  # which safety will not allow
    assert desk.responder.counts["model spared at emergency stop"] == 1


def test_a_broken_answer_of_perception_is_reported_and_is_none():
    rejected = []
    gathered = GatheredContext(lambda: 1.0, lambda topic, error: rejected.append(topic))
    broken = says(ObjectList(stamp=0.0, objects=[]))
    broken.data = "{"
    gathered.on_objects(broken)
    assert gathered.objects == ()
    assert rejected == [topics.OBJECTS]
