"""Something lies before the toes, where the camera does not see it: the robot remembers, and looks again."""

import pytest

from vla_sim.contract.records import NavigationRequest
from vla_sim.world.derived_world import Added, derive

pytestmark = pytest.mark.scenario
CUP = "red_cup"
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.variant) for seed in (1, 2, 3, 4))]
SLIDES = [
    (0.0, -0.1),
    *(pytest.param(slide, marks=pytest.mark.variant) for slide in ((0.0, 0.1), (-0.1, 0.0), (0.1, 0.0))),
]
"""[m/s]"""
TO_THE_CUP = NavigationRequest(goal_id="near", mode="move", distance=0.45)


@pytest.fixture(scope="module")
def corridor(tmp_path_factory):
    pytest.importorskip("mujoco")
    from navigation_lockstep import Lockstep

    cup = Added(model=CUP, x=0.85, y=0.03, z=0.05)
    worlds = derive("corridor", tmp_path_factory.mktemp("corridor"), add=[cup])
    return Lockstep(worlds.known, real=worlds.real, eyes=True)


def approach(corridor, seed):
    """The robot has walked until the cup lies before its toes; where that is, ahead of it and to the left."""
    from navigation_lockstep import Eyes

    corridor.eyes = Eyes()
    corridor.reset(seed, start=0.03, start_yaw=0.02)
    corridor.wait(1.0)
    near = corridor.run(TO_THE_CUP)
    assert near.last.state == "succeeded", near.last.detail
    corridor.wait(20.0)
    ahead, left, _ = near.error(*corridor.engine.truth().objects[CUP][:2], 0.0)
    assert 0.2 < ahead < 0.45
    assert abs(left) < 0.15
    return near


@pytest.mark.parametrize("seed", SEEDS)
def test_it_walks_around_a_cup_that_it_has_not_seen_for_twenty_seconds(corridor, seed):
    assert not approach(corridor, seed).contacts
    walk = corridor.run(NavigationRequest(goal_id="go", mode="go", x=2.4, y=0.3))
    assert not walk.contacts
    assert not walk.fallen
    assert walk.last.state == "succeeded", walk.last.detail


@pytest.mark.parametrize("slide", SLIDES)
def test_odometry_that_slides_away_takes_nothing_with_it(corridor, slide):
    approach(corridor, 2)
    corridor.slide[:] = slide
    walk = corridor.run(NavigationRequest(goal_id="go", mode="go", x=2.4, y=0.3))
    corridor.slide[:] = 0.0
    assert not walk.contacts
    assert not walk.fallen


def test_what_was_taken_away_unseen_does_not_hold_it(corridor):
    approach(corridor, 0)
    cup = corridor.engine.truth().objects[CUP].copy()
    cup[:2] = -1.5, 0.5
    corridor.engine.put(CUP, cup)
    start = corridor.true_pose()
    walk = corridor.run(NavigationRequest(goal_id="on", mode="move", distance=1.0))
    assert walk.last.state == "succeeded", walk.last.detail
    assert corridor.true_pose()[0] - start[0] == pytest.approx(1.0, abs=0.15)
    assert not walk.contacts
