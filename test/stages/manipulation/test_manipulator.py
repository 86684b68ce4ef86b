"""The manipulator's decisions, on a robot without physics."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from kinematic_robot import PLANNER, TABLE, KinematicRobot, cup
from msgspec import structs

from vla_sim.contract.records import ManipulationRequest
from vla_sim.robot import facts
from vla_sim.stages.manipulation.arms import GripperCommand
from vla_sim.stages.manipulation.manipulator import Manipulator
from vla_sim.stages.manipulation.planning_scene import WorldModel
from vla_sim.stages.manipulation.trajectory import HOME, READY, Trajectory

pytestmark = pytest.mark.integration


def pick(robot: KinematicRobot, item=None, **values) -> str:
    return robot.do(action="pick", object=item or robot.things[0], surface_height=TABLE.height, **values)


def test_a_cup_in_reach_is_held_and_lifted():
    robot = KinematicRobot(cup())
    assert pick(robot) == "succeeded"
    status = robot.manipulator.status
    assert status.holding
    assert status.arm == "right"
    assert status.gripper_width == pytest.approx(0.068, abs=0.005)
    assert robot.tool("right")[2, 3] > 0.81 + 0.15
    wanted = ["reaching", "approaching", "closing", "lifting"]
    assert [p for p in robot.phases if p in wanted] == wanted


def test_tool_motions_near_the_object_are_held_in_the_world():
    robot = KinematicRobot(cup())
    pick(robot)
    motions = [one for one in robot.sent if isinstance(one, Trajectory)]
    assert len(motions) >= 3
    assert all(one.frame == "odom" and one.stamp > 0 for one in motions)


def test_the_arm_on_the_objects_side_is_chosen():
    robot = KinematicRobot(cup(y=0.15))
    assert pick(robot) == "succeeded"
    assert robot.manipulator.status.arm == "left"


def test_the_other_arm_takes_over_when_one_holds_something():
    first, second = cup(y=-0.17), cup(0.35, 0.0, track_id=2, colour="blue")
    robot = KinematicRobot(first, second)
    assert pick(robot) == "succeeded"
    assert robot.do(action="carry") == "succeeded"
    assert pick(robot, second) == "succeeded"
    assert set(robot.manipulator.held) == {"left", "right"}


def test_a_miss_is_tried_again_and_then_told():
    robot = KinematicRobot(cup())
    robot.slippery = True
    assert pick(robot) == "failed"
    assert robot.phases.count("closing") == 3
    assert robot.manipulator.status.detail == "The red cup was not between my fingers."
    assert not robot.manipulator.status.holding


def test_after_a_miss_a_new_look_decides_where_to_go():
    robot = KinematicRobot(cup())
    estimate = cup(0.38, -0.10)  # perception is 6 cm off the first time
    real = robot.things
    robot.things = [estimate]
    robot.manipulator.request(
        ManipulationRequest(goal_id="a", action="pick", object=estimate, surface_height=TABLE.height)
    )
    while robot.manipulator.status.phase != "approaching":
        robot.step()
    robot.things = real
    while robot.manipulator.busy:
        robot.step()
    assert robot.manipulator.status.state == "succeeded"
    assert robot.phases.count("closing") == 2


def test_out_of_reach_says_so_and_where_to_stand():
    robot = KinematicRobot(cup(x=0.60))
    assert pick(robot) == "failed"
    status = robot.manipulator.status
    assert status.detail == "I cannot reach the red cup from here."
    robot = KinematicRobot(cup(x=0.28, y=-0.60))
    assert pick(robot) == "failed"
    x, y, _ = robot.manipulator.status.stand_offset
    assert abs(y) > 0.1
    assert abs(x) < 0.2


def test_a_thing_too_wide_is_refused():
    robot = KinematicRobot(cup(size=(0.12, 0.12, 0.10)))
    assert pick(robot) == "failed"
    assert robot.manipulator.status.detail == "The red cup is too wide for my hand."
    assert not any(isinstance(one, Trajectory) for one in robot.sent)


def test_pick_without_an_object_is_an_answer_not_a_crash():
    robot = KinematicRobot()
    assert robot.do(action="pick") == "failed"
    assert robot.do(action="carry") == "failed"
    assert robot.do(action="place") == "failed"


def test_what_is_held_is_not_in_its_own_way_when_it_is_seen_as_another_thing():
    robot = KinematicRobot(cup())
    assert pick(robot) == "succeeded"
    assert robot.do(action="carry") == "succeeded"
    (held,) = robot.things
    robot.things = [structs.replace(held, track_id=9)]
    assert robot.do(action="place", target=(0.35, -0.15, TABLE.height)) == "succeeded"


def test_a_thing_like_the_one_held_that_stands_at_the_spot_is_in_the_way():
    robot = KinematicRobot(cup())
    assert pick(robot) == "succeeded"
    assert robot.do(action="carry") == "succeeded"
    robot.things.append(cup(0.35, -0.10, track_id=9))
    assert robot.do(action="place", target=(0.35, -0.15, TABLE.height)) == "failed"
    assert "in the way" in robot.manipulator.status.detail


def test_a_dropped_object_is_noticed():
    robot = KinematicRobot(cup())
    assert pick(robot) == "succeeded"
    robot.things = []
    for _ in range(20):
        robot.step()
    status = robot.manipulator.status
    assert not status.holding
    assert status.detail == "I dropped the red cup."


def reaching(**more):
    robot = KinematicRobot(cup())
    request = ManipulationRequest(
        goal_id="a", action="pick", object=cup(), surface_height=TABLE.height, **more
    )
    robot.manipulator.request(request)
    while robot.manipulator.status.phase != "approaching":
        robot.step()
    robot.sent.clear()
    return robot


def test_cancel_stops_the_moving_arm_where_it_is():
    robot = reaching()
    robot.manipulator.request(ManipulationRequest(goal_id="a", action="cancel"))
    for _ in range(3):
        robot.step()
    assert not robot.manipulator.busy
    (stop,) = robot.sent
    assert isinstance(stop, Trajectory)
    assert stop.frame == "base_link"
    assert not len(stop.positions)  # no measured one, which may be wrong


@pytest.mark.parametrize("phase", ["approaching", "closing"])
@pytest.mark.parametrize("action", ["ready", "home", "pick"])
def test_a_hand_that_was_stopped_at_a_thing_lets_go_of_it_before_anything_else(phase, action):
    robot = KinematicRobot(cup())
    robot.manipulator.request(
        ManipulationRequest(goal_id="a", action="pick", object=cup(), surface_height=TABLE.height)
    )
    while robot.manipulator.status.phase != phase:
        robot.step()
    robot.step()
    stopped(robot)
    assert not robot.manipulator.status.holding
    robot.sent.clear()
    if action == "pick":
        assert pick(robot) == "succeeded"
        return
    assert robot.do(action=action) == "succeeded"
    assert drew_back(robot)
    assert robot.things[0].position == pytest.approx(cup().position, abs=1e-9), "it was dragged along"
    robot.sent.clear()
    assert robot.do(action="ready") == "succeeded"
    assert not any(isinstance(one, GripperCommand) for one in robot.sent), "it is clear already"


def test_a_hand_that_was_stopped_as_it_set_something_down_leaves_it_there():
    robot = KinematicRobot(cup())
    pick(robot)
    robot.manipulator.request(
        ManipulationRequest(goal_id="b", action="place", target=(0.35, -0.15, TABLE.height))
    )
    while robot.manipulator.status.phase != "opening":
        robot.step()
    stopped(robot)
    robot.sent.clear()
    assert robot.do(action="home") == "succeeded"
    assert drew_back(robot)


def test_a_hand_that_does_not_come_free_is_told_and_stays():
    robot = KinematicRobot(cup())
    robot.manipulator.around.add("right")
    robot.stuck = True
    assert robot.do(action="home") == "failed"
    assert robot.manipulator.status.detail == "My right hand does not come free."
    assert robot.manipulator.around == {"right"}


def test_arms_that_are_raised_already_are_ready_at_once():
    robot = KinematicRobot()
    robot.manipulator.request(ManipulationRequest(goal_id="a", action="ready"))
    robot.step()
    assert robot.manipulator.status.state == "succeeded"
    assert not robot.sent


def drew_back(robot: KinematicRobot) -> bool:
    """First it opened the right hand, then it went straight back."""
    opens, back = robot.sent[:2]
    opened = isinstance(opens, GripperCommand) and (opens.side, opens.opening) == ("right", facts.WIDEST)
    return opened and isinstance(back, Trajectory) and back.side == "right" and back.frame == "odom"


def stopped(robot: KinematicRobot) -> None:
    """A stop is said, and the fingers go on to where they were sent."""
    robot.manipulator.request(ManipulationRequest(goal_id="stop", action="cancel"))
    for _ in range(40):
        robot.step()


def test_ready_raises_both_arms_and_home_gives_them_back():
    robot = KinematicRobot(ready=False)
    assert robot.do(action="ready") == "succeeded"
    for side in facts.SIDES:
        assert robot.q[facts.ARM_INDEX[side]] == pytest.approx(READY[side], abs=0.01)
    assert robot.do(action="home") == "succeeded"
    ends = {one.side: one.positions[-1] for one in robot.sent if isinstance(one, Trajectory)}
    for side in facts.SIDES:
        assert ends[side] == pytest.approx(HOME[side], abs=1e-9)


def test_an_arm_that_does_not_come_up_is_told():
    robot = KinematicRobot(ready=False)
    robot.stuck = True
    assert robot.do(action="ready") == "failed"
    assert robot.manipulator.status.detail == "Something keeps me from raising my arms."


def test_home_leaves_the_arm_that_holds_alone():
    robot = KinematicRobot(cup())
    pick(robot)
    robot.sent.clear()
    assert robot.do(action="home") == "succeeded"
    assert {one.side for one in robot.sent} == {"left"}
    assert robot.manipulator.status.holding


def test_a_plan_made_on_another_thread_is_waited_for():
    with ThreadPoolExecutor(1) as executor:
        robot = KinematicRobot(cup())
        robot.manipulator = Manipulator(PLANNER, WorldModel((TABLE,)), executor)
        robot.manipulator.request(
            ManipulationRequest(goal_id="a", action="pick", object=cup(), surface_height=TABLE.height)
        )
        robot.step()
        while robot.manipulator.status.phase == "planning":  # simulated time stands still meanwhile
            robot.manipulator.tick(robot.manipulator.arms.now)
        assert robot.manipulator.status.planning_ms > 0.0
        assert robot.manipulator.status.phase == "reaching"


def test_a_clock_that_is_set_back_ends_what_runs_and_takes_nothing_out_of_a_hand():
    robot = KinematicRobot(cup())
    pick(robot)
    held = dict(robot.manipulator.held)
    robot.manipulator.request(ManipulationRequest(goal_id="b", action="carry"))
    robot.step()
    robot.sent.clear()
    robot.time = 0.0
    robot.step()
    status = robot.manipulator.status
    assert (status.goal_id, status.state, status.detail) == ("b", "failed", "The clock was set back.")
    assert status.holding
    assert robot.manipulator.held == held
    assert not robot.manipulator.busy
    (stop,) = robot.sent
    assert isinstance(stop, Trajectory)
    assert robot.do(action="carry") == "succeeded"


def test_open_lets_go():
    robot = KinematicRobot(cup())
    pick(robot)
    robot.sent.clear()
    assert robot.do(action="open") == "succeeded"
    assert any(isinstance(one, GripperCommand) and one.opening > 0.09 for one in robot.sent)
    assert not robot.manipulator.status.holding


def test_a_leased_request_that_nobody_renews_ends_and_the_arm_stops():
    robot = reaching(lease=1.0)
    for k in range(40):
        robot.manipulator.check_lease(0.02 * k)
        assert robot.manipulator.renew("a") is None
    for k in range(40, 100):
        robot.manipulator.check_lease(0.02 * k)
    status = robot.manipulator.status
    assert (status.state, status.detail) == ("failed", "Nobody has asked for it for 1 s.")
    robot.step()
    assert not robot.manipulator.busy
    assert [type(one) for one in robot.sent] == [Trajectory]
    assert robot.manipulator.renew("a").state == "failed"
    unknown = robot.manipulator.renew("b")
    assert (unknown.goal_id, unknown.state, unknown.detail) == (
        "b",
        "failed",
        "My arm control was restarted.",
    )


def test_a_mistake_of_the_program_fails_the_request_and_stops_the_arm(monkeypatch):
    robot = reaching()
    with monkeypatch.context() as broken:
        broken.setattr(robot.manipulator.arms, "tool", lambda _: {}["missing"])
        with pytest.raises(KeyError):  # noqa: PT012
            for _ in range(100):
                robot.step()
    status = robot.manipulator.status
    assert (status.state, status.detail) == ("failed", "My arm control has made a mistake.")
    assert robot.manipulator.busy, "the arm is still to be stopped"
    robot.step()
    assert isinstance(robot.sent[-1], Trajectory)
    assert not robot.manipulator.busy
