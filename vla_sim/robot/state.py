"""What a robot's own sensors measure, and what its joints are commanded.

Joint arrays follow `g1.JOINTS` (29 body joints, then 4 finger joints). Quaternions are (w, x, y, z).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from vla_sim.common.arrays import Array
from vla_sim.common.errors import EngineError
from vla_sim.robot import g1

CONTROL_PERIOD = 0.02
"""Seconds between two joint commands: the policy's 50 Hz."""


@dataclass
class RobotState:
    """What the robot's own sensors measure at `time` [s]. No ground truth.

    joint_position [rad or m], joint_velocity, joint_effort [Nm or N]: (33,) in `g1.JOINTS` order.
    orientation: (4,) IMU attitude, pelvis in a gravity-aligned frame.
    angular_velocity_base [rad/s], linear_acceleration_base [m/s^2]: (3,) IMU, in the pelvis frame.
    odom_position [m] (3,), odom_orientation (4,): pelvis in `odom`, with the drift of legged
    odometry. odom_velocity_base [m/s] (3,): linear velocity in the pelvis frame.
    """

    time: float
    joint_position: Array
    joint_velocity: Array
    joint_effort: Array
    orientation: Array
    angular_velocity_base: Array
    linear_acceleration_base: Array
    odom_position: Array
    odom_orientation: Array
    odom_velocity_base: Array

    def copy(self) -> RobotState:
        """With arrays of its own."""
        return RobotState(self.time, *(value.copy() for value in list(vars(self).values())[1:]))


@dataclass
class JointCommand:
    """Joint-level command, held until the next one. All (33,) in `g1.JOINTS` order.

    torque = stiffness * (position - q) + effort - damping * qd, clipped to the joint's effort limit.
    The damping is the model's (`<dynamics><damping>` in the SDF) and is integrated implicitly, as
    (M + h D) a = f - D v: as a merely explicit torque it is unstable on the light wrist and ankle links.
    """

    position: Array
    stiffness: Array
    effort: Array
    base_velocity: Array = field(default_factory=lambda: np.zeros(3))
    """(3,) forward, left [m/s] and turn [rad/s] that the legs are meant to walk: for a body that is not
    held up by its legs, and moves its base by this."""


def checked(command: JointCommand) -> tuple[Array, Array, Array]:
    """Copies of position, stiffness and effort. Raises `EngineError` on NaN or a wrong shape."""
    size = len(g1.JOINTS)
    arrays = []
    for name in ("position", "stiffness", "effort"):
        value = np.array(getattr(command, name), dtype=float)
        if value.shape != (size,) or not np.isfinite(value).all():
            raise EngineError(
                f"the joint command's {name} has shape {value.shape} or a value that is not finite; "
                f"it must be {size} finite numbers"
            )
        arrays.append(value)
    return arrays[0], arrays[1], arrays[2]
