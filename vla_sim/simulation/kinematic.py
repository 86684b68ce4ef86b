"""A simulator without physics: joints are where they are commanded, and the base glides.

For tests and for trying the stack where no simulator is installed: no GL, no network of the walking policy,
and it starts at once. It sees by ray casting. What differs from a simulator with physics:

- nothing falls over or pushes: contacts are empty, so that checks for falls and collisions always pass;
- velocities are obeyed exactly, odometry and sensors are free of drift and noise;
- the fingers hold what is between their pads when they close, at any weight; where they open, it stands
  upright on what is below its centre.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array, inverse, moved, pose7, quaternion_from_yaw, transform, wrap
from vla_sim.robot import facts
from vla_sim.robot.body import CONTROL_PERIOD, CameraFrame, JointCommand, LidarFrame, RobotState, checked
from vla_sim.robot.body_size import TRUNK_RADIUS
from vla_sim.robot.kinematics import Kinematics
from vla_sim.simulation.kinematic_grip import Grip
from vla_sim.simulation.movers import Movers
from vla_sim.simulation.sensors.scene import View
from vla_sim.simulation.sensors.software import PoseSnapshot, SoftwareSensors
from vla_sim.simulation.simulator import Contact, Randomisation, Simulator, Truth, known_object
from vla_sim.simulation.waypoint_motion import WaypointMotion
from vla_sim.world import world_file
from vla_sim.world.semantic_map import ROBOT, World

JOINT_COUNT = len(facts.JOINTS)
FAR = 3.0
AROUND = np.stack(
    [np.cos(np.linspace(-np.pi, np.pi, 72)), np.sin(np.linspace(-np.pi, np.pi, 72)), np.zeros(72)], axis=1
)
DOWN = np.array([0.0, 0.0, -1.0])
LEVEL = 0.005
"""[m] by which the support's height may differ under an object that is displaced at a reset."""
TRIES = 60


