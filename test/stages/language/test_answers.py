import pytest
from language_world import RULES

from vla_sim.contract.records import DetectedObject, ObjectQuery
from vla_sim.stages.language.dialogue_context import Context


def seen(kind, colour, x, y, z, size=0.1):
    return DetectedObject(
        track_id=1, kind=kind, colour=colour, position=(x, y, z), size=(size, size, size), yaw=0.0,
        confidence=0.9, last_seen=0.0,
    )  # fmt: skip


SEEN = (
    seen("cup", "red", 5.2, 1.1, 0.80, 0.08), seen("cup", "green", 6.0, 0.0, 0.95),
    seen("ball", "red", 0.0, 6.0, 0.65),
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("is there a cup in the kitchen?",
         "Yes: a red cup on the kitchen table and a green cup on the kitchen counter."),
        ("is there a cup in the bedroom",
         "I have not seen a cup at the bedroom, but a red cup on the kitchen table and a green cup on the "
         "kitchen counter."),
        ("is the red cup on the kitchen counter",
         "I have not seen a red cup at the kitchen counter, but a red cup on the kitchen table."),
        ("do you see a bottle", "I have not seen a bottle."),
        ("how many cups are there",
         "I have seen 2: a red cup on the kitchen table and a green cup on the kitchen counter."),
        ("how many bottles are in the kitchen", "I have seen none at the kitchen."),
        ("what is on the nightstand", "I have seen a red ball on the nightstand."),
        ("what's in the hallway", "I have seen nothing I know at the hallway."),
        ("where is the red ball", "I have seen a red ball on the nightstand."),
        ("what colour is the ball", "I have seen a ball that is red."),
        ("what are you doing", 'I am doing what you said: "go to the kitchen".'),
        ("where are you going", 'I am doing what you said: "go to the kitchen".'),
        ("is there an elephant in the kitchen", 'I do not know what "elephant" is.'),
        ("is there a small cup in the kitchen", "Yes: a red cup on the kitchen table."),
        ("is there a large cup in the kitchen", "I have not seen a large cup at the kitchen."),
        ("how many small cups are there", "I have seen 1: a red cup on the kitchen table."),
        ("are there two cups in the kitchen",
         "I have seen 2: a red cup on the kitchen table and a green cup on the kitchen counter."),
        ("which places do you know",
         "I know living room, kitchen, bedroom, hallway, charging station, kitchen table, kitchen counter, "
         "coffee table and nightstand."),
    ],
)  # fmt: skip
def test_questions_are_answered_from_what_was_seen(text, answer):
    found = RULES.plan(text, Context(objects=SEEN, doing="go to the kitchen"))
    assert found.answer == answer
    assert not found.steps


def test_what_is_held_is_not_looked_for():
    context = Context(held=ObjectQuery(kind="bottle", colour="yellow"))
    assert RULES.plan("where is the bottle", context).answer == "I am holding the yellow bottle."
    assert RULES.plan("is there a bottle", context).answer == "I am holding the yellow bottle."


def test_what_was_not_seen_is_looked_for_only_where_it_was_asked_where_it_is():
    assert RULES.plan("where is the red ball").steps
    assert RULES.plan("is there a red ball in the bedroom").answer


@pytest.mark.parametrize(
    "text",
    ["if there is no red cup, bring the green one", "is there no cup in the kitchen",
     "is there a cup in the kitchen and take it", "if there is a cup in the kitchen take it", "is the cup",
     "what is the red cup"],
)  # fmt: skip
def test_what_is_no_whole_question_is_not_answered_as_one(text):
    assert not RULES.plan(text).answer
    assert not RULES.plan(text).steps


def test_the_object_asked_about_is_it_from_then_on():
    found = RULES.plan("is there a red ball in the bedroom", Context(objects=SEEN))
    assert found.mentioned == ObjectQuery(kind="ball", colour="red")
