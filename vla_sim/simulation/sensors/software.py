"""Lidar and depth camera by ray casting: the same on every simulator, and without GL.

sensors = SoftwareSensors(sdf.load_world(path), "g1")
frame = sensors.scan(poses, time, rng)      # poses (m, 4, 4) of sensors.scene.links
image = sensors.render(sensors.snapshot(poses, time, seed))
"""

import math
import time as clock
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.errors import EngineError
from vla_sim.common.geometry import Array
from vla_sim.robot import facts
from vla_sim.robot.body import SENSOR_FROM_OPTICAL, CameraFrame, LidarFrame
from vla_sim.simulation.sensors import kernels, lidar
from vla_sim.simulation.sensors.depth_camera import DepthCamera
from vla_sim.simulation.sensors.scene import Scene
from vla_sim.world.sdf import elements

OPTICAL = SENSOR_FROM_OPTICAL[:3, :3]
VIEW_FIELD = math.radians(45.0)
"""Vertical field of free views."""


@dataclass(frozen=True)
class PoseSnapshot:
    """poses: (m, 4, 4) of `Scene.links` in the world at `time` [s]; mono: when they were taken."""

    time: float
    mono: float
    seed: int
    poses: Array


class SoftwareSensors:
    """Sensors of model `robot_name` in a world. `scan` belongs to one thread, `render` and `view` to one
    other. noise: False turns it off."""

    def __init__(self, world: elements.World, robot_name: str, noise: bool = True) -> None:
        self.scene = scene = Scene(world, robot_name)
        model = world.model(robot_name)
        index = {name: i for i, name in enumerate(scene.links)}
        self._base = index[f"{robot_name}::{facts.BASE_LINK}"]
        self._camera = next((s for s in model.sensors() if s.camera), None)
        self._lidar = next((s for s in model.sensors() if s.lidar), None)
        self._mount = {
            s.name: (index[f"{robot_name}::{s.link}"], s.pose)
            for s in (self._camera, self._lidar)
            if s is not None
        }
        self._name = robot_name
        self._noise = noise
        if self._lidar is not None and self._lidar.lidar is not None:
            self._around = scene.view(~scene.own)  # a lidar does not look for its own robot
            self._rays = lidar.directions(self._lidar.lidar)
        if self._camera is not None and self._camera.camera is not None:
            self.camera = DepthCamera(self._camera.camera, noise)
        self._seen = scene.view()
        self._compile()

    def scan(self, poses: Array, time: float, rng: np.random.Generator) -> LidarFrame:
        """One turn of the lidar. Raises `EngineError` if the robot has none."""
        if self._lidar is None or self._lidar.lidar is None:
            raise EngineError(f"model {self._name!r} has no lidar; add a gpu_lidar 'head_lidar'")
        link, mount = self._mount[self._lidar.name]
        at = poses[link] @ mount
        most = self._lidar.lidar.range_max
        distance = self._around.cast(poses, at[:3, 3], self._rays, most, at[:3, :3])
        return self.lidar_frame(poses, time, distance, rng)

    def lidar_frame(self, poses: Array, time: float, distance: Array, rng: np.random.Generator) -> LidarFrame:
        """What the lidar measures, of true distances (rows * columns,) from any source."""
        assert self._lidar is not None
        assert self._lidar.lidar is not None
        link, mount = self._mount[self._lidar.name]
        at = poses[link] @ mount
        base = poses[self._base]
        poses_of = base[:3, :3], base[:3, 3], at[:3, :3], at[:3, 3]
        return lidar.frame(self._lidar.lidar, distance, rng, time, *poses_of, self._noise)

    def snapshot(self, poses: Array, time: float, seed: int) -> PoseSnapshot:
        return PoseSnapshot(time, clock.monotonic(), seed, poses.copy())

    def render(self, snapshot: PoseSnapshot, shrink: int = 1) -> CameraFrame:
        """The head camera's frame, in `shrink` times fewer rows and columns. Raises `EngineError` if the
        robot has no camera."""
        if self._camera is None or self._camera.camera is None:
            raise EngineError(f"model {self._name!r} has no camera; add an rgbd_camera 'head_camera'")
        optics = self._camera.camera
        link, mount = self._mount[self._camera.name]
        at = snapshot.poses[link] @ mount
        size = optics.width // shrink, optics.height // shrink
        focal = 0.5 * size[0] / math.tan(optics.horizontal_fov / 2)
        near, far = min(optics.near, optics.depth_near), max(optics.far, optics.depth_far)
        color, depth = self._shoot(snapshot.poses, at[:3, 3], at[:3, :3] @ OPTICAL, focal, size, near, far)
        return self.camera.frame(color, depth, snapshot.time, snapshot.mono, snapshot.seed)

    def view(
        self, snapshot: PoseSnapshot, eye: Array, target: Array, size: tuple[int, int]
    ) -> NDArray[np.uint8]:
        """A picture (height, width, 3) from `eye` towards `target` [m]; size: (width, height)."""
        forward = np.asarray(target, dtype=float) - np.asarray(eye, dtype=float)
        forward /= np.linalg.norm(forward) or 1.0
        right = np.cross(forward, (0.0, 0.0, 1.0))
        if np.linalg.norm(right) < 1e-6:
            right = np.array([0.0, -1.0, 0.0])
        right /= np.linalg.norm(right)
        rotation = np.column_stack([right, np.cross(forward, right), forward])
        focal = 0.5 * size[1] / math.tan(VIEW_FIELD / 2)
        return self._shoot(snapshot.poses, np.asarray(eye, dtype=float), rotation, focal, size, 0.05, 100.0)[
            0
        ]

    def _shoot(
        self, poses: Array, origin: Array, rotation: Array, focal: float, size: tuple[int, int],
        near: float, far: float,
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:  # fmt: skip
        width, height = size
        color, depth = np.empty((height, width, 3), np.uint8), np.empty((height, width), np.float32)
        scene, view = self.scene, self._seen
        origin = np.ascontiguousarray(origin)  # one signature of the kernels, which is compiled at the start
        view.prepare(poses, origin)
        kernels.shoot(
            origin, np.ascontiguousarray(rotation), focal, near, far, scene.ambient, scene.background,
            scene.lights, view.shapes.colour, color, depth, *view.arguments,
        )  # fmt: skip
        return color, depth

    def _compile(self) -> None:
        """Compile or load the kernels, which would hold up the first frame."""
        poses = self.scene.rest
        if self._lidar is not None:
            self.scan(poses, 0.0, np.random.default_rng(0))
        self._shoot(poses, np.array([0.0, 0.0, 1.0]), OPTICAL, 4.0, (8, 6), 0.05, 10.0)
