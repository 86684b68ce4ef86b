"""The engine node over the kinematic simulator: what it publishes, what it obeys, what it refuses."""

import math
import time

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy")

from diagnostic_msgs.msg import DiagnosticStatus  # noqa: E402
from geometry_msgs.msg import TwistStamped  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint  # noqa: E402

from vla_sim.common.errors import InputError  # noqa: E402
from vla_sim.common.params import StageParams  # noqa: E402
from vla_sim.contract.records import SafetyState  # noqa: E402
from vla_sim.contract.topics import (  # noqa: E402
    ARM_TRAJECTORY,
    CLOCK,
    CMD_VEL,
    COLOR,
    CONTACTS,
    GROUND_TRUTH,
    IMU,
    JOINT_STATES,
    ODOM,
    POINTS,
    RESET_SERVICE,
    SAFETY_STATE,
    SCAN,
)
from vla_sim.robot import facts  # noqa: E402
from vla_sim.ros.messages import to_seconds, to_stamp  # noqa: E402
from vla_sim.ros.stage_node import StageNode  # noqa: E402
from vla_sim.simulation.node import SimulatorNode  # noqa: E402
from vla_sim.simulation.sensor_publishers import CameraPublisher  # noqa: E402
from vla_sim.simulation.simulator import Contact  # noqa: E402

pytestmark = pytest.mark.ros

ARGUMENTS = [
    "--ros-args",
    "-p",
    "engine:engine:=kinematic",
    "-p",
    "world:=tabletop",
    "-p",
    "engine:camera:=false",
]


class Setup:
    """The node ticked by hand, and a client that keeps the last message of each topic."""

    def __init__(self):
        self.node = SimulatorNode()
        self.client = StageNode("safety", StageParams)  # whom the controller obeys
        self.last, self.stamp = {}, 0
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.executor.add_node(self.client)

    def listen(self, *topics):
        for topic in topics:
            self.client.listen(topic, lambda m, name=topic.name: self.last.__setitem__(name, m))
        self.until(lambda: all(self.node.count_subscribers(t.name) for t in topics), tick=False)

    def until(self, condition, seconds=20.0, tick=True, act=lambda: None):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "waited too long"
            act()
            if tick:
                self.node.tick()
            for _ in range(4):
                self.executor.spin_once(timeout_sec=0.002)


@pytest.fixture(scope="module")
def setup(ros_domain):
    rclpy.init(args=ARGUMENTS, domain_id=ros_domain)
    one = Setup()
    yield one
    one.node.close()
    rclpy.shutdown()


def test_it_publishes_time_odometry_sensors_and_truth(setup):
    topics = (
        CLOCK, ODOM, JOINT_STATES, IMU, SCAN,
        GROUND_TRUTH, CONTACTS, POINTS,
    )  # fmt: skip
    setup.listen(*topics)
    setup.until(lambda: all(t.name in setup.last for t in topics))
    odometry = setup.last["/odom"]
    assert (odometry.header.frame_id, odometry.child_frame_id) == ("odom", "base_link")
    assert len(setup.last["/joint_states"].position) == len(facts.JOINTS)
    scan = setup.last["/scan"]
    assert len(scan.ranges) == 360
    assert min(scan.ranges) > 0.1
    assert not setup.last["/sim/ground_truth"].fallen
    assert to_seconds(setup.last["/clock"].clock) == pytest.approx(setup.node.now(), abs=0.2)


def stamped(setup):
    """A velocity of zero with the next stamp."""
    setup.stamp += 1
    message = TwistStamped()
    message.header.stamp = to_stamp(setup.node.now() + 1e-6 * setup.stamp)
    return message


def test_it_walks_as_told_and_stops_when_told_no_more(setup):
    publisher = setup.client.publish(CMD_VEL)
    setup.until(publisher.get_subscription_count, tick=False)
    before = setup.node.host.state.odom_position[0]

    def command():
        message = stamped(setup)
        message.twist.linear.x = 0.4
        publisher.publish(message)

    setup.until(lambda: setup.node.host.state.odom_position[0] > before + 0.05, act=command)
    setup.until(lambda: not setup.node.host.controller.walking)


def test_a_velocity_that_is_repeated_or_of_before_is_no_permit(setup):
    publisher = setup.client.publish(CMD_VEL)
    old, message = stamped(setup), stamped(setup)
    message.twist.linear.x = old.twist.linear.x = 0.4
    for _ in range(2):
        publisher.publish(message)
    setup.until(lambda: setup.node.host.controller.walking)
    before, begin = refused(setup), setup.node.now()

    def replay():
        publisher.publish(message)
        publisher.publish(old)

    setup.until(lambda: setup.node.now() > begin + 1.0, act=replay)
    setup.until(lambda: not setup.node.host.controller.walking, act=replay)
    assert int(refused(setup)) > int(before) + 10


