"""The robot's frames as a tree, REP-105's below `base_link`: what /tf, /tf_static and the URDF say of it."""

import numpy as np
from numpy.typing import ArrayLike

from vla_sim.common.geometry import Array, inverse
from vla_sim.robot import facts
from vla_sim.robot.body import SENSOR_FROM_OPTICAL
from vla_sim.robot.kinematics import Kinematics

BASE = "base_link"
"""ROS's name of `facts.BASE_LINK`, which is the same frame."""

Edge = tuple[str, str, Array]
"""Parent, child and the child's (4, 4) pose in its parent."""


def moving(kinematics: Kinematics, joint_position: ArrayLike) -> list[Edge]:
    """Every link that a joint moves, for joints (joints,)."""
    model = kinematics.model
    at = kinematics.poses([link.name for link in model.links], joint_position)
    return [
        (one.parent, one.child, inverse(at[one.parent]) @ at[one.child])
        for one in model.joints
        if one.type != "fixed"
    ]


def fixed(kinematics: Kinematics) -> list[Edge]:
    """The base, fixed joints, named frames and sensors; of each camera its optical frame too."""
    model = kinematics.model
    out: list[Edge] = [(BASE, facts.BASE_LINK, np.eye(4))]
    out += [(one.parent, one.child, one.pose_in_parent @ inverse(one.pose_in_child))
            for one in model.joints if one.type == "fixed"]  # fmt: skip
    sensors = [one for one in model.sensors() if one.camera or one.lidar or one.imu]
    for name in [*(one.name for one in model.frames), *(one.name for one in sensors)]:
        link, pose = kinematics.in_link(name)
        out.append((link, name, pose))
    out += [(one.name, f"{one.name}_optical", SENSOR_FROM_OPTICAL) for one in sensors if one.camera]
    return out
