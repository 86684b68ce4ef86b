import math
from pathlib import Path

import numpy as np
import pytest

from vla_sim.contract.records import ObjectQuery, Plan, Step
from vla_sim.stages.safety.plan_check import PlanChecker
from vla_sim.world.occupancy_grid import Grid
from vla_sim.world.semantic_map import ObjectKind, Place, World


class Flat(World):
    """4 m x 4 m, a wall with no door at x = 2.5 m."""

    def rasterise(self, resolution=0.05, low=0.05, high=1.4):
        occupied = np.zeros((80, 80), dtype=bool)
        occupied[:, 50:52] = True
        return Grid(occupied, 0.0, 0.0, 0.05)


@pytest.fixture(scope="module")
def checker():
    cup = ObjectKind("red_cup", "cup", "red", "cylinder", (0.07, 0.07, 0.1), 0.15)
    places = (Place("kitchen", 1.5, 3.0, 0.0), Place("cellar", 3.5, 1.0, 0.0), Place("lab", 0.5, 3.5, 0.0))
    forbidden = ((0.2, 3.2, 0.9, 3.9),)
    return PlanChecker(Flat("flat", Path("flat.sdf"), (1, 1, 0), places, (), (cup,), (), forbidden))


def plan(*steps):
    return Plan(command_id="c", text="", steps=list(steps), planner="rules")


def test_a_good_plan_has_no_reasons_against_it(checker):
    cup = ObjectQuery(kind="cup")
    assert checker.check(plan(Step(skill="navigate", place="kitchen"), Step(skill="pick", object=cup))) == []


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
    ],
)
def test_a_bad_step_is_refused_with_its_reason(checker, step, words):
    assert words in "; ".join(checker.check(plan(step)))


def test_an_endless_plan_is_refused(checker):
    assert "41 steps" in checker.check(plan(*[Step(skill="stop")] * 41))[0]
