"""A simulator without physics: joints are where they are commanded, and the base glides.

For tests and for trying the stack where no simulator is installed. It needs no GL and is instant. Nothing
falls, collides or can be grasped. It sees by ray casting.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.arrays import Array
from vla_sim.common.geometry import inverse, pose7, quaternion_from_yaw, transform, wrap
from vla_sim.robot import g1
from vla_sim.robot.body_size import TRUNK_RADIUS
from vla_sim.robot.sensor_frames import CameraFrame, LidarFrame
from vla_sim.robot.state import CONTROL_PERIOD, JointCommand, RobotState, checked
from vla_sim.simulation.sensors.software import PoseSnapshot, SoftwareSensors
from vla_sim.simulation.simulator import Contact, Randomisation, Simulator, Truth, known_object
from vla_sim.world.sdf import reader
from vla_sim.world.semantic_map import World

JOINT_COUNT = len(g1.JOINTS)
FAR = 3.0
AROUND = np.stack(
    [np.cos(np.linspace(-np.pi, np.pi, 72)), np.sin(np.linspace(-np.pi, np.pi, 72)), np.zeros(72)], axis=1
)


class KinematicSimulator(Simulator):
    """The base moves at the command's `base_velocity`, in place of legs that walk.

    Odometry and all sensors are exact.
    """

    physics = False

    def __init__(self, world: str | Path, robot_name: str = "g1") -> None:
        self.world = World.load(str(world))
        tree = reader.load_world(self.world.path)
        self.model = tree.model(robot_name)
        self._objects = {
            model.name: model.pose for model in tree.models if not model.static and model.name != robot_name
        }
        self.eyes = SoftwareSensors(tree, robot_name, noise=False)
        self._fixed = self.eyes.scene.view(self.eyes.scene.static)
        self._joint = {joint.child: joint for joint in self.model.joints}
        limits = [self.model.joint(name).axis for name in g1.JOINTS]
        self._low = np.array([a.lower if a else -np.inf for a in limits])
        self._high = np.array([a.upper if a else np.inf for a in limits])
        self.reset()

    def reset(self, seed: int = 0, randomisation: Randomisation | None = None) -> None:
        """Displacements are drawn, but not checked against anything."""
        rng = self._rng = np.random.default_rng(seed)
        by = randomisation or Randomisation()
        self.time = 0.0
        self.base_velocity = np.zeros(3)
        x, y, yaw = self.world.start
        shift = rng.uniform(-by.start, by.start, 2) / np.sqrt(2.0)
        turn = rng.uniform(-by.start_yaw, by.start_yaw)
        self.base = np.array([x + shift[0], y + shift[1], wrap(yaw + turn)])
        self.objects = {}
        for name, pose in sorted(self._objects.items()):
            moved = pose.copy()
            moved[:2, 3] += rng.uniform(-by.objects, by.objects, 2)
            self.objects[name] = moved
        self._position = g1.DEFAULT_POSE.copy()
        self._velocity = np.zeros(JOINT_COUNT)
        self._target = self._position.copy()

    def put(self, name: str, pose: Array) -> None:
        self.objects[known_object(name, self.objects)] = transform(pose[:3], pose[3:])

    def command(self, command: JointCommand) -> None:
        wanted, stiffness, _ = checked(command)
        position = np.clip(wanted, self._low, self._high)
        self._target = np.where(stiffness > 0, position, self._position)  # limp joints stay
        self.base_velocity = command.base_velocity.copy()

    def step(self) -> None:
        self.time += CONTROL_PERIOD
        self._velocity = (self._target - self._position) / CONTROL_PERIOD
        self._position = self._target.copy()
        x, y, yaw = self.base
        forward, left, turn = self.base_velocity
        c, s = np.cos(yaw), np.sin(yaw)
        self.base = np.array(
            [
                x + (c * forward - s * left) * CONTROL_PERIOD,
                y + (s * forward + c * left) * CONTROL_PERIOD,
                wrap(yaw + turn * CONTROL_PERIOD),
            ]
        )

    def pelvis(self) -> Array:
        """(4, 4) pose of the pelvis in the world."""
        x, y, yaw = self.base
        return transform((x, y, g1.STANDING_HEIGHT), quaternion_from_yaw(yaw))

    def in_pelvis(self, frame: str) -> Array:
        """(4, 4) pose in the pelvis of a link, frame or sensor of the robot at the joint positions now."""
        link, pose = self.model.in_link(frame)
        while link in self._joint:
            joint = self._joint[link]
            moved = np.eye(4)
            if joint.axis is not None:
                value = float(self._position[g1.INDEX[joint.name]]) if joint.name in g1.INDEX else 0.0
                axis = np.array(joint.axis.xyz)
                if joint.type == "prismatic":
                    moved[:3, 3] = value * axis
                else:
                    moved[:3, :3] = _rotation(axis, value)
            pose = joint.pose_in_parent @ moved @ inverse(joint.pose_in_child) @ pose
            link = joint.parent
        return pose

    def state(self) -> RobotState:
        attitude = quaternion_from_yaw(self.base[2])
        return RobotState(
            time=self.time, joint_position=self._position.copy(), joint_velocity=self._velocity.copy(),
            joint_effort=np.zeros(JOINT_COUNT), orientation=attitude,
            angular_velocity_base=np.array([0.0, 0.0, self.base_velocity[2]]),
            linear_acceleration_base=np.array([0.0, 0.0, 9.81]),
            odom_position=np.array([self.base[0], self.base[1], g1.STANDING_HEIGHT]),
            odom_orientation=attitude.copy(),
            odom_velocity_base=np.array([self.base_velocity[0], self.base_velocity[1], 0.0]),
        )  # fmt: skip

    def poses(self) -> Array:
        """(m, 4, 4) poses in the world of `eyes.scene.links`."""
        scene, pelvis = self.eyes.scene, self.pelvis()
        poses = scene.rest.copy()
        for i, name in enumerate(scene.links):
            model, _, link = name.partition("::")
            if scene.own[i]:
                poses[i] = pelvis @ self.in_pelvis(link)
            elif model in self.objects:
                poses[i] = self.objects[model] @ inverse(self._objects[model]) @ poses[i]
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
        pelvis = self.pelvis()
        nearest = min(
            self._fixed.cast(self.eyes.scene.rest, np.array([*pelvis[:2, 3], height]), AROUND, FAR).min()
            for height in (0.2, 0.8)
        )
        return Truth(
            self.time, pose7(pelvis), {name: pose7(pose) for name, pose in self.objects.items()},
            False, float(min(nearest - TRUNK_RADIUS, FAR)),
            {name: (pelvis @ self.in_pelvis(name))[:3, 3] for name in g1.TOOL_FRAME.values()},
        )  # fmt: skip


def _rotation(axis: Array, angle: float) -> Array:
    """(3, 3) by Rodrigues' formula about a unit axis."""
    x, y, z = axis
    k = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + np.sin(angle) * k + (1.0 - np.cos(angle)) * (k @ k)