def test_who_publishes_velocities_beside_safety_is_an_alarm_and_not_obeyed(setup):
    allow, teleop = permit(setup), StageNode("teleop", StageParams)
    setup.until(lambda: not setup.node.host.controller.walking, act=allow)
    publisher = teleop.publish(CMD_VEL)
    setup.until(publisher.get_subscription_count, tick=False)
    message = stamped(setup)
    message.twist.linear.x = 0.4
    walked = []

    def both():
        message.header.stamp.sec += 1
        publisher.publish(message)
        allow()
        walked.append(setup.node.host.controller.walking)

    begin = setup.node.now()
    setup.until(lambda: setup.node.now() > begin + 1.0, act=both)
    assert not any(walked)
    one = setup.node.writers[CMD_VEL.name]
    setup.until(lambda: one.refused > 10, act=both)
    assert one.alarm == "also teleop writes what is safety's"
    [report] = setup.node.diagnostics().status
    assert report.level == DiagnosticStatus.ERROR
    assert "teleop" in report.message
    teleop.destroy_node()
    setup.until(lambda: one.check() == "")
    assert setup.node.diagnostics().status[0].level == DiagnosticStatus.OK


def permit(setup):
    """Publishes the zero velocity that is safety's permit for the arms."""
    publisher = setup.client.publish(CMD_VEL)
    setup.until(publisher.get_subscription_count, tick=False)
    return lambda: publisher.publish(stamped(setup))


GOAL = np.array([-0.3, -0.4, 0.0, 0.9, 0.0, 0.0, 0.0])
REST = np.array([0.2, -0.2, 0.0, 0.6, 0.0, 0.0, 0.0])


def arm_error(setup, goal):
    return np.abs(setup.node.host.state.joint_position[facts.ARM_INDEX["right"]] - goal).max()


def refused(setup):
    return setup.node.status()["commands_refused"]


def test_a_wrong_trajectory_is_counted_and_a_right_one_moves_the_arm(setup):
    publisher = setup.client.publish(ARM_TRAJECTORY["right"])
    setup.until(publisher.get_subscription_count, tick=False)
    for value in (math.nan, 99.0):
        before = refused(setup)
        publisher.publish(trajectory(np.full(7, value)))
        setup.until(lambda b=before: refused(setup) != b)
    publisher.publish(trajectory(GOAL))
    setup.until(lambda: arm_error(setup, GOAL) < 0.001, act=permit(setup))


def test_an_arm_holds_without_a_permit_and_goes_on_with_it(setup):
    allow, publisher = permit(setup), setup.client.publish(ARM_TRAJECTORY["right"])
    publisher.publish(trajectory(REST, 20))
    setup.until(lambda: arm_error(setup, GOAL) > 0.15, seconds=60.0, act=allow)
    where, arm = np.zeros(7), facts.ARM_INDEX["right"]
    while arm_error(setup, where) > 1e-4:  # what was sent last may still be under way
        where, begin = setup.node.host.state.joint_position[arm].copy(), setup.node.now()
        setup.until(lambda b=begin: setup.node.now() > b + 1.0)
    assert arm_error(setup, REST) > 0.1
    setup.until(lambda: arm_error(setup, REST) < 0.1, seconds=60.0, act=allow)


def test_a_stop_ends_an_arms_motion_and_the_emergency_stop_refuses_new_ones(setup):
    allow, publisher = permit(setup), setup.client.publish(ARM_TRAJECTORY["right"])
    safety = setup.client.publish(SAFETY_STATE)
    setup.until(safety.get_subscription_count, tick=False)

    def say(level, epoch):
        state = SafetyState(level=level, reasons=[], stop_epoch=epoch, stop_stamp=setup.node.now())
        setup.client.send(SAFETY_STATE, state)

    publisher.publish(trajectory(GOAL))
    setup.until(lambda: arm_error(setup, REST) > 0.15, act=allow)
    say("estop", 1)
    begin = setup.node.now()
    setup.until(lambda: setup.node.now() > begin + 1.0, act=allow)
    where = setup.node.host.state.joint_position[facts.ARM_INDEX["right"]].copy()
    before = refused(setup)
    publisher.publish(trajectory(GOAL))
    setup.until(lambda: refused(setup) != before, act=allow)
    begin = setup.node.now()
    setup.until(lambda: setup.node.now() > begin + 2.0, act=allow)
    assert arm_error(setup, where) < 0.02
    say("ok", 1)  # released: nothing begins by itself
    begin = setup.node.now()
    setup.until(lambda: setup.node.now() > begin + 1.0, act=allow)
    assert arm_error(setup, where) < 0.02
    publisher.publish(trajectory(GOAL, stamp=setup.node.now()))
    setup.until(lambda: arm_error(setup, GOAL) < 0.1, act=allow)


