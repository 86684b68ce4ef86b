"""The head lidar flattened to a level 2D scan around the pelvis, for planners that think in a plane."""

import math
from collections.abc import Sequence

import numpy as np

from vla_sim.common.geometry import Array, levelled, rotation_from_quaternion
from vla_sim.robot import facts
from vla_sim.robot.body import LidarFrame
from vla_sim.robot.body_size import HELD_RADIUS, SOLE_BELOW_ANKLE
from vla_sim.robot.kinematics import Kinematics

BEAMS = 360
ANGLE_MIN = -math.pi
ANGLE_STEP = 2.0 * math.pi / BEAMS
RANGE_MIN = 0.10
RANGE_MAX = 12.0
LOWEST = 0.10
"""Metres above the floor; lower things are the floor itself and rugs."""
HIGHEST = 1.35
"""Metres above the floor; higher things the robot walks under."""


def level_rotation(orientation: Array) -> Array:
    """(3, 3) from the pelvis to the level frame with the pelvis's heading, for attitude (w, x, y, z)."""
    return levelled(rotation_from_quaternion(orientation))


def points_in_lidar(frame: LidarFrame) -> Array:
    """(n, 3) hits [m] in the lidar's own frame."""
    rows, columns = np.nonzero(np.isfinite(frame.ranges))
    distance = frame.ranges[rows, columns].astype(float)
    elevation, azimuth = frame.elevation[rows], frame.azimuth[columns]
    flat = distance * np.cos(elevation)
    return np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), distance * np.sin(elevation)], axis=1)


def points_in_pelvis(frame: LidarFrame) -> Array:
    """(n, 3) hits [m] in the pelvis frame."""
    out: Array = points_in_lidar(frame) @ rotation_from_quaternion(frame.orientation).T + frame.position
    return out


def flatten(points: Array, orientation: Array, height: float, holding: Sequence[Array] = ()) -> Array:
    """(360,) ranges [m] of beams at -pi + i degrees, inf where nothing stands.

    For each beam the nearest hit between `LOWEST` and `HIGHEST` above the floor, measured in the level
    frame at the pelvis. points (n, 3): hits in the pelvis frame. orientation: IMU attitude. height: of the
    pelvis above the floor [m]. holding: (3,) positions in the pelvis frame of hands that hold something.
    """
    keep = np.ones(len(points), dtype=bool)
    for hand in holding:
        keep &= ((points - hand) ** 2).sum(axis=1) > HELD_RADIUS**2
    level = points[keep] @ level_rotation(orientation).T
    above = level[:, 2] + height
    distance = np.hypot(level[:, 0], level[:, 1])
    keep = (above > LOWEST) & (above < HIGHEST) & (distance >= RANGE_MIN) & (distance <= RANGE_MAX)
    angle = np.arctan2(level[keep, 1], level[keep, 0])
    beam = np.rint((angle - ANGLE_MIN) / ANGLE_STEP).astype(np.int64) % BEAMS
    out = np.full(BEAMS, np.inf)
    np.minimum.at(out, beam, distance[keep])
    return out


def ranges(
    points: Array,
    orientation: Array,
    joint_position: Array,
    kinematics: Kinematics,
    holding: Sequence[str] = (),
) -> Array:
    """As `flatten`, for a robot with its joints at `joint_position` (joints,) that stands on the lower of its
    soles. holding: the sides of hands that hold something."""
    hands = [kinematics.frame(facts.TOOL_FRAME[side], joint_position)[:3, 3] for side in holding]
    height = pelvis_above_floor(orientation, joint_position, kinematics)
    return flatten(points, orientation, height, hands)


def pelvis_above_floor(orientation: Array, joint_position: Array, kinematics: Kinematics) -> float:
    """[m] of a robot that stands on the lower of its soles. orientation: IMU attitude."""
    down = level_rotation(orientation)[2]
    ankles = [kinematics.frame(facts.FOOT_LINK[side], joint_position)[:3, 3] for side in facts.SIDES]
    return SOLE_BELOW_ANKLE - min(float(down @ ankle) for ankle in ankles)
