"""Perception as a ROS node: images in, objects and a depth scan out."""

import time
from collections import deque
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from vla_sim.common import clock
from vla_sim.common.asking import PATIENCE, Asking
from vla_sim.common.errors import InputError
from vla_sim.common.files import user_path
from vla_sim.common.geometry import transform
from vla_sim.contract import topics
from vla_sim.contract.records import Intent, ObjectList, ObjectName
from vla_sim.robot import facts
from vla_sim.robot.extrinsics import calibrated
from vla_sim.ros import conversions
from vla_sim.ros.kept_state import KeptState
from vla_sim.ros.messages import to_seconds, to_stamp
from vla_sim.ros.spin import spin
from vla_sim.ros.stage_node import StageNode
from vla_sim.stages.perception import depth_scan
from vla_sim.stages.perception.camera import WIDEST, Intrinsics, color_image, depth_image, intrinsics
from vla_sim.stages.perception.detector import ColourDetector, Detector, own_detector
from vla_sim.stages.perception.detector_server import DetectorServer
from vla_sim.stages.perception.naming import Naming
from vla_sim.stages.perception.onnx_detector import OnnxDetector
from vla_sim.stages.perception.pairing import ImagePairs, ImageRate
from vla_sim.stages.perception.params import PerceptionParams
from vla_sim.stages.perception.pipeline import Frame, Perception, StampedHistory, unique_objects
from vla_sim.stages.perception.pose_estimator import ObjectModels
from vla_sim.stages.perception.standing_things import StandingThings
from vla_sim.world.semantic_map import World


class Memory(msgspec.Struct, frozen=True):
    """What outlives a restart: the number of the newest track, since others know things by theirs."""

    last_track: int


_memory = msgspec.json.Decoder(Memory)
STANDS = np.array([0.1, 0.1, 0.15])
"""[m/s], [rad/s] under which the robot does not walk: forward, sideways, turning."""


