"""Standing on its own legs at a table, the robot picks, carries and sets down: judged from the truth."""

from __future__ import annotations

import numpy as np
import pytest
from manipulation_lockstep import GRID, PLACES, TABLE, go_and_pick, pick_once, random_bench

from vla_sim.stages.manipulation.base_placement import choose_place_spot, choose_stand

pytestmark = pytest.mark.scenario


@pytest.mark.parametrize("name", list(PLACES))
@pytest.mark.parametrize("seed", [0, pytest.param(9, marks=pytest.mark.variant)])
def test_it_picks_each_kind_of_object_up(name, seed):
    report = pick_once(name, seed)
    assert report.ok, report
    assert not report.fallen
    assert not report.touched, "the arm touched something else"


def test_it_walks_with_the_cup_and_sets_it_down():
    made = random_bench("red_cup", 1)
    assert made is not None
    bench, stand = made
    assert go_and_pick(bench, "red_cup", stand) == "succeeded"
    assert bench.do(action="carry") == "succeeded"
    assert bench.dock((stand.x - 0.6, stand.y + 0.1, stand.yaw))
    assert bench.manipulator.held, "it dropped the cup"
    (held,) = bench.manipulator.held.values()
    spot = choose_place_spot(TABLE, [o for o in bench.objects if o.kind != "cup"], GRID, bench.pose())
    assert spot is not None
    goal = choose_stand((*spot[:2], 0.81), TABLE, GRID, bench.pose(), held.arm)
    assert goal is not None
    bench.dock((goal.x - 0.4, goal.y, goal.yaw))
    bench.dock((goal.x, goal.y, goal.yaw))
    bench.wait(0.6)
    assert bench.do(action="place", target=spot, surface_height=TABLE.height) == "succeeded"
    bench.wait(1.0)
    pose = bench.engine.truth().objects["red_cup"]
    assert np.hypot(*(pose[:2] - spot[:2])) < 0.06
    assert pose[2] == pytest.approx(0.81, abs=0.01)
    assert not bench.engine.truth().fallen


@pytest.mark.parametrize("mass", [8.0, pytest.param(3.0, marks=pytest.mark.variant)])
def test_what_is_too_heavy_is_set_down_and_said(mass):
    """A cup that looks like any other; arm and body feel its weight before it pulls the robot down."""
    made = random_bench("red_cup", 1)
    assert made is not None
    bench, stand = made
    model, body = bench.engine.model, bench.engine._loose["red_cup"]
    scale = mass / model.body_mass[body]
    model.body_mass[body] *= scale
    model.body_inertia[body] *= scale
    assert go_and_pick(bench, "red_cup", stand) == "failed"
    status = bench.manipulator.status
    assert (status.detail, status.hopeless) == ("The red cup is too heavy for me.", True)
    assert not bench.manipulator.held
    bench.wait(2.0)
    assert not bench.engine.truth().fallen
    assert not bench.bumped, "the weight pulled the robot against the table"
    assert bench.height("red_cup") == pytest.approx(0.81, abs=0.02), "it stands where it stood"
