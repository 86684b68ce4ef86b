"""The node between messages and the manipulator."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy")

from geometry_msgs.msg import TransformStamped  # noqa: E402
from nav_msgs.msg import Odometry  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from sensor_msgs.msg import JointState  # noqa: E402

from vla_sim.common.params import StageParams  # noqa: E402
from vla_sim.contract import records, topics  # noqa: E402
from vla_sim.contract.records import DetectedObject, ManipulationRequest  # noqa: E402
from vla_sim.robot import facts  # noqa: E402
from vla_sim.ros.kept_state import FOLDER  # noqa: E402
from vla_sim.ros.messages import to_seconds, to_stamp  # noqa: E402
from vla_sim.ros.stage_node import StageNode  # noqa: E402
from vla_sim.stages.manipulation.arms import Held  # noqa: E402
from vla_sim.stages.manipulation.grasp import Target  # noqa: E402
from vla_sim.stages.manipulation.node import ManipulationNode, Memory  # noqa: E402
from vla_sim.stages.manipulation.trajectory import READY  # noqa: E402

pytestmark = pytest.mark.ros

ARGUMENTS = ["--ros-args", "-p", "world:=tabletop"]


class Setup:
    """The node, and a client in the engine's place whose arms are at once where they are sent."""

    def __init__(self) -> None:
        self.node = ManipulationNode()
        self.client = StageNode("engine", StageParams)
        self.time = 1.0
        self.status: list[records.ManipulationStatus] = []
        self.arms: list = []
        self.grippers: list = []
        self.q = facts.DEFAULT_POSE.copy()
        for side in facts.SIDES:
            self.client.listen(topics.ARM_WISH[side], self.move)
            self.client.listen(topics.GRIPPER_WISH[side], self.grippers.append)
        self.client.listen(topics.MANIPULATION_STATUS, self.status.append)
        for topic in (topics.JOINT_STATES, topics.ODOM, topics.MAP_TO_ODOM):
            self.client.publish(topic)
        self.client.publish(topics.MANIPULATION_REQUEST)
        self.client.publish(topics.REFUSAL)
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.executor.add_node(self.client)
        self.until(lambda: self.client.count_subscribers(topics.MANIPULATION_REQUEST.name) > 0)
        self.until(lambda: self.node.joints is not None and self.node.odom is not None)

    def move(self, message) -> None:
        self.arms.append(message)
        self.q[[facts.INDEX[name] for name in message.joint_names]] = message.points[-1].positions

    def until(self, condition, seconds: float = 30.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "waited too long"
            self.time += 0.1
            joints, odom = JointState(), Odometry()
            joints.header.stamp = odom.header.stamp = to_stamp(self.time)
            joints.name = list(reversed(facts.JOINTS))
            joints.position = self.q[::-1].tolist()
            odom.pose.pose.position.z = facts.STANDING_HEIGHT
            odom.pose.pose.orientation.w = 1.0
            self.client.publish(topics.JOINT_STATES).publish(joints)
            self.client.publish(topics.ODOM).publish(odom)
            for _ in range(4):
                self.executor.spin_once(timeout_sec=0.002)

    def ended(self, goal: str) -> records.ManipulationStatus | None:
        return next((s for s in self.status if s.goal_id == goal and s.state != "active"), None)


@pytest.fixture(scope="module")
def setup(ros_domain):
    rclpy.init(args=ARGUMENTS, domain_id=ros_domain)
    one = Setup()
    yield one
    one.node.close()
    for node in (one.node, one.client):  # else what it keeps for late joiners reaches the next test's nodes
        node.destroy_node()
    rclpy.shutdown()


def test_ready_sends_both_arms_up_and_reports(setup):
    setup.client.send(topics.MANIPULATION_REQUEST, ManipulationRequest(goal_id="up", action="ready"))
    setup.until(lambda: setup.ended("up"))
    assert setup.ended("up").state == "succeeded"
    sent = {m.joint_names[0].split("_")[0]: m for m in setup.arms}
    for side in facts.SIDES:
        assert tuple(sent[side].joint_names) == facts.ARM_JOINTS[side]
        assert sent[side].points[-1].positions == pytest.approx(READY[side])
        times = [p.time_from_start.sec + p.time_from_start.nanosec * 1e-9 for p in sent[side].points]
        assert np.all(np.diff(times) > 0)
        assert sent[side].header.frame_id == "base_link"


def test_a_pick_out_of_reach_fails_with_a_sentence_and_the_map_frame_counts(setup):
    measured = []
    setup.node.record_metric = lambda *words: measured.append(words)
    shift = TransformStamped()
    shift.transform.translation.x = 0.3
    shift.transform.rotation.w = 1.0
    setup.client.publish(topics.MAP_TO_ODOM).publish(shift)
    setup.until(lambda: setup.node.map_to_odom[0, 3] == 0.3)
    shift.transform.translation.x = math.nan
    setup.node.on_map_to_odom(shift)  # what is no pose is not taken
    item = DetectedObject(
        track_id=1, kind="cup", colour="red", position=(1.04, 0.15, 0.81), size=(0.07, 0.07, 0.1), yaw=0.0,
        confidence=0.9, last_seen=1.0,
    )  # fmt: skip
    setup.client.send(
        topics.MANIPULATION_REQUEST,
        ManipulationRequest(goal_id="far", action="pick", object=item, surface_height=0.76),
    )
    setup.until(lambda: setup.ended("far"))
    status = setup.ended("far")
    assert status.state == "failed"
    assert status.detail == "I cannot reach the red cup from here."
    assert 0.2 < status.stand_offset[0] < 0.55  # the cup is 0.74 m ahead
    assert status.planning_ms > 0.0
    ((name, seconds, unit),) = measured
    assert (name, unit) == ("grasp_planning", "s")
    assert seconds >= 1e-3 * status.planning_ms


def test_open_moves_the_gripper_by_its_one_joint(setup):
    setup.client.send(
        topics.MANIPULATION_REQUEST, ManipulationRequest(goal_id="open", action="open", arm="left")
    )
    setup.until(lambda: setup.ended("open"))
    (message,) = [m for m in setup.grippers if m.points[-1].positions[0] > 0.05]
    assert list(message.joint_names) == ["left_gripper"]


def test_it_waits_when_a_joint_is_missing(setup):
    names = JointState(name=["left_elbow_joint"], position=[0.0])
    kept, setup.node.joints = setup.node.joints, names
    assert setup.node.observation() is None
    setup.node.joints = kept
    assert setup.node.observation() is not None


def test_what_safety_refuses_ends_the_request_with_its_reason(setup):
    setup.arms.clear()
    setup.client.send(topics.MANIPULATION_REQUEST, ManipulationRequest(goal_id="down", action="home"))
    setup.until(lambda: setup.arms)
    stamp = to_seconds(setup.arms[-1].header.stamp)
    for when, reason in ((0.1, "it is of before"), (stamp, "a wall is in the way")):
        setup.client.send(topics.REFUSAL, records.Refusal(arm="left", stamp=when, reason=reason))
    setup.until(lambda: setup.ended("down"))
    assert setup.ended("down").state == "failed"
    assert setup.ended("down").detail == "My left arm may not move: a wall is in the way."


def test_a_request_that_another_one_takes_the_place_of_is_answered(setup):
    for goal, action in (("first", "home"), ("second", "ready")):
        setup.client.send(topics.MANIPULATION_REQUEST, ManipulationRequest(goal_id=goal, action=action))
    setup.until(lambda: setup.ended("second"))
    assert (setup.ended("first").state, setup.ended("first").detail) == ("cancelled", "another request came")
    assert setup.ended("second").state == "succeeded"


def test_a_stop_answers_what_waits_and_leaves_what_was_asked_after_it(setup):
    for goal, epoch in (("before", -1), ("after", 1)):
        setup.node.on_request(ManipulationRequest(goal_id=goal, action="ready", stop_epoch=epoch))
    setup.node.on_safety(records.SafetyState(level="stopped", reasons=[], stop_epoch=1))
    setup.until(lambda: setup.ended("before") and setup.ended("after"))
    assert (setup.ended("before").state, setup.ended("before").detail) == ("cancelled", "stop was said")
    assert setup.ended("after").state == "succeeded"


def test_what_an_arm_holds_outlives_a_restart(setup, tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    cup = DetectedObject(
        track_id=1, kind="cup", colour="red", position=(0.4, 0.1, 0.9), size=(0.07, 0.07, 0.1), yaw=0.0,
        confidence=0.9, last_seen=1.0,
    )  # fmt: skip
    held = Held("left", cup, Target("cylinder", cup.position, cup.size), 0.05, 0.01, 0.0, 0.066)
    node = ManipulationNode()
    assert node.manipulator.held == {}
    node.kept.save(Memory((held,)))
    node.destroy_node()
    again = ManipulationNode()
    assert again.manipulator.held == {"left": held}
    again.destroy_node()
