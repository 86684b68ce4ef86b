"""An arm simple enough to check by head: the tool is at (q0, q1, q2) tenths of a metre from the pelvis."""

import numpy as np

from vla_sim.common.geometry import transform
from vla_sim.robot.body import RobotState


class SimpleArm:
    low, high = np.full(7, -2.0), np.full(7, 2.0)

    def forward(self, q, waist):
        return transform(0.1 * np.asarray(q)[:3])

    def gravity_torque(self, q, waist, gravity, payload=0.0):
        return np.full(7, -gravity[2] * (0.1 + 0.01 * payload))

    def differential_step(self, q, waist, target, gain=1.0, posture=None, posture_gain=0.02, largest=0.1):
        step = np.zeros(7)
        step[:3] = gain * (10.0 * target[:3, 3] - np.asarray(q)[:3])
        return np.clip(np.asarray(q) + np.clip(step, -largest, largest), self.low, self.high)


def standing(position, time=0.0, velocity=None, base=(0.0, 0.0, 0.77)):
    return RobotState(
        time=time,
        joint_position=np.array(position, dtype=float),
        joint_velocity=np.zeros(33) if velocity is None else velocity,
        joint_effort=np.zeros(33),
        orientation=np.array([1.0, 0.0, 0.0, 0.0]),
        angular_velocity_base=np.zeros(3),
        linear_acceleration_base=np.zeros(3),
        odom_position=np.array(base, dtype=float),
        odom_orientation=np.array([1.0, 0.0, 0.0, 0.0]),
        odom_velocity_base=np.zeros(3),
    )
