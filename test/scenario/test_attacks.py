"""What a stranger, a broken sensor or a silent node can do to a stack, and what the robot does.

Two kinds of time: the robot's own motion is waited for in simulated seconds, silence and answers in the
machine's.
"""

import json
import math

import pytest
from attack import Attack
from geometry_msgs.msg import TwistStamped
from nav_msgs.msg import Odometry
from sensor_msgs.msg import LaserScan
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from vla_sim.contract import topics
from vla_sim.contract.records import ManipulationRequest
from vla_sim.robot import facts
from vla_sim.ros.messages import to_stamp

pytestmark = [pytest.mark.scenario, pytest.mark.variant, pytest.mark.ros, pytest.mark.alone]

HELD = 0.05
"""[rad] An arm that holds moves less."""
STANDS = 0.10
"""[m] A robot that stands moves less."""
UP = [-0.6, -0.4, 0.0, 1.1, 0.0, 0.0, 0.0]
DOWN = [0.2, -0.2, 0.0, 0.6, 0.0, 0.0, 0.0]


@pytest.fixture
def attack(tmp_path):
    with Attack(tmp_path) as attack:
        yield attack
        unharmed(attack)


def unharmed(attack):
    assert attack.dead() == []
    assert not any("Traceback" in line for line in attack.log)


@pytest.fixture
def arm(tmp_path):
    """A stack whose manipulation is a stranger's, and its publisher of trajectories of the right arm."""
    with Attack(tmp_path, without="manipulation") as attack, attack.stranger("manipulation") as (node, _):
        yield attack, attack.publisher(topics.ARM_WISH["right"], node)
        unharmed(attack)


def trajectory(attack, positions, seconds, velocities=()):
    message = JointTrajectory(joint_names=list(facts.ARM_JOINTS["right"]))
    message.header.frame_id = "base_link"
    message.header.stamp = to_stamp(attack.client.recording.stamp)
    for k, row in enumerate(positions, start=1):
        point = JointTrajectoryPoint(positions=row, velocities=list(velocities))
        point.time_from_start.sec = int(seconds * k)
        message.points.append(point)
    return message


def test_a_stop_is_one_whatever_its_id(attack):
    attack.type("a1", "go to the kitchen")
    attack.sleep(3.0)
    attack.type("stop", "stop")
    attack.expect("a1", "cancelled")
    attack.type("a2", "go to the kitchen")
    attack.sleep(3.0)
    attack.type("stop", "stop")
    attack.expect("a2", "cancelled")
    attack.type("waits", "wait 1 second")
    attack.sleep(1.0)
    assert attack.moved(3.0) < STANDS
    attack.type("estop", "stop")
    attack.sleep(1.0)
    attack.type("turns", "turn left 45 degrees")
    attack.expect("turns", "succeeded", seconds=60.0)


STOP = {"command_id": "x", "text": "stop", "sent_mono": 0.0, "priority": "stop"}
MALFORMED = {
    "a field more": STOP | {"source": "remote control"},
    "an empty id": STOP | {"command_id": ""},
    "an id of 65": STOP | {"command_id": "x" * 65},
    "4001 characters": STOP | {"text": "stop " + "x" * 3996},
    "no clock": {k: v for k, v in STOP.items() if k != "sent_mono"},
    "priority STOP": STOP | {"priority": "STOP"},
    "plain word": "stop",
}


def test_what_might_be_a_stop_is_one(attack):
    for n, (name, what) in enumerate(MALFORMED.items()):
        attack.type(f"go{n}", f"move {('forward', 'backward')[n % 2]} 3 meters")
        attack.sleep(2.0)
        attack.raw(topics.COMMAND, what if isinstance(what, str) else json.dumps(what))
        attack.sleep(1.0)
        assert attack.moved(1.5) < STANDS, name
        attack.expect(f"go{n}", "cancelled")


def test_an_endless_number_is_asked_back(attack):
    attack.type("go", "go to the kitchen")
    attack.sleep(2.0)
    attack.type("far", "turn left " + "9" * 350 + " degrees")
    attack.expect("far", "asked", "rejected")


def test_an_arm_holds_under_the_emergency_stop_and_takes_nothing_new(arm):
    attack, trajectories = arm
    trajectories.publish(trajectory(attack, [UP], 5.0))
    assert attack.arm_moved(1.5) > HELD
    attack.estop()
    attack.sleep(0.4)
    assert attack.arm_moved(3.5) < HELD
    trajectories.publish(trajectory(attack, [DOWN], 2.0))
    assert attack.arm_moved(3.0) < HELD


@pytest.mark.parametrize("frozen", ["", "executive", "manipulation"])
def test_a_stop_stops_an_arm_whoever_is_frozen(attack, frozen):
    attack.send(topics.MANIPULATION_REQUEST, ManipulationRequest(goal_id="home", action="home"))
    attack.sleep(5.0)
    if frozen == "executive":
        attack.fault("freeze", frozen)
    ready = ManipulationRequest(goal_id="ready", action="ready", arm="right")
    attack.send(topics.MANIPULATION_REQUEST, ready)
    assert attack.wait(lambda: attack.arm_moved(0.1) > 0.02, 10.0), attack.log
    if frozen == "manipulation":
        attack.fault("freeze", frozen)
    attack.type("stop", "stop")
    attack.sleep(0.6)
    assert attack.arm_moved(3.0) < HELD


