"""What the simulated robot sees and does, as messages: scan, point cloud, images; and the simulator's truth,
for checks, reports and pictures alone."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import rclpy

from vla_sim.common.buffers import TensorPool
from vla_sim.common.errors import EngineError
from vla_sim.common.geometry import Array
from vla_sim.contract import topics
from vla_sim.contract.records import ContactPair, Contacts, GroundTruth, Point, Pose7
from vla_sim.robot import facts, level_scan
from vla_sim.robot.body import CameraFrame
from vla_sim.robot.kinematics import Kinematics
from vla_sim.ros import conversions
from vla_sim.ros.messages import to_stamp
from vla_sim.ros.stage_node import StageNode
from vla_sim.simulation.simulator import Contact, Simulator, Truth
from vla_sim.stages.control.body_host import BodyHost

FIRST_FRAME = 60.0
"""[s] of the machine's clock for the first image, for which shaders are compiled."""
TRUTH_PERIOD = 0.04
"""Seconds; the contract asks for 20 Hz, this is the whole number of ticks next to it."""


class ScanPublisher:
    """/scan, and /points while someone listens."""

    def __init__(
        self, node: StageNode[Any], simulator: Simulator, host: BodyHost, kinematics: Kinematics, rate: float
    ) -> None:
        self._node, self._simulator, self._host = node, simulator, host
        self._kinematics = kinematics
        self._period = 1.0 / rate
        self._scan, self._points = node.publish(topics.SCAN), node.publish(topics.POINTS)

    def tick(self, stamp: Any) -> None:
        if not self._host.due(self._period):
            return
        points = level_scan.points_in_pelvis(self._simulator.scan())
        state, hand = self._host.state, self._host.controller.hand
        q = state.joint_position
        holding = [side for side in facts.SIDES if hand[side].holding(q[facts.FINGER_INDEX[side]])]
        ranges = level_scan.ranges(points, state.orientation, q, self._kinematics, holding)
        self._scan.publish(conversions.laser_scan(ranges, stamp, self._period))
        if self._points.get_subscription_count():
            self._points.publish(conversions.point_cloud(points, stamp))


class CameraThread:
    """Snapshots come in with `offer`; one that was not drawn when the next comes is dropped.

    render: draws a snapshot. deliver: gets each frame, in this thread. After an exception in either the
    thread ends and `error` says why.
    """

    def __init__(self, render: Callable[[Any], CameraFrame], deliver: Callable[[CameraFrame], None]) -> None:
        self.error: BaseException | None = None
        self.frames = 0
        self._render = render
        self._deliver = deliver
        self._ready = threading.Condition()
        self._snapshot: Any = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        self._thread.start()

    def offer(self, snapshot: Any) -> None:
        with self._ready:
            self._snapshot = snapshot
            self._ready.notify()

    def wait_for_frame(self, seconds: float) -> None:
        """Until the first frame has been delivered or drawing has failed, at most `seconds`."""
        with self._ready:
            self._ready.wait_for(lambda: self.frames or self.error, seconds)

    def close(self) -> None:
        """End the thread after the frame it is drawing. Idempotent."""
        with self._ready:
            self._closed = True
            self._ready.notify()
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        try:
            while True:
                with self._ready:
                    self._ready.wait_for(lambda: self._closed or self._snapshot is not None)
                    if self._closed:
                        return
                    snapshot, self._snapshot = self._snapshot, None
                frame = self._render(snapshot)
                if self._closed:
                    return
                self._deliver(frame)
                with self._ready:
                    self.frames += 1
                    self._ready.notify_all()
        except BaseException as error:
            with self._ready:
                self.error = error
                self._ready.notify_all()


