import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_sim.contract.records import STEP_FIELDS, ObjectQuery, Plan, Step
from vla_sim.stages.safety.plan_check import PlanChecker
from vla_sim.world.objects import ObjectKind
from vla_sim.world.occupancy_grid import Grid
from vla_sim.world.semantic_map import Place, World


class Flat(World):
    """4 m x 4 m, a wall with no door at x = 2.5 m."""

    def rasterise(self, resolution=0.05, low=0.05, high=1.4):
        occupied = np.zeros((80, 80), dtype=bool)
        occupied[:, 50:52] = True
        return Grid(occupied, 0.0, 0.0, 0.05)


@pytest.fixture(scope="module")
def checker():
    return made()


def made():
    cup = ObjectKind("red_cup", "cup", "red", "cylinder", (0.07, 0.07, 0.1), 0.15)
    places = (Place("kitchen", 1.5, 3.0, 0.0), Place("cellar", 3.5, 1.0, 0.0), Place("lab", 0.5, 3.5, 0.0))
    forbidden = ((0.2, 3.2, 0.9, 3.9),)
    return PlanChecker(Flat("flat", Path("flat.sdf"), (1, 1, 0), places, (), (cup,), (), forbidden))


def plan(*steps):
    return Plan(command_id="c", text="", steps=list(steps), planner="rules")


def test_a_good_plan_has_no_reasons_against_it(checker):
    cup = ObjectQuery(kind="cup")
    assert checker.check(plan(Step(skill="navigate", place="kitchen"), Step(skill="pick", object=cup))) == []


def test_a_reason_against_several_steps_is_said_once(checker):
    go, look = (
        Step(skill="navigate", place="cellar"),
        Step(skill="find", place="cellar", object=ObjectQuery()),
    )
    take = Step(skill="pick", object=ObjectQuery(kind="elephant"))
    nowhere, strange = checker.check(plan(go, look, take))
    assert nowhere == "there is no way to the cellar"
    assert "elephant" in strange


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (Step(skill="navigate", place="garage"), 'called "garage"; I know: cellar, kitchen, lab'),
        (Step(skill="navigate", place="cellar"), "no way to the cellar"),
        (Step(skill="navigate", place="lab"), "forbidden zone"),
        (Step(skill="navigate"), "needs a place"),
        (Step(skill="pick", object=ObjectQuery(kind="elephant")), "do not know a elephant"),
        (Step(skill="pick"), "needs an object"),
        (Step(skill="move", distance=50.0), "at most 10 metres"),
        (Step(skill="move"), "needs a distance"),
        (Step(skill="turn", angle=20 * math.pi), "at most 720 degrees"),
        (Step(skill="wait", seconds=1e6), "at most 600 seconds"),
        (Step(skill="stop", place="kitchen"), "stop takes no place"),
        (Step(skill="navigate", place="kitchen", speed=3.0), "at most 0.8 metres a second, not 3"),
        (Step(skill="move", distance=1.0, speed=0.0), "at most 0.8 metres a second, not 0"),
        (Step(skill="turn", angle=1.0, speed=0.2), "turn takes no speed"),
        (Step(skill="navigate", place="kitchen", arm="left"), "navigate takes no arm"),
        (Step(skill="place"), "needs a place or an object"),
        (Step(skill="place", object=ObjectQuery(kind="cup")), "next to it, on top of it or into it"),
        (Step(skill="place", place="kitchen", relation="next to"), "next to it, on top of it or into it"),
        (Step(skill="find", object=ObjectQuery(kind="cup"), relation="next to"), "find takes no relation"),
    ],
)
def test_a_bad_step_is_refused_with_its_reason(checker, step, words):
    assert words in "; ".join(checker.check(plan(step)))


def test_an_endless_plan_is_refused(checker):
    assert "41 steps" in checker.check(plan(*[Step(skill="stop")] * 41))[0]


CUP = ObjectQuery(kind="cup")
GOOD = st.sampled_from([
    Step(skill="navigate", place="kitchen"), Step(skill="pick", object=CUP), Step(skill="find", object=CUP),
    Step(skill="move", distance=-1.5), Step(skill="turn", angle=-math.pi), Step(skill="wait", seconds=3.0),
    Step(skill="say", text="hello"), Step(skill="carry", place="kitchen"),
    Step(skill="navigate", place="user"), Step(skill="navigate", place="start", speed=0.25),
    Step(skill="pick", object=CUP, arm="left"),
])  # fmt: skip
BEYOND = st.floats(min_value=600.1) | st.floats(max_value=-600.1) | st.just(math.nan)
STRANGE = st.text(min_size=1).filter(lambda name: name not in ("kitchen", "user", "start"))
HOSTILE = st.one_of(
    st.builds(Step, skill=st.sampled_from(["navigate", "carry", "place"]), place=STRANGE | st.just("")),
    st.builds(Step, skill=st.sampled_from(["pick", "find", "approach"]), object=st.builds(
        ObjectQuery, kind=st.text(min_size=1).filter(lambda kind: kind != "cup")
    )),
    st.builds(Step, skill=st.just("move"), distance=BEYOND),
    st.builds(Step, skill=st.just("move"), distance=st.just(1.0), lateral=BEYOND),
    st.builds(Step, skill=st.just("turn"), angle=BEYOND),
    st.builds(Step, skill=st.just("wait"), seconds=BEYOND),
    st.builds(Step, skill=st.sampled_from(["stop", "turn", "say", "wait"]), object=st.just(CUP)),
    st.builds(Step, skill=st.text().filter(lambda name: name not in STEP_FIELDS)),
)  # fmt: skip
CHECKER = made()


@settings(max_examples=100)
@given(before=st.lists(GOOD, max_size=5), hostile=HOSTILE, after=st.lists(GOOD, max_size=5))
def test_one_hostile_step_among_good_ones_is_enough_to_refuse_a_plan(before, hostile, after):
    assert CHECKER.check(plan(*before, *after)) == []
    assert CHECKER.check(plan(*before, hostile, *after))


def test_what_a_detector_may_name_is_no_unknown_object():
    known = PlanChecker(replace(made().world, words=("stapler",)))
    pick = plan(Step(skill="pick", object=ObjectQuery(kind="stapler", colour="green")))
    assert known.check(pick) == []
    assert "I do not know a green stapler" in made().check(pick)[0]
