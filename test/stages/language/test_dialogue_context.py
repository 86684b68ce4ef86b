import pytest
from language_world import HOME, RULES, plan_of

from vla_sim.contract.records import DetectedObject, ManipulationStatus, ObjectQuery, Plan, Status
from vla_sim.stages.language.dialogue_context import Context, DialogueTracker, place_of


def sent(dialogue: DialogueTracker, text: str, command_id: str = "c1") -> Plan:
    found = RULES.plan(text, dialogue.context)
    plan = Plan(command_id=command_id, text=text, steps=list(found.steps), planner="rules")
    dialogue.mention(found.mentioned, found.place)
    dialogue.on_plan(plan)
    return plan


def status(state: str, step: int = 0, command_id: str = "c1") -> Status:
    return Status(command_id=command_id, state=state, step=step, mono=0.0)


def test_a_finished_pick_means_that_the_object_is_held():
    dialogue = DialogueTracker(HOME)
    sent(dialogue, "go to the kitchen and pick up the red cup")
    dialogue.on_status(status("running", step=3))
    assert dialogue.context.held is None
    dialogue.on_status(status("succeeded", step=3))
    assert dialogue.context.held == ObjectQuery(kind="cup", colour="red")
    assert dialogue.context.place == "kitchen"


def test_a_failed_pick_holds_nothing():
    dialogue = DialogueTracker(HOME)
    sent(dialogue, "pick up the red cup")
    dialogue.on_status(status("failed", step=2))
    assert dialogue.context.held is None


def test_a_cancelled_carry_still_holds():
    dialogue = DialogueTracker(HOME)
    sent(dialogue, "bring me the red cup")
    dialogue.on_status(status("running", step=3))
    dialogue.on_status(status("cancelled", step=3))
    assert dialogue.context.held == ObjectQuery(kind="cup", colour="red")


def test_a_finished_placement_frees_the_hand():
    dialogue = DialogueTracker(HOME)
    sent(dialogue, "put the red cup on the nightstand")
    dialogue.on_status(status("succeeded", step=3))
    assert dialogue.context.held is None
    assert dialogue.context.place == "bedroom"


@pytest.mark.parametrize(
    ("holding", "plan"), [(False, "pick red cup"), (True, "say I am already holding the red cup.")]
)
def test_what_was_lost_is_not_held(holding, plan):
    dialogue = DialogueTracker(HOME)
    sent(dialogue, "pick up the red cup")
    dialogue.on_status(status("succeeded", step=2))
    dialogue.on_manipulation(
        ManipulationStatus(goal_id="g1", action="carry", state="failed", holding=holding)
    )
    assert plan_of(RULES.plan("pick up the red cup", dialogue.context))[-1] == plan


def test_it_is_remembered_across_commands():
    dialogue = DialogueTracker(HOME)
    sent(dialogue, "find the red ball")
    dialogue.on_status(status("succeeded"))
    assert plan_of(RULES.plan("grasp it", dialogue.context))[-1] == "pick red ball"
    sent(dialogue, "grasp it", "c2")
    dialogue.on_status(status("succeeded", 2, "c2"))
    assert plan_of(RULES.plan("bring it to the living room", dialogue.context)) == ["carry living room"]


def test_the_robot_is_where_the_world_starts_it_until_it_walks():
    dialogue = DialogueTracker(HOME)
    assert dialogue.context.place == "living room"
    sent(dialogue, "move forward 1 meter")
    dialogue.on_status(status("running"))
    assert dialogue.context.place == ""


def test_back_at_the_start_it_is_at_that_place_again():
    dialogue = DialogueTracker(HOME)
    sent(dialogue, "go to the kitchen and then back to where you started")
    dialogue.on_status(status("succeeded"))
    assert RULES.plan("where are you", dialogue.context).answer == "I am at the living room."


def test_words_of_other_commands_change_nothing():
    dialogue = DialogueTracker(HOME)
    before = dialogue.context
    dialogue.on_status(status("succeeded", step=7, command_id="unknown"))
    assert dialogue.context == before


def seen(kind: str, colour: str, x: float, y: float, z: float) -> DetectedObject:
    return DetectedObject(
        track_id=1, kind=kind, colour=colour, position=(x, y, z), size=(0.1, 0.1, 0.1), yaw=0.0,
        confidence=0.9, last_seen=0.0,
    )  # fmt: skip


def test_an_object_belongs_to_the_place_of_its_table():
    assert place_of(HOME, seen("cup", "red", 5.2, 1.1, 0.80)) == "kitchen"
    assert place_of(HOME, seen("cup", "red", 0.3, 4.0, 0.05)) == "bedroom"


def test_an_object_seen_elsewhere_is_fetched_there():
    context = Context(place="living room", objects=(seen("cup", "red", 5.2, 1.1, 0.80),))
    assert plan_of(RULES.plan("take the red cup", context))[:2] == [
        "navigate kitchen", "find red cup in kitchen",
    ]  # fmt: skip
