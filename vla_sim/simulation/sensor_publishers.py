"""What the robot sees, as messages: the level scan, the point cloud, colour and depth images."""

import time
from typing import Any

import numpy as np
import rclpy

from vla_sim.common.buffers import BufferPool
from vla_sim.common.errors import EngineError
from vla_sim.contract import topics
from vla_sim.robot import g1, level_scan
from vla_sim.robot.body import CameraFrame
from vla_sim.robot.body_size import SOLE_BELOW_ANKLE
from vla_sim.robot.kinematics import Kinematics
from vla_sim.ros import conversions
from vla_sim.ros.messages import to_stamp
from vla_sim.ros.stage_node import StageNode
from vla_sim.simulation.camera_thread import CameraThread
from vla_sim.simulation.fault_injection import FaultInjection
from vla_sim.simulation.simulator import Simulator
from vla_sim.stages.control.body_host import BodyHost

FIRST_FRAME = 60.0
"""[s] of the machine's clock for the first image, for which shaders are compiled."""


class ScanPublisher:
    """/scan, and /points while someone listens and the load allows it."""

    def __init__(
        self, node: StageNode[Any], simulator: Simulator, host: BodyHost, faults: FaultInjection,
        kinematics: Kinematics, rate: float,
    ) -> None:  # fmt: skip
        self._node, self._simulator, self._host, self._faults = node, simulator, host, faults
        self._kinematics = kinematics
        self._period = 1.0 / rate
        self._scan, self._points = node.publish(topics.SCAN), node.publish(topics.POINTS)

    def tick(self, stamp: Any) -> None:
        if not self._host.due(self._period) or self._faults.of("lidar") == "silent":
            return
        points = level_scan.points_in_pelvis(self._simulator.scan())
        state, frame = self._host.state, self._kinematics.frame
        q = state.joint_position
        level = level_scan.level_rotation(state.orientation)
        soles = [(level @ frame(f"{side}_ankle_roll_link", q)[:3, 3])[2] for side in g1.SIDES]
        holding = [
            frame(g1.TOOL_FRAME[side], q)[:3, 3]
            for side in g1.SIDES
            if self._host.controller.hand[side].holding(q[g1.FINGER_INDEX[side]])
        ]
        ranges = level_scan.flatten(points, state.orientation, SOLE_BELOW_ANKLE - min(soles), holding)
        if self._faults.of("lidar") == "nan":
            ranges[:] = np.nan
        self._scan.publish(conversions.laser_scan(ranges, stamp, self._period))
        if self._node.load.background and self._points.get_subscription_count():
            self._points.publish(conversions.point_cloud(points, stamp))


class CameraPublisher:
    """Colour, depth and camera info, while someone listens, at `rate` [Hz] or what the load allows.

    threaded: rendered in a thread of its own, beside the control loop; else at once.
    """

    def __init__(
        self, node: StageNode[Any], simulator: Simulator, host: BodyHost, faults: FaultInjection,
        rate: float, *, threaded: bool,
    ) -> None:  # fmt: skip
        self._node, self._simulator, self._host, self._faults = node, simulator, host, faults
        self._rate = rate
        self._restarted = time.monotonic()
        self._topics = [node.publish(t) for t in (topics.COLOR, topics.DEPTH, topics.CAMERA_INFO)]
        self.buffers = BufferPool()
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
        period = 1.0 / min(self._rate, self._node.load.perception_rate)
        if not self._host.due(period, 1) or self._faults.of("camera") == "silent":
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
        if self._faults.of("camera") == "nan":
            frame.depth[:] = np.nan
        stamp = to_stamp(self._host.at(frame.time))
        messages = conversions.camera_messages(frame, stamp, self.buffers)
        for publisher, message in zip(self._topics, messages, strict=True):
            publisher.publish(message)

    def _free_buffers(self) -> str:
        freed = self.buffers.cleanup()
        return f"{1e-6 * freed:.1f} MB" if freed else ""
