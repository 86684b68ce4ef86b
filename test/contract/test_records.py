"""What records say of themselves in words."""

import math

import pytest

from vla_sim.contract.records import ObjectQuery, Step

CUP = ObjectQuery(kind="cup", colour="red")


@pytest.mark.parametrize(("step", "words"), [
    (Step(skill="navigate", place="kitchen"), "navigate to kitchen"),
    (Step(skill="find", object=CUP, place="kitchen"), "find red cup in kitchen"),
    (Step(skill="place", place="table"), "place to table"),
    (Step(skill="place", object=CUP, relation="next to"), "place next to red cup"),
    (Step(skill="move", distance=-0.5), "move -0.5 m"),
    (Step(skill="move", lateral=1.0), "move 1 m to the left"),
    (Step(skill="turn", angle=math.pi / 2), "turn 90 degrees"),
    (Step(skill="wait", seconds=3.0), "wait 3 s"),
    (Step(skill="say", text="hello"), 'say "hello"'),
    (Step(skill="stop"), "stop"),
])  # fmt: skip
def test_a_step_is_said_with_its_units(step, words):
    assert str(step) == words
