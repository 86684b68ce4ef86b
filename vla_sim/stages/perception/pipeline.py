"""Perception without ROS: images and the robot's own state in, tracked objects and a depth scan out."""

from bisect import bisect_left
from collections import Counter, deque
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array
from vla_sim.contract.records import DetectedObject
from vla_sim.contract.vocabulary import THING
from vla_sim.robot import facts
from vla_sim.robot.body import SENSOR_FROM_OPTICAL
from vla_sim.robot.extrinsics import CAMERA
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.perception.camera import Intrinsics, check_images
from vla_sim.stages.perception.depth_scan import depth_scan, level_from, moved_capsules, own_capsules
from vla_sim.stages.perception.detector import Detector
from vla_sim.stages.perception.given_names import GivenNames
from vla_sim.stages.perception.low_obstacles import LowObstacles
from vla_sim.stages.perception.naming import Naming
from vla_sim.stages.perception.near_points import NearPoints
from vla_sim.stages.perception.pose_estimator import Detection
from vla_sim.stages.perception.standing_things import StandingThings
from vla_sim.stages.perception.tracker import Tracker, View
from vla_sim.world.semantic_map import World

T = TypeVar("T")


class StampedHistory(Generic[T]):
    """The last samples of something, found by stamp [s]: the robot sways as it walks, so an image is placed
    with the pose of its own instant. A stamp that jumps back clears it."""

    def __init__(self) -> None:
        self._items: deque[tuple[float, T]] = deque(maxlen=100)

    def add(self, stamp: float, value: T) -> None:
        if self._items and stamp < self._items[-1][0]:
            self._items.clear()
        self._items.append((stamp, value))

    def nearest(self, stamp: float, within: float = 0.1) -> T | None:
        """The sample nearest in time, None if none is within `within` seconds."""
        items = list(self._items)
        i = bisect_left(items, stamp, key=lambda item: item[0])
        around = items[max(0, i - 1) : i + 1]
        if not around:
            return None
        best = min(around, key=lambda item: abs(item[0] - stamp))
        return best[1] if abs(best[0] - stamp) <= within else None


@dataclass(frozen=True)
class Frame:
    """One image pair with the robot's state at its instant.

    rgb (h, w, 3) uint8, depth (h, w) float32 [m]. map_odom, odom_base: (4, 4). joint_position: (joints,) in
    `facts.JOINTS` order. stamp [s].
    """

    stamp: float
    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]
    camera: Intrinsics
    map_odom: Array
    odom_base: Array
    joint_position: Array


@dataclass(frozen=True)
class Percept:
    """objects: all confirmed tracks in `map`. detections: of this image alone. ranges: (2, beams) float32
    [m], see `depth_scan.depth_scan`. low: (k, 3) [m], see `LowObstacles`. near: (n, 3) [m] what stands within
    the arms' reach, in the pelvis frame."""

    objects: list[DetectedObject]
    detections: list[Detection]
    ranges: NDArray[np.float32]
    low: Array
    near: Array


class Perception:
    """Detector, tracker and depth scan over one robot."""

    def __init__(
        self, detector: Detector, kinematics: Kinematics, unique: frozenset[tuple[str, str]] = frozenset(),
        things: StandingThings | None = None, naming: Naming | None = None,
    ) -> None:  # fmt: skip
        """things: finds what the detector does not know, naming: says what that is called; None: nothing
        does."""
        self.detector = detector
        self.things, self.naming = things, naming
        self.kinematics = kinematics
        self.tracker = Tracker(unique)
        self.given_names = GivenNames()
        self._low = LowObstacles()
        self._near = NearPoints()

    def process(self, frame: Frame) -> Percept:
        """One image pair. Raises `InputError` for images that do not fit the camera."""
        check_images(frame.rgb, frame.depth, frame.camera)
        optical = self.kinematics.frame(CAMERA, frame.joint_position) @ SENSOR_FROM_OPTICAL
        pose = frame.map_odom @ frame.odom_base @ optical
        own = own_capsules(self.kinematics, frame.joint_position)
        detections = self.detector.detect(frame.rgb, frame.depth, frame.camera, pose)
        if self.things is not None:
            limbs = moved_capsules(own, frame.map_odom @ frame.odom_base)
            detections += self.things.detect(frame.rgb, frame.depth, frame.camera, pose, limbs, detections)
        self.tracker.update(detections, View(frame.camera, pose, frame.depth), frame.stamp)
        if self.naming is not None:
            self.naming.look(frame.rgb, self.tracker.tracks, frame.stamp)
        level = level_from(frame.odom_base)
        seen = frame.depth, frame.camera, level @ optical, moved_capsules(own, level)
        ranges = depth_scan(*seen)
        low = self._low(frame.stamp, *seen, frame.odom_base, frame.map_odom)
        near = self._near(frame.depth, frame.camera, optical, own)
        objects = self.given_names.named(self.tracker.objects())
        return Percept(objects, detections, ranges, low, near)

    def warm(self) -> None:
        """Compile every kernel now, so that the first image does not wait for it."""
        self.detector.warm()
        camera = Intrinsics.from_field_of_view(1.2, 64, 48)
        self.process(
            Frame(
                0.0, np.zeros((48, 64, 3), np.uint8), np.ones((48, 64), np.float32), camera, np.eye(4),
                np.eye(4), facts.DEFAULT_POSE.copy(),
            )
        )  # fmt: skip
        self.tracker.clear()
        self._low = LowObstacles()


def unique_objects(world: World) -> frozenset[tuple[str, str]]:
    """The (kind, colour) of which a world has exactly one."""
    counts = Counter((one.kind, one.colour) for one in world.objects if one.kind != THING)
    return frozenset(pair for pair, count in counts.items() if count == 1)
