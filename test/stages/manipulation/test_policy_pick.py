"""Picking by a policy, on a robot without physics: the scripted one, and such as break their word."""

from __future__ import annotations

import numpy as np
import pytest
from kinematic_robot import KINEMATICS, PLANNER, TABLE, KinematicRobot, cup
from msgspec import structs
from policy_wire import Costs, Wired

from vla_sim.common import clock
from vla_sim.common.asking import Asking
from vla_sim.contract.records import ManipulationRequest, Refusal
from vla_sim.robot import facts
from vla_sim.stages.manipulation import policy_pick
from vla_sim.stages.manipulation.arms import GripperCommand
from vla_sim.stages.manipulation.policy_pick import PolicyPick
from vla_sim.stages.manipulation.trajectory import READY, Trajectory
from vla_sim.stages.perception.camera import Images, Intrinsics
from vla_sim.stages.perception.detector import Detector
from vla_sim.stages.perception.pose_estimator import Detection
from vla_sim.stages.policy import mapping
from vla_sim.stages.policy.errors import PolicyError
from vla_sim.stages.policy.scripted_policy import ScriptedPolicy

pytestmark = pytest.mark.integration

CAMERA = Intrinsics.from_field_of_view(1.2, 64, 48)
IMAGES = Images(1.0, np.zeros((48, 64, 3), np.uint8), np.ones((48, 64), np.float32), CAMERA)
MAPPING = mapping.load("scripted")


class Sees(Detector):
    """Finds one thing where it is."""

    def __init__(self, thing) -> None:
        super().__init__()
        self.thing = thing

    def detect(self, rgb, depth, camera, pose):
        one = self.thing
        position = np.array(one.position)
        return [Detection(one.kind, one.colour, 0.9, position, one.yaw, one.size, (0, 0, 1, 1), 0.5)]


class Stack:
    """A robot with the scripted policy, whose answers are spoilt."""

    def __init__(self, thing=None, of=MAPPING, **options) -> None:
        thing = thing or cup()
        self.clients: list[Wired] = []

        def asking() -> Asking:
            self.clients.append(Wired(ScriptedPolicy(PLANNER, Sees(thing)), **options))
            return Asking(self.clients[-1], None, 5.0)

        policy = PolicyPick(of, asking, KINEMATICS)
        self.robot = KinematicRobot(thing, policy=policy, images=IMAGES)

    def pick(self, **more) -> str:
        return self.robot.do(action="pick", object=self.robot.things[0], surface_height=TABLE.height, **more)

    def begins(self) -> KinematicRobot:
        """The robot in the middle of it."""
        robot, thing = self.robot, self.robot.things[0]
        robot.manipulator.request(
            ManipulationRequest(goal_id="a", action="pick", object=thing, surface_height=TABLE.height)
        )
        for _ in range(30):
            robot.step()
        return robot

    @property
    def status(self):
        return self.robot.manipulator.status

    def rests_where_it_began(self, side: str = "right") -> bool:
        off = self.robot.q[facts.ARM_INDEX[side]] - READY[side]
        return bool(np.abs(off).max() < 0.1)


@pytest.mark.parametrize("latency", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("y", [-0.15, 0.15])
def test_a_cup_is_held_and_lifted_by_a_policy(y, latency):
    clock.use(Costs(latency))
    try:
        stack = Stack(cup(y=y))
        assert stack.pick() == "succeeded", stack.status.detail
    finally:
        clock.use(None)
    assert stack.status.holding
    assert stack.status.arm == ("left" if y > 0 else "right")
    assert stack.robot.things[0].position[2] > 0.81 + 0.08
    assert [client.closed for client in stack.clients] == [True]


def test_what_a_policy_picked_is_carried_and_put_down():
    stack = Stack()
    assert stack.pick() == "succeeded"
    assert stack.robot.do(action="carry") == "succeeded"
    target = (0.38, -0.2, TABLE.height)
    assert stack.robot.do(action="place", target=target, surface_height=TABLE.height) == "succeeded"


def test_the_hand_that_was_asked_for_picks_and_no_other_moves(monkeypatch):
    monkeypatch.setattr(policy_pick, "TIME_LIMIT", 6.0)
    left = Stack(cup(y=0.15))
    assert left.pick(arm="left") == "succeeded"
    assert left.status.arm == "left"
    stack = Stack(cup(y=0.15))  # which this policy takes with the left hand
    assert stack.pick(arm="right") == "failed"
    assert not stack.robot.sent


def test_an_arm_that_the_policy_does_not_move_cannot_pick_and_it_is_told_at_once():
    actions = structs.replace(MAPPING.actions, parts=["right_arm", "right_gripper"])
    stack = Stack(of=structs.replace(MAPPING, actions=actions))
    assert stack.pick(arm="left") == "failed"
    assert (stack.status.detail, stack.status.hopeless) == ("My policy does not move my left arm.", True)
    assert not stack.clients


def test_a_hand_that_was_stopped_under_way_lets_go_before_the_robot_walks():
    robot = Stack().begins()
    robot.manipulator.request(ManipulationRequest(goal_id="stop", action="cancel"))
    robot.step()
    robot.sent.clear()
    assert robot.do(action="ready") == "succeeded"
    assert robot.sent[0] == GripperCommand("right", facts.WIDEST)
    assert not any(one.side == "left" for one in robot.sent)


def raises(count, answer):
    if count == 6:
        raise PolicyError("the policy has closed the connection")
    return answer


def nan(count, answer):
    return answer if count < 6 else {"actions": np.full((32, 16), np.nan)}


def shape(count, answer):
    return answer if count < 6 else {"actions": np.zeros((32, 7))}


def jump(count, answer):
    return answer if count < 6 else {"actions": answer["actions"] + 1.3}


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (raises, "The policy has closed the connection."),
        (nan, "The policy's actions hold something that is not a finite number."),
        (shape, "The policy's actions have shape (32, 7); 1 to 1000 of 16 numbers are expected."),
        (jump, "at most 0.5 is allowed."),
    ],
)
def test_a_policy_that_fails_in_the_middle_ends_the_pick_with_one_line(spoil, why):
    stack = Stack(spoil=spoil)
    assert stack.pick() == "failed"
    assert why in stack.status.detail
    assert stack.status.hopeless
    assert not stack.status.holding
    assert stack.clients[0].closed
    assert stack.rests_where_it_began()


