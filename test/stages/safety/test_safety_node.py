"""The safety node's callbacks, without its timer: what leaves it at once."""

import math

import pytest

rclpy = pytest.importorskip("rclpy", reason="rclpy is not installed")
pytestmark = pytest.mark.ros
import numpy as np  # noqa: E402
from nav_msgs.msg import Odometry  # noqa: E402
from rclpy.serialization import serialize_message  # noqa: E402

from vla_sim.contract import topics  # noqa: E402
from vla_sim.contract.codec import decode  # noqa: E402
from vla_sim.contract.records import Refusal  # noqa: E402
from vla_sim.robot import facts  # noqa: E402
from vla_sim.ros import conversions  # noqa: E402
from vla_sim.ros.messages import to_stamp  # noqa: E402
from vla_sim.stages.manipulation.trajectory import READY  # noqa: E402
from vla_sim.stages.safety.supervisor import SCAN_AGE  # noqa: E402


@pytest.fixture
def node(ros_domain):
    from vla_sim.stages.safety.node import SafetyNode

    rclpy.init(domain_id=ros_domain)
    made = SafetyNode()
    made.sent = []
    made.twist.publish = lambda message: made.sent.append(message.twist.linear.x)
    for name in ("on_odom", "on_scan", "on_depth_scan"):
        setattr(made, name, of_now(made, getattr(made, name)))
    yield made
    made.close()
    made.destroy_node()
    rclpy.try_shutdown()


def of_now(node, callback):
    from vla_sim.ros.messages import to_stamp

    def call(message):
        message.header.stamp = to_stamp(node.now())
        callback(message)

    return call


def scan(ahead):
    from sensor_msgs.msg import LaserScan

    ranges = [math.inf] * 178 + [ahead] * 5 + [math.inf] * 177
    return LaserScan(angle_min=-math.pi, angle_increment=math.radians(1.0), ranges=ranges)


def awake(node):
    """It knows where it is, a little farther on each time, and that the way is free."""
    message = Odometry()
    message.pose.pose.position.x = node.x = getattr(node, "x", 0.0) + 0.001
    node.on_odom(message)
    node.on_depth_scan(scan(3.0))
    node.on_scan(scan(3.0))


def walk(node, speed=0.5):
    from geometry_msgs.msg import TwistStamped

    message = TwistStamped()
    message.twist.linear.x = speed
    node.on_velocity(message)


def test_a_change_of_velocity_does_not_wait_for_the_timer(node):
    awake(node)
    walk(node)
    walk(node)
    assert node.sent == [0.5]  # the timer says it again
    walk(node, 0.4)
    assert node.sent == [0.5, 0.4]


def test_a_scan_that_stops_the_robot_does_so_at_once_and_once(node):
    awake(node)
    walk(node)
    assert node.sent == [0.5]  # the first step does not wait either
    node.on_scan(scan(3.0))
    assert node.sent == [0.5]  # nothing new: the timer says it again
    node.on_scan(scan(0.3))
    assert node.sent == [0.5, 0.0]
    assert node.core.state().level == "stopped"
    node.on_scan(scan(0.3))
    assert node.sent == [0.5, 0.0]
    node.on_scan(scan(3.0))
    assert node.sent == [0.5, 0.0]  # to walk on waits for the timer
    node.tick()
    assert node.sent == [0.5, 0.0, 0.5]


def plan(command_id, *steps):
    from vla_sim.contract.records import Plan

    return Plan(command_id=command_id, text="", steps=list(steps), planner="rules")


def test_the_first_velocity_after_a_verdict_ends_the_trace_of_control(node):
    """Whatever body obeys it, also one whose node knows nothing of commands."""
    from vla_sim.contract.records import Step

    traces = []
    node.trace = lambda command_id, stage, begin_mono, detail="": traces.append((command_id, stage))
    awake(node)
    node.on_plan(plan("c1", Step(skill="move", distance=1.0)))
    assert traces == [("c1", "safety")]
    node.tick()
    assert traces == [("c1", "safety")]
    walk(node)
    walk(node)
    assert traces == [("c1", "safety"), ("c1", "control")]


def test_so_does_the_first_trajectory(node):
    from vla_sim.contract.records import ObjectQuery, Step

    traces = []
    node.trace = lambda command_id, stage, begin_mono, detail="": traces.append((command_id, stage))
    cup = ObjectQuery(kind="cup", colour="red")
    node.on_plan(plan("c1", Step(skill="pick", object=cup)))
    passed(node)
    wish(node)
    assert traces == [("c1", "safety"), ("c1", "control")]


