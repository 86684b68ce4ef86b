"""The humanoid on its own legs in the flat: slow, judged from the simulator's truth."""

import math

import pytest

from vla_sim.contract.records import NavigationRequest

pytestmark = pytest.mark.scenario


@pytest.fixture(scope="module")
def flat():
    pytest.importorskip("mujoco")
    from navigation_lockstep import Lockstep

    return Lockstep("apartment")


@pytest.mark.parametrize("seed", [0, *(pytest.param(s, marks=pytest.mark.variant) for s in (1, 2))])
def test_it_walks_to_the_kitchen_and_docks_at_the_table_touching_nothing(flat, seed):
    flat.reset(seed, start=0.5, start_yaw=0.52)
    kitchen = next(p for p in flat.world.places if p.name == "kitchen")
    table = next(s for s in flat.world.surfaces if s.name == "kitchen table")
    walk = flat.run(NavigationRequest(goal_id="go", mode="go", x=kitchen.x, y=kitchen.y, yaw=kitchen.yaw))
    assert walk.last.state == "succeeded", walk.last.detail
    assert not walk.fallen
    assert not walk.contacts
    assert walk.clearance > 0.05
    assert walk.localisation < 0.05
    assert walk.seconds < 30.0
    x, y, yaw = table.x, table.y + 0.5 * table.width + 0.25, -math.pi / 2
    dock = flat.run(NavigationRequest(goal_id="dock", mode="dock", x=x, y=y, yaw=yaw))
    assert dock.last.state == "succeeded", dock.last.detail
    error = dock.error(x, y, yaw)
    assert math.hypot(error[0], error[1]) < 0.04
    assert abs(error[2]) < math.radians(4)
    assert not dock.contacts


@pytest.mark.variant  # of the scenarios person_crossing and blocked_door
def test_it_lets_a_person_pass_and_walks_around_boxes():
    from navigation_lockstep import Lockstep

    corridor = Lockstep("corridor")
    corridor.reset(0, start=0.1, start_yaw=0.3)
    walk = corridor.run(NavigationRequest(goal_id="go", mode="go", x=7.4, y=0.0))
    assert not walk.fallen
    assert not walk.contacts
    assert walk.clearance > 0.10
    assert walk.last.state == "succeeded" or "keeps crossing my way" in walk.last.detail