class CameraPublisher:
    """Colour, depth and camera info, while someone listens, at `rate` [Hz] or what the load allows.

    threaded: rendered in a thread of its own, beside the control loop; else at once.
    """

    def __init__(
        self, node: StageNode[Any], simulator: Simulator, host: BodyHost, rate: float, *, threaded: bool
    ) -> None:
        self._node, self._simulator, self._host = node, simulator, host
        self._rate = rate
        self._restarted = time.monotonic()
        self._topics = [node.publish(t) for t in (topics.COLOR, topics.DEPTH, topics.CAMERA_INFO)]
        self.buffers = TensorPool()
        node.caches.register("image buffers", self._free_buffers)
        self._thread: CameraThread | None = None
        if threaded:
            self._thread = CameraThread(self._render, self.publish)
            self._thread.offer(simulator.snapshot())  # compiles shaders and kernels before the run
            self._thread.wait_for_frame(FIRST_FRAME)
            self.check()

    @property
    def frames(self) -> int:
        """How many were rendered beside the control loop."""
        return self._thread.frames if self._thread else 0

    def check(self) -> None:
        """Raises `EngineError` if the camera's thread has ended."""
        if self._thread is not None and self._thread.error is not None:
            error = self._thread.error
            raise EngineError(f"the camera cannot render: {error or type(error).__name__}") from error

    def tick(self) -> None:
        load = self._node.load
        allowed = load.perception_rate if self._host.controller.walking else load.standing_rate
        if not self._host.due(1.0 / min(self._rate, allowed), 1):
            return
        if not any(publisher.get_subscription_count() for publisher in self._topics):
            return
        snapshot = self._simulator.snapshot()
        if self._thread is not None:
            self._thread.offer(snapshot)
        else:
            self.publish(self._render(snapshot))

    def restart(self) -> None:
        """A new run begins: images of the old one are not sent any more."""
        self._restarted = time.monotonic()

    def close(self) -> None:
        if self._thread is not None:
            self._thread.close()

    def _render(self, snapshot: Any) -> CameraFrame:
        return self._simulator.render(snapshot, self._node.load.camera_shrink)

    def publish(self, frame: CameraFrame) -> None:
        """Send a frame; called from the camera's thread, where there is one."""
        if not rclpy.ok() or frame.capture_mono < self._restarted:
            return
        stamp = to_stamp(self._host.at(frame.time))
        messages = conversions.camera_messages(frame, stamp, self.buffers)
        for publisher, message in zip(self._topics, messages, strict=True):
            publisher.publish(message)

    def _free_buffers(self) -> str:
        freed = self.buffers.cleanup_unused_tensors()
        return f"{1e-6 * freed:.1f} MB" if freed else ""


class TruthPublisher:
    """/sim/ground_truth and /sim/contacts."""

    def __init__(self, node: StageNode[Any], simulator: Simulator, host: BodyHost) -> None:
        self._node, self._simulator, self._host = node, simulator, host
        self._contacts = ContactCollector()
        node.publish(topics.GROUND_TRUTH)
        node.publish(topics.CONTACTS)

    def restart(self) -> None:
        """A new run begins: what touched in the old one is not said any more."""
        self._contacts = ContactCollector()

    def tick(self, real_time_factor: float) -> None:
        self._contacts.add(self._simulator.contacts())
        if self._host.due(TRUTH_PERIOD, 2):
            now, joints = self._host.unjumped(), self._host.state.joint_position
            record = ground_truth(self._simulator.truth(), joints, now, real_time_factor)
            self._node.send(topics.GROUND_TRUTH, record)
            self._node.send(topics.CONTACTS, self._contacts.take(now))


def ground_truth(truth: Truth, joints: Array, stamp: float, real_time_factor: float) -> GroundTruth:
    return GroundTruth(
        stamp=stamp, robot=_pose(truth.robot), fallen=bool(truth.fallen), clearance=float(truth.clearance),
        objects={name: _pose(pose) for name, pose in truth.objects.items()},
        tools={name: _point(position) for name, position in truth.tools.items()},
        real_time_factor=real_time_factor, joints=[round(float(q), 4) for q in joints],
        movers={name: _pose(pose) for name, pose in truth.movers.items()},
    )  # fmt: skip


class ContactCollector:
    """The strongest force of every pair that touched since the last `take`."""

    def __init__(self) -> None:
        self._force: dict[tuple[str, str], float] = {}

    def add(self, contacts: Iterable[Contact]) -> None:
        for one in contacts:
            pair = (one.a, one.b) if one.a <= one.b else (one.b, one.a)
            self._force[pair] = max(self._force.get(pair, 0.0), float(one.force))

    def take(self, stamp: float) -> Contacts:
        pairs = [ContactPair(a=a, b=b, force=force) for (a, b), force in sorted(self._force.items())]
        self._force = {}
        return Contacts(stamp=stamp, pairs=pairs)


def _pose(pose: Array) -> Pose7:
    x, y, z, qw, qx, qy, qz = (float(v) for v in pose)
    return (x, y, z, qw, qx, qy, qz)


def _point(position: Array) -> Point:
    x, y, z = (float(v) for v in position[:3])
    return (x, y, z)
