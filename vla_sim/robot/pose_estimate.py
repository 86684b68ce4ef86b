"""Where the robot is in the map: the localisation's `map_to_odom` times the odometry."""

import numpy as np

from vla_sim.common.arrays import Array


def base_in_map(map_to_odom: Array, odom_to_base: Array) -> Array:
    """(4, 4) pose of the pelvis in `map`; both arguments (4, 4)."""
    pose: Array = map_to_odom @ odom_to_base
    return pose


def planar_base_in_map(map_to_odom: Array, odom_to_base: Array) -> tuple[float, float, float]:
    """x, y [m] and yaw [rad] of the pelvis in `map`: what of `base_in_map` lies in the floor's plane."""
    at = map_to_odom @ odom_to_base[:, 3]
    forward = map_to_odom[:3, :3] @ odom_to_base[:3, 0]
    return float(at[0]), float(at[1]), float(np.arctan2(forward[1], forward[0]))