def test_each_scan_that_lowers_the_velocity_is_a_measured_reaction(node):
    measured = []
    node.record_metric = lambda type, value, unit: measured.append((type, value, unit))
    awake(node)
    walk(node)
    node.on_scan(scan(3.0))
    node.tick()
    assert measured == []  # nothing new in the way
    node.on_scan(scan(0.6))  # slows
    assert measured == []
    node.tick()
    assert 0.0 < node.sent[-1] < 0.5
    node.on_scan(scan(0.3))  # stops, at once
    node.on_scan(scan(0.3))
    node.tick()
    node.on_scan(scan(3.0))
    node.tick()
    assert node.sent[-1] == 0.5
    assert [(type, unit) for type, _, unit in measured] == [("reaction", "ms")] * 2
    assert all(0.0 < value < 1000.0 for _, value, _ in measured)


def passed(node):
    """What leaves for the arms from now on: trajectories, and refusals."""
    found = []
    for topic in (topics.ARM_TRAJECTORY["right"], topics.GRIPPER_TRAJECTORY["right"]):
        node.published[topic.name].publish = found.append
    node.published[topics.REFUSAL.name].publish = lambda m: found.append(decode(Refusal, m.data))
    node.on_joints(joint_states(node))
    see(node)
    return found


def joint_states(node, age=0.0):
    from sensor_msgs.msg import JointState

    message = JointState(name=list(reversed(facts.JOINTS)), position=facts.DEFAULT_POSE[::-1].tolist())
    message.header.stamp = to_stamp(node.now() - age)
    return message


def see(node, age=0.0):
    """A cloud of the lidar, that is so old [s] when it comes."""
    cloud = conversions.point_cloud(np.array([[3.0, 0.0, 0.0]]), to_stamp(node.now() - age))
    node.on_cloud("lidar", node.arms.on_points, SCAN_AGE, cloud)


def wish(node, seconds=2.0, part="arm", positions=None, age=0.0):
    names = list(facts.ARM_JOINTS["right"]) if part == "arm" else ["right_gripper"]
    positions = READY["right"] if positions is None else positions
    message = conversions.joint_trajectory(
        names, np.array([seconds]), np.array([positions]), node.now() - age, "base_link"
    )
    data = serialize_message(message)
    node.on_wish("right", part, data)
    return data


def test_a_trajectory_passes_as_it_is(node):
    found = passed(node)
    arm = wish(node)
    gripper = wish(node, part="gripper", positions=[0.08])
    assert found == [arm, gripper]


def test_a_trajectory_that_may_not_pass_is_answered_with_the_reason(node):
    found = passed(node)
    for seconds, positions in ((0.2, None), (2.0, READY["right"] + 9.0), (2.0, READY["right"] * np.nan)):
        wish(node, seconds, positions=positions)
    wish(node, part="gripper", positions=[0.5])
    assert [(one.arm, one.part) for one in found] == [("right", "arm")] * 3 + [("right", "gripper")]
    assert "rad/s" in found[0].reason
    assert node.status()["trajectories refused"] == "4"


@pytest.mark.parametrize(
    ("joints", "cloud", "reason"),
    [(0.3, 0.0, "I do not feel where my arms are"), (0.0, 0.6, "my lidar sees nothing")],
)
def test_what_was_felt_or_seen_long_before_it_came_lets_no_arm_move(node, joints, cloud, reason):
    found = []
    node.published[topics.ARM_TRAJECTORY["right"].name].publish = found.append
    node.published[topics.REFUSAL.name].publish = lambda m: found.append(decode(Refusal, m.data).reason)
    for _ in range(3):
        node.on_joints(joint_states(node, joints))
        see(node, cloud)
    wish(node)
    assert found == [reason]


def test_an_arm_that_pushes_against_something_is_made_to_hold_and_that_is_said(node, monkeypatch):
    from vla_sim.stages.safety import arm_gate

    monkeypatch.setattr(arm_gate, "FORCE_TIME", 0.0)
    found = passed(node)
    wish(node)
    pushing = joint_states(node)
    effort = np.zeros(len(facts.JOINTS))
    effort[facts.ARM_INDEX["right"]] = 20.0
    pushing.effort = effort[::-1].tolist()
    node.on_joints(pushing)
    _, held, refusal = found
    assert held.joint_names == list(facts.ARM_JOINTS["right"])
    assert not held.points  # so that no measured position, which may be wrong, is where it goes
    assert (refusal.arm, refusal.part) == ("right", "arm")
    assert "pushes against something" in refusal.reason
    node.on_joints(pushing)  # it is at rest now
    assert len(found) == 3