class KinematicSimulator(Simulator):
    """The base moves at the command's `base_velocity`, in place of legs that walk."""

    physics = False
    balanced = True

    def __init__(self, world: str | Path) -> None:
        self.world = World.load(str(world))
        tree = world_file.load(self.world.path)
        self.eyes = SoftwareSensors(tree, ROBOT, noise=False)
        scene = self.eyes.scene
        self._model_of = [name.partition("::")[0] for name in scene.links]
        self._start: dict[str, Array] = {}
        motions: dict[str, WaypointMotion] = {}
        for model in tree.models:
            if model.static or model.name == ROBOT:
                continue
            self._start[model.name] = model.pose
            if (motion := WaypointMotion.of(model)) is not None:
                motions[model.name] = motion
        self._mover_names = list(motions)
        starts = [(float(at[0, 3]), float(at[1, 3])) for at in (self._start[name] for name in motions)]
        self._movers = Movers(list(zip(motions.values(), starts, strict=True)), tree)
        self._views = {name: scene.view(self._links(name)) for name in self._loose()}
        self._around = {name: scene.view(~scene.own & ~self._links(name)) for name in self._loose()}
        self._obstacles = scene.view(~scene.own & ~self._links(*self._loose()))
        self._kinematics = Kinematics.load()
        self._kinematics.joint_frames(facts.DEFAULT_POSE)  # compiled now, not in the first scan
        self._low, self._high = (self._kinematics.of_joints(end) for end in ("lower", "upper"))
        self.reset()

    def _loose(self) -> list[str]:
        return sorted(self._start.keys() - set(self._mover_names))

    def _links(self, *models: str) -> NDArray[np.bool_]:
        """(m,) which of `eyes.scene.links` belong to these models."""
        return np.array([name in models for name in self._model_of])

    def reset(self, seed: int = 0, randomisation: Randomisation | None = None) -> None:
        """The start's displacement is not checked against furniture."""
        rng = self._rng = np.random.default_rng(seed)
        self._movers.reset(seed)
        by = randomisation or Randomisation()
        self.time = 0.0
        self.base_velocity = np.zeros(3)
        x, y, yaw = self.world.start
        shift = rng.uniform(-by.start, by.start, 2) / np.sqrt(2.0)
        turn = rng.uniform(-by.start_yaw, by.start_yaw)
        self.base = np.array([x + shift[0], y + shift[1], wrap(yaw + turn)])
        self._position = facts.DEFAULT_POSE.copy()
        self._velocity = np.zeros(JOINT_COUNT)
        self._target = self._position.copy()
        self._grip = {side: Grip() for side in facts.HANDS}
        self.objects = {name: self._start[name].copy() for name in self._loose()}
        if by.objects:
            for name in self._loose():
                self._displace(name, rng, by.objects)

    def _displace(self, name: str, rng: np.random.Generator, reach: float) -> None:
        """Along what the object stands on, never over its edge or into something else."""
        start = self.objects[name].copy()
        support = self._support(name)[0]
        for _ in range(TRIES):
            self.objects[name][:2, 3] = start[:2, 3] + rng.uniform(-reach, reach, 2)
            if np.all(np.abs(self._support(name) - support) < LEVEL):
                return
        self.objects[name] = start

    def put(self, name: str, pose: Array) -> None:
        self.objects[known_object(name, self.objects)] = transform(pose[:3], pose[3:])
        for grip in self._grip.values():
            if grip.held is not None and grip.held[0] == name:
                grip.held = None

    def command(self, command: JointCommand) -> None:
        wanted = checked(command)
        position = np.clip(wanted.position, self._low, self._high)
        self._target = np.where(wanted.stiffness > 0, position, self._position)  # limp joints stay
        self.base_velocity = wanted.base_velocity

    def step(self) -> None:
        self.time += CONTROL_PERIOD
        self._movers.step(CONTROL_PERIOD, self.base[:2])
        before = self._position
        self._position = self._target.copy()
        x, y, yaw = self.base
        forward, left, turn = self.base_velocity
        c, s = np.cos(yaw), np.sin(yaw)
        x += (c * forward - s * left) * CONTROL_PERIOD
        y += (s * forward + c * left) * CONTROL_PERIOD
        self.base = np.array([x, y, wrap(yaw + turn * CONTROL_PERIOD)])
        for side, grip in self._grip.items():
            fingers = facts.FINGER_INDEX[side]
            tool = self.pelvis() @ self.in_pelvis(facts.TOOL_FRAME[side])
            self._position[fingers], dropped = grip.update(
                tool, before[fingers], self._target[fingers], self.objects, self._distance_to
            )
            if dropped:
                self._set_down(dropped)
        self._velocity = (self._position - before) / CONTROL_PERIOD

    def _distance_to(self, name: str, origin: Array, direction: Array) -> float:
        return self._ray(self._views[name], origin, direction)

    def _ray(self, view: View, origin: Array, direction: Array) -> float:
        return float(view.cast(self._poses(), origin, direction[None], FAR)[0])

    def _corners(self, name: str) -> Array:
        """(n, 3) corners in the world of the boxes around an object's shapes."""
        shapes, poses = self._views[name].shapes, self._poses()
        found = []
        for link, local, bound in zip(shapes.link, shapes.local, shapes.bound, strict=True):
            pose = poses[link] @ local
            corner = np.array([[bound[i, 0], bound[j, 1], bound[k, 2]] for i, j, k in np.ndindex(2, 2, 2)])
            found.append(moved(corner, pose))
        return np.concatenate(found)

    def _support(self, name: str) -> Array:
        """(5,) heights [m] of what is below the centre and the corners of an object; -inf over nothing."""
        corners = self._corners(name)
        low, high = corners.min(axis=0), corners.max(axis=0)
        middle, z = (low + high) / 2, low[2] + 0.02
        points = [(middle[0], middle[1])] + [(x, y) for x in (low[0], high[0]) for y in (low[1], high[1])]
        return np.array([z - self._ray(self._around[name], np.array([x, y, z]), DOWN) for x, y in points])

    def _set_down(self, name: str) -> None:
        """Upright onto what is below."""
        pose = self.objects[name]
        forward = pose[:3, 0]
        pose[:3, :3] = transform(np.zeros(3), quaternion_from_yaw(np.arctan2(forward[1], forward[0])))[:3, :3]
        height = self._support(name)[0]
        if np.isfinite(height):
            pose[2, 3] += height - self._corners(name)[:, 2].min()

    def pelvis(self) -> Array:
        """(4, 4) pose of the pelvis in the world."""
        x, y, yaw = self.base
        return transform((x, y, facts.STANDING_HEIGHT), quaternion_from_yaw(yaw))

    def in_pelvis(self, frame: str) -> Array:
        """(4, 4) pose in the pelvis of a link, frame or sensor of the robot at the joint positions now."""
        return self._kinematics.frame(frame, self._position)

    def state(self) -> RobotState:
        attitude = quaternion_from_yaw(self.base[2])
        return RobotState(
            time=self.time, joint_position=self._position.copy(), joint_velocity=self._velocity.copy(),
            joint_effort=np.zeros(JOINT_COUNT), orientation=attitude,
            angular_velocity_base=np.array([0.0, 0.0, self.base_velocity[2]]),
            linear_acceleration_base=np.array([0.0, 0.0, 9.81]),
            odom_position=np.array([self.base[0], self.base[1], facts.STANDING_HEIGHT]),
            odom_orientation=attitude.copy(),
            odom_velocity_base=np.array([self.base_velocity[0], self.base_velocity[1], 0.0]),
        )  # fmt: skip

    def _carried(self) -> dict[str, Array]:
        """(4, 4) poses of the dynamic obstacles now."""
        poses = zip(self._mover_names, self._movers.poses(self.time), strict=True)
        return {
            name: transform((x, y, self._start[name][2, 3]), quaternion_from_yaw(yaw))
            for name, (x, y, yaw) in poses
        }

    def _poses(self) -> Array:
        """(m, 4, 4) poses in the world of `eyes.scene.links`, the robot's left where the file puts them."""
        poses = self.eyes.scene.rest.copy()
        places = {**self.objects, **self._carried()}
        for i, name in enumerate(self._model_of):
            if name in places:
                poses[i] = places[name] @ inverse(self._start[name]) @ poses[i]
        return poses

    def poses(self) -> Array:
        """(m, 4, 4) poses in the world of `eyes.scene.links`."""
        scene, pelvis, poses = self.eyes.scene, self.pelvis(), self._poses()
        for i in np.flatnonzero(scene.own):
            poses[i] = pelvis @ self.in_pelvis(scene.links[i].partition("::")[2])
        return poses

    def scan(self) -> LidarFrame:
        return self.eyes.scan(self.poses(), self.time, self._rng)

    def snapshot(self) -> PoseSnapshot:
        return self.eyes.snapshot(self.poses(), self.time, 0)

    def render(self, snapshot: PoseSnapshot, shrink: int = 1) -> CameraFrame:
        return self.eyes.render(snapshot, shrink)

    def view(
        self, snapshot: PoseSnapshot, eye: Array, target: Array, size: tuple[int, int]
    ) -> NDArray[np.uint8]:
        return self.eyes.view(snapshot, eye, target, size)

    def contacts(self) -> list[Contact]:
        return []

    def truth(self) -> Truth:
        """Clearance is that of an upright cylinder of radius `TRUNK_RADIUS` around the pelvis."""
        pelvis, poses = self.pelvis(), self._poses()
        nearest = min(
            self._obstacles.cast(poses, np.array([*pelvis[:2, 3], height]), AROUND, FAR).min()
            for height in (0.2, 0.8)
        )
        return Truth(
            self.time, pose7(pelvis), {name: pose7(pose) for name, pose in self.objects.items()},
            False, float(min(nearest - TRUNK_RADIUS, FAR)),
            {name: (pelvis @ self.in_pelvis(name))[:3, 3] for name in facts.TOOL_FRAME.values()},
            {name: pose7(pose) for name, pose in self._carried().items()},
        )  # fmt: skip
