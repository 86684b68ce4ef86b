"""How the robot stands, as its messages tell."""

from typing import Any

import numpy as np

from vla_sim.common.geometry import Array
from vla_sim.ros import conversions


class Posture:
    """Of a node that listens to /joint_states and /imu by `on_joints`, `on_imu`. joints: (joints,) [rad] and
    attitude: (4,) w, x, y, z of the pelvis, the newest that are such; None before the first."""

    joints: Array | None = None
    attitude: Array | None = None

    def on_joints(self, message: Any) -> None:
        position = conversions.joint_positions(message)
        if position is not None and np.isfinite(position).all():
            self.joints = position

    def on_imu(self, message: Any) -> None:
        q = message.orientation
        attitude = np.array([q.w, q.x, q.y, q.z])
        if abs(float(attitude @ attitude) - 1.0) < 0.1:
            self.attitude = attitude