def test_an_arm_whose_joints_jump_holds_and_goes_nowhere_until_they_are_back(node):
    def feel(stamp, off):
        message = joint_states(node)
        message.header.stamp = to_stamp(now + stamp)
        message.position = [one + off for one in message.position]
        message.velocity = [0.0] * len(facts.JOINTS)
        node.on_joints(message)

    found, now = passed(node), node.now()
    feel(0.01, 0.0)
    wish(node)
    feel(0.03, 0.2)
    _, held, refusal = found
    assert not held.points
    assert "jump" in refusal.reason
    wish(node)
    assert "feel" in found[-1].reason
    feel(0.05, 0.0)
    passing = wish(node)
    assert found[-1] == passing


def test_after_a_stop_what_is_of_before_passes_no_more_and_under_an_emergency_stop_nothing(node):
    from std_srvs.srv import SetBool

    found = passed(node)
    node.stop()
    wish(node, age=0.5)
    passing = wish(node)
    node.on_estop(SetBool.Request(data=True), SetBool.Response())
    wish(node)
    node.on_estop(SetBool.Request(data=False), SetBool.Response())
    again = wish(node)
    assert found[0].reason == "stop was said after that"
    assert found[1] is passing
    assert "emergency stop" in found[2].reason
    assert found[3] is again


def test_the_stamps_of_permits_grow_where_the_clock_stands_or_goes_back(node):
    stamps = []
    node.twist.publish = lambda m: stamps.append((m.header.stamp.sec, m.header.stamp.nanosec))
    time = node.now()
    for now in (time, time, time - 5.0, time + 0.02):
        node.now = lambda now=now: now
        node.tick()
    assert stamps == sorted(set(stamps))


def sent_states(node):
    from vla_sim.contract import topics
    from vla_sim.contract.codec import decode
    from vla_sim.contract.records import SafetyState

    found = []
    node.published[topics.SAFETY_STATE.name].publish = lambda m: found.append(decode(SafetyState, m.data))
    return found


@pytest.mark.parametrize("payload", [
    '{"command_id": "x", "text": "stop", "sent_mono": 0.0, "source": "remote control"}',
    '{"command_id": "", "text": "stop", "sent_mono": 0.0}',
    '{"command_id": "x", "text": "STOP ' + "x" * 4000 + '", "sent_mono": 0.0}',
    '{"command_id": "x", "text": "stop"}',
    '{"command_id": "x", "text": "go", "sent_mono": 0.0, "priority": "STOP"}',
    "stop",
])  # fmt: skip
def test_what_may_be_a_stop_is_one(node, payload):
    states, before = sent_states(node), node.core.epoch
    node.on_malformed(payload)
    assert states[-1].stop_epoch == before + 1
    assert states[-1].level == "stopped"


def test_what_is_malformed_otherwise_stops_nothing(node):
    states = sent_states(node)
    node.on_malformed('{"command_id": "x", "text": "go to the kitchen"}')
    assert states == []


def test_every_stop_counts_whatever_its_id(node):
    from vla_sim.contract.records import Command

    states, before = sent_states(node), node.core.epoch
    for command_id in ("a", "a", "estop", "stop"):
        node.on_command(Command(command_id=command_id, text="stop", sent_mono=0.0))
    assert [s.stop_epoch - before for s in states] == [1, 2, 3, 4]


def test_what_follows_a_stop_in_the_same_breath_is_not_void(node):
    from vla_sim.contract.records import Command, Plan, Step

    node.on_command(Command(command_id="before", text="turn around", sent_mono=0.0))
    node.on_command(Command(command_id="stop", text="stop and turn around", sent_mono=0.0))
    plans = {
        name: Plan(command_id=name, text="", steps=[Step(skill="turn", angle=3.0)], planner="rules")
        for name in ("before", "stop")
    }
    assert node.core.void(plans["before"])
    assert not node.core.void(plans["stop"])


def guarded(node, topic):
    """What the node calls for a message of a topic, as the executor does."""
    return next(s.callback for s in node.subscriptions if s.topic_name == topic.name)


def walking(node, monkeypatch, now):
    monkeypatch.setattr("vla_sim.common.clock.mono", lambda: now[0])
    awake(node)
    walk(node)
    assert node.sent == [0.5]


