"""Small worlds and a robot hung up by its pelvis, for the engine tests."""

from __future__ import annotations

import math

import mujoco
import numpy as np

from vla_sim.robot import facts
from vla_sim.robot.body import JointCommand
from vla_sim.simulation.mujoco.simulator import MujocoSimulator
from vla_sim.stages.control.gripper import Gripper
from vla_sim.world.sdf import elements, reader

FLOOR = """<gravity>0 0 -9.81</gravity><model name="ground"><static>true</static><link name="link">
<collision name="floor"><geometry><plane><normal>0 0 1</normal><size>10 10</size></plane></geometry>
</collision>
<visual name="floor"><geometry><plane><normal>0 0 1</normal><size>10 10</size></plane></geometry>
<material><diffuse>0.5 0.5 0.5 1</diffuse></material></visual></link></model>"""
G1 = "<include><uri>model://g1</uri><name>g1</name><pose>{} 0 0 0</pose></include>"


def make_world(more: str = "", at: str = "0 0 0.79") -> elements.World:
    """A floor, the robot at `at` (x y z) and more models."""
    text = f"<sdf version='1.10'><world name='w'>{FLOOR}{G1.format(at)}{more}</world></sdf>"
    world = reader.loads(text).world
    assert world is not None
    return world


def box(name: str, pose: str, size: str, static: bool = True, mass: float = 0.5) -> str:
    """SDF of a box; pose "x y z", size "x y z"."""
    return f"""<model name="{name}"><static>{str(static).lower()}</static><pose>{pose} 0 0 0</pose>
    <link name="link"><inertial><mass>{mass}</mass><inertia><ixx>0.002</ixx><iyy>0.002</iyy><izz>0.002</izz>
    </inertia></inertial><collision name="box"><geometry><box><size>{size}</size></box></geometry></collision>
    <visual name="box"><geometry><box><size>{size}</size></box></geometry><material>
    <diffuse>0.8 0.1 0.1 1</diffuse></material></visual></link></model>"""


class Hanging:
    """The robot's pelvis is so heavy that nothing moves it; its right arm is stretched forward and
    grasps model `name` in mid-air."""

    def __init__(self, name: str, mass: float) -> None:
        more = f"<include><uri>model://{name}</uri><name>held</name><pose>3 0 1 0 0 0</pose></include>"
        self.engine = MujocoSimulator(make_world(more, "0 0 1.5"), noise=False)
        self.m, self.d = self.engine.model, self.engine.data
        self.body = mujoco.mj_name2id(self.m, mujoco.mjtObj.mjOBJ_BODY, "held::link")
        self.site = mujoco.mj_name2id(self.m, mujoco.mjtObj.mjOBJ_SITE, "right_tool")
        self.arm, self.fingers = facts.ARM_INDEX["right"], facts.FINGER_INDEX["right"]
        scale = mass / self.m.body_mass[self.body]
        self.m.body_mass[self.body] *= scale
        self.m.body_inertia[self.body] *= scale
        self.m.dof_armature[:6] = 1e7
        joints = [
            mujoco.mj_name2id(self.m, mujoco.mjtObj.mjOBJ_JOINT, f"g1::{name}") for name in facts.JOINTS
        ]
        self.q, self.v = self.m.jnt_qposadr[joints], self.m.jnt_dofadr[joints]
        self.pose = facts.DEFAULT_POSE.copy()
        self.pose[self.arm] = 0.0
        self.d.qpos[2] = 1.5
        self.d.qpos[self.q] = self.pose
        self.d.qpos[self.q[self.fingers]] = facts.FINGER_STROKE
        mujoco.mj_forward(self.m, self.d)
        address = self.m.jnt_qposadr[self.m.body_jntadr[self.body]]
        self.d.qpos[address : address + 3] = self.d.site_xpos[self.site]
        self.gripper = Gripper()
        self.gripper.move(0.0)
        self.stiffness = np.full(33, 100.0)
        self.stiffness[self.arm] = (80, 80, 60, 60, 30, 20, 20)
        self.stiffness[29:] = 2000.0
        self.d.xfrc_applied[self.body, 2] = 9.81 * self.m.body_mass[self.body]
        self.run(1.0, 0.0)
        self.d.xfrc_applied[self.body, 2] = 0.0

    def run(self, seconds: float, shake: float) -> None:
        """Hold for `seconds`; shake: peak speed of the shoulder [rad/s], other joints alike."""
        for i in range(round(seconds / 0.02)):
            t = i * 0.02
            target = self.pose.copy()
            amplitude = shake * min(1.0, t) / (2 * math.pi)
            for joint, frequency in ((0, 1.0), (2, 1.3), (4, 0.7), (5, 1.7)):
                target[self.arm[joint]] = amplitude * math.sin(2 * math.pi * frequency * t) / frequency
            target[self.fingers] = self.gripper.update(self.d.qpos[self.q[self.fingers]])
            effort = self.d.qfrc_bias[self.v].copy()
            effort[29:] = 0.0
            self.engine.command(JointCommand(target, self.stiffness, effort))
            self.engine.step()

    def held_pose(self) -> tuple[np.ndarray, np.ndarray]:
        """Position (3,) [m] and rotation (3, 3) of the object in the tool frame."""
        mujoco.mj_forward(self.m, self.d)
        tool = self.d.site_xmat[self.site].reshape(3, 3)
        offset = tool.T @ (self.d.xpos[self.body] - self.d.site_xpos[self.site])
        return offset, tool.T @ self.d.xmat[self.body].reshape(3, 3)
