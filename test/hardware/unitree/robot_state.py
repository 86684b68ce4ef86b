"""A robot's state for tests."""

import numpy as np

from vla_sim.robot import facts
from vla_sim.robot.body import RobotState


def standing(time=0.0, tilt=0.0):
    """Upright at its default pose, or tilted forward by so much [rad]."""
    attitude = np.array([np.cos(tilt / 2), 0.0, np.sin(tilt / 2), 0.0])
    zero = np.zeros(len(facts.JOINTS))
    return RobotState(
        time, facts.DEFAULT_POSE.copy(), zero, zero, attitude, np.zeros(3), np.array([0.0, 0.0, 9.8]),
        np.zeros(3), attitude, np.zeros(3),
    )  # fmt: skip
