"""The self filter: the robot's own arms as capsules, so that it does not take its hands for obstacles."""

import numpy as np

from vla_sim.common.geometry import Array
from vla_sim.robot.body_size import HAND_RADIUS, LIMB_RADIUS
from vla_sim.robot.g1 import SIDES, TOOL_FRAME
from vla_sim.robot.kinematics import Kinematics


def own_capsules(kinematics: Kinematics, joint_position: Array, level_base: Array) -> Array:
    """(k, 7) two ends and a radius of each forearm, hand and upper arm, in the level base frame.

    joint_position: (33,). level_base: (4, 4) pelvis in the level base frame.
    """

    def at(name: str) -> Array:
        point: Array = (level_base @ kinematics.frame(name, joint_position))[:3, 3]
        return point

    rows = []
    for side in SIDES:
        shoulder, elbow = at(f"{side}_shoulder_pitch_link"), at(f"{side}_elbow_link")
        wrist, tool = at(f"{side}_wrist_yaw_link"), at(TOOL_FRAME[side])
        tip = tool + 0.04 * (tool - wrist) / max(float(np.linalg.norm(tool - wrist)), 1e-6)
        rows += [
            np.array([*shoulder, *elbow, LIMB_RADIUS]),
            np.array([*elbow, *wrist, LIMB_RADIUS]),
            np.array([*wrist, *tip, HAND_RADIUS]),
        ]
    return np.array(rows)
