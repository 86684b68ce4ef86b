"""What faults do to messages at a door."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy")

from nav_msgs.msg import Odometry
from rclpy.node import NodeNameNonExistentError
from sensor_msgs.msg import Image, LaserScan
from std_msgs.msg import String

from vla_sim.common import clock
from vla_sim.contract.records import Fault
from vla_sim.ros.fault_doors import Doors, corrupted


class Clock:
    now = 0.0

    def mono(self):
        return self.now


@pytest.fixture
def time():
    own = Clock()
    clock.use(own)
    yield own
    clock.use(None)


class Hall:
    """A node's doors, and what came through the one of /scan."""

    def __init__(self, name="safety"):
        self.got, self.timers, self.sent = [], [], {"navigation": ["/scan", "/unheard"]}
        self.doors = Doors(SimpleNamespace(
            get_name=lambda: name, get_namespace=lambda: "/",
            repeat=lambda _, call, steady: self.timers.append(call),
            get_publisher_names_and_types_by_node=self.publishers,
        ))  # fmt: skip
        self.door = self.doors.open("/scan", self.got.append)

    def publishers(self, node, namespace):
        if node not in self.sent:
            raise NodeNameNonExistentError
        return [(topic, []) for topic in self.sent[node]]

    def fault(self, kind, target="/scan", **values):
        self.doors.follow([Fault(fault_id="f", kind=kind, target=target, **values)])

    def pass_on(self, count):
        self.got.clear()
        for k in range(count):
            self.door(k)
        return list(self.got)


def test_without_a_fault_a_door_is_its_callback():
    hall = Hall()
    assert hall.pass_on(3) == [0, 1, 2]
    hall.fault("drop")
    assert hall.pass_on(3) == []
    hall.doors.follow([])
    assert hall.door.through is hall.door.callback


def test_each_kind_does_to_messages_what_it_says(time):
    hall = Hall()
    hall.fault("duplicate")
    assert hall.pass_on(2) == [0, 0, 1, 1]
    hall.fault("reorder")
    hall.doors.follow([])
    hall.fault("reorder")
    assert hall.pass_on(4) == [1, 0, 3, 2]
    hall.doors.follow([])
    hall.fault("delay", amount=0.5)
    assert hall.pass_on(2) == []
    time.now = 0.4
    hall.timers[0]()
    assert hall.got == []
    time.now = 0.5
    hall.timers[0]()
    assert hall.got == [0, 1]
    assert len(hall.timers) == 1


def test_a_share_is_met_and_the_same_one_with_the_same_seed():
    hall = Hall()
    runs = []
    for seed in (1, 1, 2):
        hall.doors.follow([])
        hall.fault("drop", share=0.3, seed=seed)
        runs.append(hall.pass_on(1000))
    assert len(runs[0]) == pytest.approx(700, abs=60)
    assert runs[0] == runs[1] != runs[2]


def test_a_fault_at_another_node_or_topic_is_not_met():
    hall = Hall()
    for values in ({"at": "executive"}, {"target": "/odom"}):
        hall.fault("drop", **values)
        assert hall.pass_on(2) == [0, 1]
    hall.fault("drop", at="safety")
    assert hall.pass_on(2) == []


@pytest.mark.parametrize(("target", "at", "heard"), [
    ("navigation", "safety", 0), ("safety", "navigation", 0), ("safety", "ghost", 2),
    ("navigation", "voice", 2),
])  # fmt: skip
def test_a_partition_cuts_off_what_the_other_publishes(target, at, heard):
    hall = Hall()
    hall.fault("partition", target, at=at)
    assert len(hall.pass_on(2)) == heard


def test_a_fault_keeps_its_state_while_others_come_and_go():
    hall = Hall()
    first = Fault(fault_id="a", kind="reorder", target="/scan")
    hall.doors.follow([first])
    hall.door("one")
    hall.doors.follow([first, Fault(fault_id="b", kind="duplicate", target="/scan")])
    hall.door("two")
    assert hall.got == ["two", "one"] or hall.got == ["two", "two", "one"]


def test_corruption_changes_bytes_and_not_their_number():
    rng = np.random.default_rng(0)
    changed = [corrupted(bytes(100), rng) for _ in range(20)]
    assert all(isinstance(one, bytes) and len(one) == 100 for one in changed)
    assert sum(one != bytes(100) for one in changed) > 15


def test_corruption_changes_any_message_and_nothing_but_values():
    rng = np.random.default_rng(3)
    payload = json.dumps({"command_id": "a", "text": "go", "sent_mono": 1.5})
    seen = {corrupted(String(data=payload), rng).data for _ in range(50)}
    assert len(seen) > 20
    scans = [corrupted(LaserScan(ranges=[1.0] * 360, angle_increment=0.1), rng) for _ in range(50)]
    assert any(not np.array_equal(s.ranges, [1.0] * 360) for s in scans)
    assert any(s.angle_increment != pytest.approx(0.1) for s in scans)
    poses = [corrupted(Odometry(), rng) for _ in range(200)]
    assert len({str(p) for p in poses}) > 100
    image = Image(height=2, width=2, encoding="rgb8", step=6, data=bytes(12))
    assert len({str(corrupted(image, rng)) for _ in range(20)}) > 5