def test_safetys_silence_is_a_stop_and_nothing_old_is_done_when_it_is_back(attack):
    attack.type("job", "wait 60 seconds")
    attack.sleep(2.0)
    attack.fault("freeze", "safety")
    attack.expect("job", "cancelled", "failed")
    attack.type("stop", "stop")
    attack.type("left", "turn left 45 degrees")
    attack.expect("stop", "succeeded")
    attack.expect("left", "failed")
    attack.faults.end("all")
    attack.sleep(1.0)
    assert attack.moved(3.0) < STANDS
    assert not any(one.startswith("running") for one in attack.statuses("left"))


def test_odometry_that_is_no_number_ends_at_most_one_walk(attack):
    attack.type("go", "go to the kitchen")
    attack.sleep(3.0)
    attack.fault("nan", "odometry", seconds=0.5)
    attack.sleep(3.0)
    assert attack.moved(3.0) > STANDS or not attack.running("go"), attack.statuses("go")
    attack.type("stop", "stop")
    attack.expect("go", "cancelled", "failed")
    attack.type("turn", "turn left 90 degrees")
    attack.expect("turn", "succeeded", seconds=60.0)


def test_odometry_of_a_stranger_is_not_believed(attack):
    odometry = attack.publisher(topics.ODOM)
    attack.type("go", "go to the kitchen")
    attack.sleep(3.0)
    for _ in range(3):
        message = Odometry()
        message.header.frame_id, message.child_frame_id = "odom", "base_link"
        message.header.stamp = to_stamp(attack.client.recording.stamp + 0.05)
        q, at = message.pose.pose.orientation, message.pose.pose.position
        q.w = q.x = q.y = q.z = at.x = at.y = math.nan
        odometry.publish(message)
        attack.sleep(0.1)
    attack.sleep(3.0)
    assert attack.moved(3.0) > STANDS or not attack.running("go"), attack.statuses("go")


def test_velocities_far_beyond_the_joints_are_refused_and_the_loop_goes_on(arm):
    attack, trajectories = arm
    for velocity in (1e6, 1e200):
        trajectories.publish(trajectory(attack, [UP, UP], 1.0, [velocity] * 7))
        assert attack.arm_moved(3.0) < HELD
    trajectories.publish(trajectory(attack, [UP], 3.0))
    assert attack.arm_moved(4.0) > HELD


def test_the_gate_stops_for_a_lidar_that_sees_nothing(attack):
    forward = TwistStamped()
    forward.header.frame_id, forward.twist.linear.x = "base_link", 0.4
    go, scans = attack.publisher(topics.CMD_VEL_NAV), attack.publisher(topics.SCAN)
    attack.fault("silent", "lidar")
    attack.sleep(1.0)
    for name, ranges, step in (
        ("one beam of 360", [math.inf] + [math.nan] * 359, math.pi / 180.0),
        ("no angles", [0.2] * 360, math.nan),
    ):
        scan = LaserScan(
            angle_min=-math.pi, angle_max=math.pi, angle_increment=step, range_min=0.1, range_max=40.0
        )
        scan.header.frame_id, scan.ranges = "base_link", ranges
        at = attack.truth.robot[:2]
        attack.stream(3.0, lambda: go.publish(forward), lambda scan=scan: scans.publish(scan))
        assert math.dist(at, attack.truth.robot[:2]) < STANDS, name
    assert attack.clearance() > 0.1


@pytest.mark.parametrize("dead", ["navigation", "language", "executive", "safety"])
def test_a_node_that_dies_under_way_costs_one_command(attack, dead):
    attack.type("go", "go to the kitchen")
    attack.sleep(2.0)
    attack.fault("kill", dead)
    attack.expect("go", "cancelled", "failed", "succeeded", seconds=60.0)
    attack.sleep(2.0)
    assert attack.wait(lambda: attack.dead() == [], 60.0)
    attack.sleep(3.0)
    attack.type("turn", "turn left 45 degrees")
    attack.expect("turn", "succeeded", seconds=60.0)


def test_what_the_hand_holds_is_known_after_manipulation_has_died(tmp_path):
    with Attack(tmp_path, world="tabletop") as attack:
        attack.type("pick", "pick up the red cup")
        attack.expect("pick", "succeeded", seconds=240.0)
        attack.fault("kill", "manipulation")
        attack.sleep(2.0)
        assert attack.wait(lambda: attack.dead() == [], 60.0)
        attack.sleep(3.0)
        attack.type("place", "put it on the table")
        attack.expect("place", "succeeded", seconds=240.0)
        assert not any("[ERROR]" in line for line in attack.log), attack.log
        unharmed(attack)