def test_after_a_stop_and_a_clock_that_was_set_back_an_arm_moves_again(setup):
    allow, publisher = permit(setup), setup.client.publish(ARM_TRAJECTORY["right"])
    safety = setup.client.publish(SAFETY_STATE)
    setup.until(safety.get_subscription_count, tick=False)
    setup.until(publisher.get_subscription_count, tick=False)
    now = setup.node.now()
    for stop_stamp in (now + 600.0, now):  # safety has seen that the stop lies ahead
        before = refused(setup)
        state = SafetyState(level="ok", reasons=[], stop_epoch=2, stop_stamp=stop_stamp)
        setup.client.send(SAFETY_STATE, state)
        setup.until(lambda at=stop_stamp: setup.node.host._stop_stamp == at, act=allow)
        publisher.publish(trajectory(GOAL, stamp=setup.node.now()))
        if stop_stamp > now:
            setup.until(lambda b=before: refused(setup) != b, act=allow)
    setup.until(lambda: arm_error(setup, GOAL) < 0.1, act=allow)


def trajectory(positions, seconds=1, stamp=0.0):
    message = JointTrajectory(joint_names=list(facts.ARM_JOINTS["right"]))
    message.header.stamp = to_stamp(stamp)
    point = JointTrajectoryPoint(positions=positions.tolist())
    point.time_from_start.sec = seconds
    message.points = [point]
    return message


def test_a_reset_puts_everything_back_and_time_goes_on(setup):
    client = setup.client.create_client(Trigger, RESET_SERVICE)
    setup.until(client.service_is_ready, tick=False)
    before = setup.node.now()
    answer = client.call_async(Trigger.Request())
    setup.until(answer.done)
    assert answer.result().success
    assert setup.node.now() > before
    assert setup.node.host.state.time < 1.0


def test_a_reset_forgets_what_was_commanded_and_what_touched_before(setup):
    setup.node.tick()
    goal = facts.DEFAULT_POSE[facts.ARM_INDEX["right"]] + 0.1
    setup.node.host._store("arm", "right", trajectory(goal, stamp=setup.node.now()))
    setup.node.truth._contacts.add([Contact("g1::hand::collision", "vase::link::collision", 50.0)])
    assert setup.node._on_reset(Trigger.Request(), Trigger.Response()).success
    sent = []
    send, setup.node.send = setup.node.send, lambda topic, record: sent.append((topic, record))
    try:
        for _ in range(4):
            setup.node.tick()
    finally:
        setup.node.send = send
    assert setup.node.host.controller.arm["right"].share == 0.0
    assert [record.pairs for topic, record in sent if topic is CONTACTS] == [[], []]


def test_a_choice_that_does_not_exist_names_the_ones_that_do(setup, ros_domain):
    for words, text in (
        (["sensors:=maybe"], "auto, native, software"),
        (["engine:=magic"], "mujoco, gazebo, kinematic"),
        (["engine:=kinematic", "odometry:=legs"], "does not stand on them; mujoco and gazebo have legs"),
    ):
        context = rclpy.Context()
        arguments = ["--ros-args", *(word for setting in words for word in ("-p", setting))]
        rclpy.init(args=arguments, context=context, domain_id=ros_domain)
        default, rclpy.utilities.g_default_context = rclpy.utilities.g_default_context, context
        try:
            with pytest.raises(InputError, match=text):
                SimulatorNode()
        finally:
            rclpy.utilities.g_default_context = default
            rclpy.shutdown(context=context)


@pytest.fixture
def camera(setup):
    node = setup.node
    return CameraPublisher(node, node.simulator, node.host, 10.0, threaded=False)


def test_images_are_sent_from_buffers_that_are_used_again(setup, camera):
    frame = setup.node.simulator.render(setup.node.simulator.snapshot())
    setup.listen(COLOR)
    for _ in range(20):
        camera.publish(frame)
    assert camera.buffers.made == 2  # colour and depth, whatever was sent
    setup.until(lambda: COLOR.name in setup.last, act=lambda: camera.publish(frame))
    seen = setup.last[COLOR.name]
    np.testing.assert_array_equal(np.frombuffer(seen.data, np.uint8).reshape(frame.color.shape), frame.color)


def test_a_node_empties_its_caches_when_memory_is_short_and_says_what_it_freed(setup, camera, monkeypatch):
    from vla_sim.common import caches

    camera.publish(setup.node.simulator.render(setup.node.simulator.snapshot()))
    monkeypatch.setattr(caches, "usage", lambda limit=0.0: (85.0, "85 % of the machine's memory is used"))
    setup.until(lambda: setup.node.freed, tick=False)
    assert camera.buffers.cleanup_unused_tensors() == 0
    assert setup.node.freed.startswith("85 % of the machine's memory is used: freed ")
    assert "image buffers: " in setup.node.freed