class PerceptionNode(StageNode[PerceptionParams]):
    """Parameters: `PerceptionParams`.

    Subscribes a colour and a depth image, paired by stamp, and the camera's info (which topics: by
    parameter), /odom, /joint_states, /localization/map_to_odom, /vla/intent, /perception/object_name,
    /monitor/load.
    Publishes /perception/objects, /perception/depth_scan, /perception/low_obstacles, /perception/near_points
    (all at `rate` at most), trace "perception"
    (arrival of the first image after an intent to its objects published), metric "detection" (the same of
    every image).
    Images are processed in a worker thread; one that arrives meanwhile replaces the one that waits.
    """

    def __init__(self) -> None:
        super().__init__("perception", PerceptionParams)
        world = World.load(self.params.world)
        models = ObjectModels.of(world.objects) if world.objects else ObjectModels.household()
        kinematics = calibrated(self.params.extrinsics)
        things = StandingThings(world.objects)
        self.asker = self.execution.pool("detector") if self.params.detector_url else None
        self.core = Perception(
            _detector(self.params, models),
            kinematics,
            unique_objects(world),
            things,
            self._naming(world.words),
        )
        self.core.warm()
        self.kept = KeptState("perception", _memory, self.get_logger().warning)
        if (before := self.kept.load()) is not None:
            self.core.tracker.last_id = before.last_track
        self.odom: StampedHistory[np.ndarray] = StampedHistory()
        self.joints: StampedHistory[np.ndarray] = StampedHistory()
        self.velocity = np.zeros(3)
        self.map_odom = np.eye(4)
        self.cameras: dict[tuple[int, int], Intrinsics] = {}
        self.unknown_size: tuple[int, int] | None = None
        self.pairs = ImagePairs(self.params.pairing)
        self.image_rate = ImageRate()
        self.unanswered: deque[str] = deque(maxlen=16)
        self.latencies: deque[float] = deque(maxlen=200)
        self.skipped: dict[str, int] = {}
        self.objects = self.publish(topics.OBJECTS)
        self.scan = self.publish(topics.DEPTH_SCAN)
        self.low = self.publish(topics.LOW_OBSTACLES)
        self.near = self.publish(topics.NEAR_POINTS)
        self.worker = self.execution.worker("perception", self._look, capacity=1, newest=True)
        self.listen(topics.MAP_TO_ODOM, self.on_map_to_odom)
        self.listen(topics.ODOM, self.on_odom)
        self.listen(topics.JOINT_STATES, self.on_joints)
        self.listen(replace(topics.CAMERA_INFO, name=self.params.camera_info), self.on_camera_info)
        self.listen(replace(topics.COLOR, name=self.params.color), self.on_color)
        self.listen(replace(topics.DEPTH, name=self.params.depth), self.on_depth)
        self.listen(topics.INTENT, self.on_intent)
        self.listen(topics.OBJECT_NAME, self.on_object_name)
        self.follow_load()
        self.caches.register("images that wait for their partner", self._forget_images)

    def _naming(self, names: tuple[str, ...]) -> Naming | None:
        """names: that no model of the world has. Raises `InputError`."""
        p = self.params
        if not p.detector_url:
            return None
        if not names:
            raise InputError(
                f"detector_url: the world {p.world} has no words to ask a detector for; write "
                "things: [stapler] into its side file"
            )
        patience = PATIENCE if self.execution.deterministic else p.detector_timeout
        asking = Asking(DetectorServer(p.detector_url, patience), self.asker, p.detector_timeout)
        return Naming(asking, names, p.score_threshold, self.get_logger().warning)

    def on_map_to_odom(self, message: Any) -> None:
        if self._is_good("map to odom", conversions.finite(message.transform)):
            self.map_odom = _pose(message.transform)

    def on_odom(self, message: Any) -> None:
        if self._is_good("odometry", conversions.finite(message.pose.pose)):
            self.odom.add(to_seconds(message.header.stamp), _pose(message.pose.pose))
            self.velocity = np.array(conversions.velocity(message.twist))

    def on_joints(self, message: Any) -> None:
        position = facts.DEFAULT_POSE.copy()
        for name, value in zip(message.name, message.position, strict=False):
            index = facts.INDEX.get(name)
            if index is not None:
                position[index] = value
        if self._is_good("joint states", bool(np.isfinite(position).all())):
            self.joints.add(to_seconds(message.header.stamp), position)

    def _is_good(self, what: str, finite: bool) -> bool:
        if not finite:
            self._skip(f"{what} without a number")
        return finite

    def on_camera_info(self, message: Any) -> None:
        try:
            camera = intrinsics(message)
            self.cameras[camera.width, camera.height] = camera
        except InputError as error:
            self._skip(str(error))

    def on_intent(self, intent: Intent) -> None:
        self.unanswered.append(intent.command_id)

    def on_object_name(self, given: ObjectName) -> None:
        if not self.core.given_names.give(given.track_id, given.name):
            self._skip(f"the name {given.name!r} for object {given.track_id}, which is not there")

    def on_color(self, message: Any) -> None:
        self._look_at(self.pairs.color(to_seconds(message.header.stamp), (message, clock.mono())))

    def on_depth(self, message: Any) -> None:
        self._look_at(self.pairs.depth(to_seconds(message.header.stamp), message))

    def _forget_images(self) -> str:
        count = len(self.pairs)
        self.pairs.clear()
        return f"{count} images" if count else ""

    def _look_at(self, pair: tuple[float, Any, Any] | None) -> None:
        """Hand a pair of images to the worker."""
        for _ in range(self.pairs.lost):
            self._skip(f"an image whose partner did not come within {1e3 * self.params.pairing:g} ms of it")
        self.pairs.lost = 0
        if pair is None:
            return
        stamp, (color, arrived), depth = pair
        if not self.image_rate.takes(stamp, min(self.params.rate, self._allowed())):
            return
        try:
            camera = self._camera_of(depth)
            if camera is None:
                return
            frame = self._frame(stamp, color, depth, camera)
        except InputError as error:
            self._skip(str(error))
            return
        self.worker.put((frame, arrived))

    def _allowed(self) -> float:
        """Most images a second at the present load."""
        stands = bool((np.abs(self.velocity) < STANDS).all())
        return self.load.standing_rate if stands else self.load.perception_rate

    def _camera_of(self, image: Any) -> Intrinsics | None:
        """The intrinsics of an image's size; None at the first image of a size that is not known yet: its
        resolution has just changed, and the camera info is under way. Raises `InputError` at the next."""
        size = (image.width, image.height)
        camera = self.cameras.get(size)
        repeated, self.unknown_size = self.unknown_size == size, None if camera else size
        if camera is None and (repeated or not self.cameras):
            raise InputError(
                f"no camera info for images of {size[0]} x {size[1]}; "
                "the camera's driver must publish one of that size"
            )
        return camera

    def _frame(self, stamp: float, color: Any, depth: Any, camera: Intrinsics) -> Frame:
        odom, joints = self.odom.nearest(stamp), self.joints.nearest(stamp)
        if odom is None or joints is None:
            missing = "odometry" if odom is None else "joint states"
            raise InputError(f"no {missing} within 0.1 s of the image")
        if color.header.frame_id != depth.header.frame_id:
            raise InputError(
                f"the depth image is in frame {depth.header.frame_id!r}, the colour image in "
                f"{color.header.frame_id!r}; it must be the depth that is aligned to colour"
            )
        rgb, metres = color_image(color), depth_image(depth)
        by = -(-camera.width // WIDEST)
        if by > 1 and rgb.shape[:2] == metres.shape:  # else they do not fit, which is said of all of them
            rgb = np.ascontiguousarray(rgb[::by, ::by])
            metres = np.ascontiguousarray(metres[::by, ::by])
            camera = camera.shrunk(by)
        return Frame(stamp, rgb, metres, camera, self.map_odom, odom, joints)

    def _skip(self, why: str) -> None:
        self.skipped[why] = self.skipped.get(why, 0) + 1
        if len(self.skipped) > 50:
            self.skipped.pop(next(iter(self.skipped)))
        self.get_logger().warning(f"skipped: {why}", throttle_duration_sec=1.0)

    def _look(self, item: tuple[Frame, float]) -> None:
        """A frame and when its image arrived."""
        try:
            self._process(*item)
        except InputError as error:
            self._skip(str(error))

    def _process(self, frame: Frame, arrived: float) -> None:
        commands = len(self.unanswered)  # those that come later wait for an image of their own
        started = time.perf_counter()
        percept = self.core.process(frame)
        clock.charge("perception", time.perf_counter() - started)
        self.kept.save(Memory(self.core.tracker.last_id))
        self.send(
            topics.OBJECTS, ObjectList(stamp=frame.stamp, objects=percept.objects, capture_mono=arrived)
        )
        scan = conversions.laser_scan(
            percept.ranges[0], to_stamp(frame.stamp), 1.0 / self.params.rate, at_arms=percept.ranges[1],
            angle_min=-depth_scan.HALF_ANGLE, angle_step=depth_scan.INCREMENT,
            range_min=depth_scan.RANGE_MIN, range_max=depth_scan.RANGE_MAX,
        )  # fmt: skip
        self.scan.publish(scan)
        self.low.publish(conversions.point_cloud(percept.low, to_stamp(frame.stamp), "odom"))
        self.near.publish(conversions.point_cloud(percept.near, to_stamp(frame.stamp)))
        for _ in range(commands):
            self.trace(self.unanswered.popleft(), "perception", arrived, f"{len(percept.objects)} objects")
        latency = clock.mono() - arrived
        self.latencies.append(latency)
        self.record_metric("detection", 1e3 * latency, "ms")

    def status(self) -> dict[str, str]:
        values = {f"skipped: {why}": str(count) for why, count in list(self.skipped.items())}
        if self.latencies:
            ms = np.array(self.latencies) * 1e3
            values["latency ms median"] = f"{np.median(ms):.1f}"
            values["latency ms p95"] = f"{np.quantile(ms, 0.95):.1f}"
        values["tracks"] = str(len(self.core.tracker.tracks))
        return values

    def close(self) -> None:
        self.worker.close()
        if self.asker is not None:
            self.asker.shutdown(wait=False, cancel_futures=True)
        if self.core.naming is not None:
            self.core.naming.close()


def _detector(params: PerceptionParams, models: ObjectModels) -> Detector:
    """Raises `InputError`, `MissingError`."""
    if params.detector:
        return own_detector(params.detector, models)
    if params.detector_model:
        return OnnxDetector(user_path(params.detector_model), models, params.score_threshold)
    return ColourDetector(models)


def _pose(message: Any) -> np.ndarray:
    """(4, 4) of a Pose or Transform whose quaternion is of about unit length."""
    position, quaternion = conversions.pose_parts(message)
    q = np.array(quaternion)
    return transform(position, q / float(np.linalg.norm(q)))


def main() -> int:
    return spin(PerceptionNode)


if __name__ == "__main__":
    raise SystemExit(main())