def test_no_permit_is_given_after_a_callback_failed(node, monkeypatch):
    """Not even a zero velocity, which would let an arm go on."""
    from vla_sim.contract import topics
    from vla_sim.stages.safety.node import FAILURE_HOLD

    now = [100.0]
    walking(node, monkeypatch, now)
    states = sent_states(node)
    monkeypatch.setattr(node.checker, "check", lambda plan: {}["missing"])
    from std_msgs.msg import String

    from vla_sim.contract.codec import encode
    from vla_sim.contract.records import Step

    message = String(data=encode(plan("c1", Step(skill="move", distance=1.0))))
    guarded(node, topics.PLAN)(message)
    for _ in range(20):
        node.on_timer()
    assert node.sent == [0.5]
    assert states[-1].level == "stopped"
    assert "a callback of safety failed" in states[-1].reasons
    now[0] += FAILURE_HOLD + 0.01
    awake(node)
    walk(node)
    node.tick()
    assert node.sent[-1] == 0.5


def test_while_callbacks_fail_again_and_again_there_is_no_permit(node, monkeypatch):
    from vla_sim.contract import topics
    from vla_sim.ros.failures import REPEATED, WINDOW

    now = [100.0]
    walking(node, monkeypatch, now)
    for _ in range(REPEATED):
        guarded(node, topics.ODOM)("no odometry at all")
        now[0] += 0.5
    now[0] += 0.6 * WINDOW
    node.tick()
    assert node.sent == [0.5]
    assert node.diagnostics().status[0].level == b"\x02"
    assert "fails repeatedly" in node.diagnostics().status[0].message


@pytest.mark.parametrize("topic", ["COMMAND", "TRANSCRIPT", "STOP"])
def test_what_fails_where_a_stop_may_have_been_is_one(node, monkeypatch, topic):
    from vla_sim.contract import topics

    monkeypatch.setattr("vla_sim.stages.safety.node.is_stop", lambda text: {}["missing"])
    before = node.core.epoch
    guarded(node, getattr(topics, topic))(None)
    assert node.core.epoch == before + 1
    assert node.core.halted


@pytest.mark.parametrize("wanted", [True, False])
def test_cores_stay_awake_while_it_lives(wanted, ros_domain, tmp_path, monkeypatch):
    from vla_sim.common import process_priority
    from vla_sim.stages.safety.node import SafetyNode

    latency = tmp_path / "cpu_dma_latency"
    latency.touch()
    monkeypatch.setattr(process_priority, "AWAKE", latency)
    rclpy.init(args=["--ros-args", "-p", f"keep_cores_awake:={wanted}"], domain_id=ros_domain)
    try:
        made = SafetyNode()
        try:
            assert (made.awake is not None and not made.awake.closed) == wanted
            assert latency.read_bytes() == (bytes(4) if wanted else b"")
        finally:
            made.close()
            made.destroy_node()
        assert made.awake is None or made.awake.closed
    finally:
        rclpy.try_shutdown()


def test_a_restart_is_a_stop_later_than_any_before_and_keeps_the_emergency_stop(
    ros_domain, tmp_path, monkeypatch
):
    from vla_sim.ros.kept_state import FOLDER
    from vla_sim.stages.safety.node import SafetyNode

    monkeypatch.setenv(FOLDER, str(tmp_path))
    rclpy.init(domain_id=ros_domain)
    try:
        epochs = []
        for latched in (False, True, True):
            made = SafetyNode()
            assert made.core.estop == (len(epochs) > 1)
            states = sent_states(made)
            made.core.on_estop(latched, 1.0) if latched else made.stop()
            made.remember()
            made.tick()
            epochs += [made.core.epoch]
            made.close()
            made.destroy_node()
        assert epochs == sorted(set(epochs))
        assert states == []
        last = SafetyNode()
        last.tick()
        assert last.core.state().level == "estop"
        assert last.core.halted
        last.close()
        last.destroy_node()
    finally:
        rclpy.try_shutdown()


def test_odometry_and_scans_that_are_no_numbers_are_not_fresh(node):
    bad = Odometry()
    bad.pose.pose.position.x = math.nan
    node.on_odom(bad)
    assert node.core.odom.taken == -math.inf
    blind = scan(3.0)
    blind.ranges = [3.0] * 179 + [math.nan] * 181
    node.on_scan(blind)
    skewed = scan(3.0)
    skewed.angle_increment = math.nan
    node.on_scan(skewed)
    assert node.core.scan.taken == -math.inf
