"""Has the robot fallen? From the IMU's attitude and the pose of the legs, without ground truth."""

import math

from vla_sim.robot import g1
from vla_sim.robot.body import CONTROL_PERIOD, RobotState
from vla_sim.stages.control.policy import gravity_in_base

TILT = 0.9
"""Radians between the pelvis's z and the vertical from which no step saves the robot."""
KNEE = 2.2
"""Radians of both knees at once: the robot has collapsed on its heels (walking stays under 1.3)."""
CONFIRMATION = 0.1
"""Seconds for which the sign must last."""

_KNEES = [g1.INDEX[f"{side}_knee_joint"] for side in g1.SIDES]


class FallDetector:
    """`fallen` stays true until `reset`."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.fallen = False
        self._since = 0.0

    def update(self, state: RobotState) -> bool:
        upright = -gravity_in_base(state.orientation)[2]
        down = upright < math.cos(TILT) or bool((state.joint_position[_KNEES] > KNEE).all())
        self._since = self._since + CONTROL_PERIOD if down else 0.0
        self.fallen = self.fallen or self._since >= CONFIRMATION
        return self.fallen
