import threading
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy")

from vla_sim.contract import records
from vla_sim.contract.codec import decode, encode
from vla_sim.contract.limits import LOAD_LEVELS
from vla_sim.simulation.sensor_publishers import CameraPublisher, CameraThread, ContactCollector, ground_truth
from vla_sim.simulation.simulator import Contact, Truth
from vla_sim.stages.control.body_host import BodyHost


def test_while_a_picture_is_drawn_only_the_newest_snapshot_waits():
    drawing, go_on, seen, done = threading.Event(), threading.Event(), [], threading.Event()

    def render(snapshot):
        drawing.set()
        assert go_on.wait(10.0)
        return snapshot

    def deliver(frame):
        seen.append(frame)
        if frame == 4:
            done.set()

    camera = CameraThread(render, deliver)
    camera.offer(1)
    assert drawing.wait(10.0)
    for snapshot in (2, 3, 4):
        camera.offer(snapshot)
    go_on.set()
    assert done.wait(10.0)
    camera.close()
    assert seen == [1, 4]
    assert camera.frames == 2


def test_a_renderer_that_fails_ends_the_thread_and_says_why():
    def render(snapshot):
        raise RuntimeError("no GL")

    camera = CameraThread(render, lambda frame: None)
    camera.offer(1)
    camera.wait_for_frame(10.0)
    assert str(camera.error) == "no GL"
    camera.offer(2)
    camera.close()


@pytest.mark.parametrize(("level", "walking", "standing"), [
    (0, 10, 10), (1, 10, 5), (2, 5, 5), (4, 5, 5),
])  # fmt: skip
def test_load_takes_images_first_from_a_robot_that_stands(level, walking, standing):
    host = SimpleNamespace(controller=SimpleNamespace(walking=False), ticks=0)
    host.due = lambda period, offset=0: BodyHost.due(host, period, offset)
    listener = SimpleNamespace(get_subscription_count=lambda: 1)
    node = SimpleNamespace(
        load=LOAD_LEVELS[level], publish=lambda topic: listener, caches=SimpleNamespace(register=lambda *_: 0)
    )
    taken = []
    simulator = SimpleNamespace(snapshot=lambda: taken.append(host.ticks))
    camera = CameraPublisher(node, simulator, host, 10.0, threaded=False)
    camera._render = camera.publish = lambda _: None
    for walks, rate in ((True, walking), (False, standing)):
        host.controller.walking = walks
        taken.clear()
        for _ in range(100):  # 2 s
            host.ticks += 1
            camera.tick()
        assert len(taken) == 2 * rate


def test_closing_twice_is_fine():
    camera = CameraThread(lambda s: s, lambda f: None)
    camera.close()
    camera.close()
    assert camera.error is None


def test_no_touch_between_two_publications_is_missed_and_the_hardest_counts():
    collector = ContactCollector()
    collector.add([Contact("wall::l::c", "g1::hand::c", 3.0)])
    collector.add([])
    collector.add([Contact("g1::hand::c", "wall::l::c", 9.0), Contact("a", "b", 1.0)])
    pairs = collector.take(2.0).pairs
    assert [(p.a, p.b, p.force) for p in pairs] == [("a", "b", 1.0), ("g1::hand::c", "wall::l::c", 9.0)]
    assert collector.take(3.0).pairs == []


def test_the_truth_survives_its_journey_as_json():
    pose = np.array([1.0, 2.0, 0.77, 1.0, 0.0, 0.0, 0.0])
    truth = Truth(1.0, pose, {"red_cup": pose}, False, 0.4, {"left_tool": np.array([0.1, 0.2, 0.3])},
                  {"person": pose})  # fmt: skip
    record = ground_truth(truth, np.zeros(33), 1.5, 0.98)
    again = decode(records.GroundTruth, encode(record))
    assert again == record
    assert again.robot == tuple(pose)
    assert again.movers["person"] == tuple(pose)
    assert again.tools["left_tool"] == (0.1, 0.2, 0.3)
