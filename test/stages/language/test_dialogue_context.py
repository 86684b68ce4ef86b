from language_world import HOME, RULES, plan_of

from vla_sim.contract.records import DetectedObject, ObjectQuery, Plan, Status
from vla_sim.stages.language.dialogue_context import Context, Memory, place_of


def sent(memory: Memory, text: str, command_id: str = "c1") -> Plan:
    found = RULES.plan(text, memory.context)
    plan = Plan(command_id=command_id, text=text, steps=list(found.steps), planner="rules")
    memory.spoken(found.mentioned, found.place)
    memory.sent(plan)
    return plan


def status(state: str, step: int = 0, command_id: str = "c1") -> Status:
    return Status(command_id=command_id, state=state, step=step, mono=0.0)


def test_a_finished_pick_means_that_the_object_is_held():
    memory = Memory(HOME)
    sent(memory, "go to the kitchen and pick up the red cup")
    memory.heard(status("running", step=3))
    assert memory.context.held is None
    memory.heard(status("succeeded", step=3))
    assert memory.context.held == ObjectQuery(kind="cup", colour="red")
    assert memory.context.place == "kitchen"


def test_a_failed_pick_holds_nothing():
    memory = Memory(HOME)
    sent(memory, "pick up the red cup")
    memory.heard(status("failed", step=2))
    assert memory.context.held is None


def test_a_cancelled_carry_still_holds():
    memory = Memory(HOME)
    sent(memory, "bring me the red cup")
    memory.heard(status("running", step=3))
    memory.heard(status("cancelled", step=3))
    assert memory.context.held == ObjectQuery(kind="cup", colour="red")


def test_a_finished_placement_frees_the_hand():
    memory = Memory(HOME)
    sent(memory, "put the red cup on the nightstand")
    memory.heard(status("succeeded", step=3))
    assert memory.context.held is None
    assert memory.context.place == "bedroom"


def test_it_is_remembered_across_commands():
    memory = Memory(HOME)
    sent(memory, "find the red ball")
    memory.heard(status("succeeded"))
    assert plan_of(RULES.plan("grasp it", memory.context))[-1] == "pick red ball"
    sent(memory, "grasp it", "c2")
    memory.heard(status("succeeded", 2, "c2"))
    assert plan_of(RULES.plan("bring it to the living room", memory.context)) == ["carry living room"]


def test_the_robot_is_where_the_world_starts_it_until_it_walks():
    memory = Memory(HOME)
    assert memory.context.place == "living room"
    sent(memory, "move forward 1 meter")
    memory.heard(status("running"))
    assert memory.context.place == ""


def test_words_of_other_commands_change_nothing():
    memory = Memory(HOME)
    before = memory.context
    memory.heard(status("succeeded", step=7, command_id="unknown"))
    assert memory.context == before


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
