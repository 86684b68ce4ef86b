"""The picker's decisions, on a robot without physics."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from manipulation_puppet import PLANNER, TABLE, Puppet, cup

from vla_sim.contract.records import ManipulationRequest
from vla_sim.robot import g1
from vla_sim.stages.manipulation.arms import GripperCommand
from vla_sim.stages.manipulation.motion import HOME, READY, Trajectory
from vla_sim.stages.manipulation.picker import Picker
from vla_sim.stages.manipulation.surroundings import Surroundings


def pick(puppet: Puppet, item=None, **values) -> str:
    return puppet.do(action="pick", object=item or puppet.things[0], surface_height=TABLE.height, **values)


def test_a_cup_in_reach_is_held_and_lifted():
    puppet = Puppet(cup())
    assert pick(puppet) == "succeeded"
    status = puppet.picker.status
    assert status.holding
    assert status.arm == "right"
    assert status.gripper_width == pytest.approx(0.068, abs=0.005)
    assert puppet.tool("right")[2, 3] > 0.81 + 0.15
    wanted = ["reaching", "approaching", "closing", "lifting"]
    assert [p for p in puppet.phases if p in wanted] == wanted


def test_tool_motions_near_the_object_are_held_in_the_world():
    puppet = Puppet(cup())
    pick(puppet)
    motions = [one for one in puppet.sent if isinstance(one, Trajectory)]
    assert len(motions) >= 3
    assert all(one.frame == "odom" and one.stamp > 0 for one in motions)


def test_the_arm_on_the_objects_side_is_chosen():
    puppet = Puppet(cup(y=0.15))
    assert pick(puppet) == "succeeded"
    assert puppet.picker.status.arm == "left"


def test_the_other_arm_takes_over_when_one_holds_something():
    first, second = cup(y=-0.17), cup(0.35, 0.0, track_id=2, colour="blue")
    puppet = Puppet(first, second)
    assert pick(puppet) == "succeeded"
    assert puppet.do(action="carry") == "succeeded"
    assert pick(puppet, second) == "succeeded"
    assert set(puppet.picker.held) == {"left", "right"}


def test_a_miss_is_tried_again_and_then_told():
    puppet = Puppet(cup())
    puppet.slippery = True
    assert pick(puppet) == "failed"
    assert puppet.phases.count("closing") == 3
    assert puppet.picker.status.detail == "The red cup was not between my fingers."
    assert not puppet.picker.status.holding


def test_after_a_miss_a_new_look_decides_where_to_go():
    puppet = Puppet(cup())
    estimate = cup(0.38, -0.10)  # perception is 6 cm off the first time
    real = puppet.things
    puppet.things = [estimate]
    puppet.picker.request(
        ManipulationRequest(goal_id="a", action="pick", object=estimate, surface_height=TABLE.height)
    )
    while puppet.picker.status.phase != "approaching":
        puppet.step()
    puppet.things = real
    while puppet.picker.busy:
        puppet.step()
    assert puppet.picker.status.state == "succeeded"
    assert puppet.phases.count("closing") == 2


def test_out_of_reach_says_so_and_where_to_stand():
    puppet = Puppet(cup(x=0.60))
    assert pick(puppet) == "failed"
    status = puppet.picker.status
    assert status.detail == "I cannot reach the red cup from here."
    puppet = Puppet(cup(x=0.28, y=-0.60))
    assert pick(puppet) == "failed"
    x, y, _ = puppet.picker.status.stand_offset
    assert abs(y) > 0.1
    assert abs(x) < 0.2


def test_a_thing_too_wide_is_refused():
    puppet = Puppet(cup(size=(0.12, 0.12, 0.10)))
    assert pick(puppet) == "failed"
    assert puppet.picker.status.detail == "The red cup is too wide for my hand."
    assert not any(isinstance(one, Trajectory) for one in puppet.sent)


def test_pick_without_an_object_is_an_answer_not_a_crash():
    puppet = Puppet()
    assert puppet.do(action="pick") == "failed"
    assert puppet.do(action="carry") == "failed"
    assert puppet.do(action="place") == "failed"


def test_a_dropped_object_is_noticed():
    puppet = Puppet(cup())
    assert pick(puppet) == "succeeded"
    puppet.things = []
    for _ in range(20):
        puppet.step()
    status = puppet.picker.status
    assert not status.holding
    assert status.detail == "I dropped the red cup."


def test_cancel_stops_the_moving_arm_where_it_is():
    puppet = Puppet(cup())
    request = ManipulationRequest(goal_id="a", action="pick", object=cup(), surface_height=TABLE.height)
    puppet.picker.request(request)
    while puppet.picker.status.phase != "approaching":
        puppet.step()
    puppet.sent.clear()
    puppet.picker.request(ManipulationRequest(goal_id="a", action="cancel"))
    for _ in range(3):
        puppet.step()
    assert not puppet.picker.busy
    (stop,) = puppet.sent
    assert isinstance(stop, Trajectory)
    assert stop.frame == "base_link"
    assert np.abs(stop.positions[-1] - puppet.q[g1.ARM_INDEX["right"]]).max() < 0.05


def test_ready_raises_both_arms_and_home_gives_them_back():
    puppet = Puppet(ready=False)
    assert puppet.do(action="ready") == "succeeded"
    for side in g1.SIDES:
        assert puppet.q[g1.ARM_INDEX[side]] == pytest.approx(READY[side], abs=0.01)
    assert puppet.do(action="home") == "succeeded"
    ends = {one.side: one.positions[-1] for one in puppet.sent if isinstance(one, Trajectory)}
    for side in g1.SIDES:
        assert ends[side] == pytest.approx(HOME[side], abs=1e-9)


def test_an_arm_that_does_not_come_up_is_told():
    puppet = Puppet(ready=False)
    puppet.stuck = True
    assert puppet.do(action="ready") == "failed"
    assert puppet.picker.status.detail == "Something keeps me from raising my arms."


def test_home_leaves_the_arm_that_holds_alone():
    puppet = Puppet(cup())
    pick(puppet)
    puppet.sent.clear()
    assert puppet.do(action="home") == "succeeded"
    assert {one.side for one in puppet.sent} == {"left"}
    assert puppet.picker.status.holding


def test_a_plan_made_on_another_thread_is_waited_for():
    with ThreadPoolExecutor(1) as executor:
        puppet = Puppet(cup())
        puppet.picker = Picker(PLANNER, Surroundings((TABLE,)), executor)
        puppet.picker.request(
            ManipulationRequest(goal_id="a", action="pick", object=cup(), surface_height=TABLE.height)
        )
        puppet.step()
        while puppet.picker.status.phase == "planning":  # simulated time stands still meanwhile
            puppet.picker.tick(puppet.picker.arms.now)
        assert puppet.picker.status.planning_ms > 0.0
        assert puppet.picker.status.phase == "reaching"


def test_a_reset_of_the_simulation_forgets_everything():
    puppet = Puppet(cup())
    pick(puppet)
    puppet.time = 0.0
    puppet.step()
    assert not puppet.picker.held
    assert not puppet.picker.busy


def test_open_lets_go():
    puppet = Puppet(cup())
    pick(puppet)
    puppet.sent.clear()
    assert puppet.do(action="open") == "succeeded"
    assert any(isinstance(one, GripperCommand) and one.opening > 0.09 for one in puppet.sent)
    assert not puppet.picker.status.holding