def test_the_arm_stops_before_it_goes_back():
    stack = Stack(spoil=raises)
    stack.pick()
    motions = [one for one in stack.robot.sent if isinstance(one, Trajectory)]
    last = max(i for i, one in enumerate(motions) if len(one.times) > 20)
    assert len(motions[last + 1].times) == 0  # where it is


def test_a_policy_that_fails_after_it_closed_sets_down_what_it_took():
    def late(count, answer):
        if answer["actions"][:, 15].max() < 0.01:
            closed.append(count)
        if len(closed) > 7:
            raise PolicyError("the policy is gone")
        return answer

    closed: list[int] = []
    stack = Stack(spoil=late)
    assert stack.pick() == "failed"
    assert stack.robot.things[0].position[2] == pytest.approx(0.81, abs=0.02)
    assert stack.rests_where_it_began()
    grips = [one.opening for one in stack.robot.sent if isinstance(one, GripperCommand)]
    assert grips[-1] < 0.01


def test_a_policy_that_does_nothing_is_given_up(monkeypatch):
    monkeypatch.setattr(policy_pick, "TIME_LIMIT", 3.0)

    def still(count, answer):
        here = stack.robot.q
        arms = [
            np.r_[here[facts.ARM_INDEX[side]], here[facts.FINGER_INDEX[side]].sum()] for side in facts.SIDES
        ]
        return {"actions": np.tile(np.concatenate(arms), (8, 1))}

    stack = Stack(spoil=still)
    assert stack.pick() == "failed"
    assert stack.status.detail == "The policy has not lifted the red cup within 3 seconds."
    assert not stack.status.hopeless
    assert not [one for one in stack.robot.sent if isinstance(one, Trajectory)]


def test_a_gripper_that_closes_on_nothing_holds_nothing(monkeypatch):
    monkeypatch.setattr(policy_pick, "TIME_LIMIT", 20.0)
    stack = Stack()
    stack.robot.slippery = True
    assert stack.pick() == "failed"
    assert not stack.status.holding
    assert stack.rests_where_it_began()


def test_a_stop_ends_the_connection_and_the_arm_stays():
    stack = Stack()
    robot = stack.begins()
    robot.manipulator.request(ManipulationRequest(goal_id="stop", action="cancel"))
    robot.step()
    assert stack.clients[0].closed
    sent = len(robot.sent)
    for _ in range(30):
        robot.step()
    assert len(robot.sent) == sent


def test_what_safety_refuses_ends_the_pick():
    stack = Stack()
    robot = stack.begins()
    robot.manipulator.refused(Refusal(arm="right", stamp=robot.time, reason="a joint would turn at 40 rad/s"))
    assert stack.status.state == "failed"
    assert stack.status.detail == "My right arm may not move: a joint would turn at 40 rad/s."
    assert stack.clients[0].closed


def test_what_the_image_does_not_show_is_told():
    stack = Stack()
    other = cup(colour="blue")
    assert stack.robot.do(action="pick", object=other, surface_height=TABLE.height) == "failed"
    assert stack.status.detail == '"pick up the blue cup": the image shows red cup.'
