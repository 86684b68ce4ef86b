"""The head lidar's rays and its noise."""

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array, quaternion_from_rotation
from vla_sim.robot.body import LidarFrame
from vla_sim.world.sdf.elements import Lidar, Noise


def angles(lidar: Lidar) -> tuple[Array, Array]:
    """elevation (rows,) and azimuth (columns,) [rad] of the rays, both ends included."""
    return np.linspace(*lidar.elevation, lidar.rows), np.linspace(*lidar.azimuth, lidar.columns)


def directions(lidar: Lidar) -> Array:
    """(rows * columns, 3) unit vectors in the lidar's frame, row by row."""
    up, around = np.meshgrid(*angles(lidar), indexing="ij")
    rays = np.stack([np.cos(up) * np.cos(around), np.cos(up) * np.sin(around), np.sin(up)], axis=-1)
    return rays.reshape(-1, 3)


def measured(distance: Array, lidar: Lidar, rng: np.random.Generator, noise: bool) -> NDArray[np.float32]:
    """(rows, columns) ranges of the true distances (rows * columns,), -1 or inf where nothing was hit: with
    noise, inf outside the sensor's range."""
    error = lidar.noise if noise else Noise()
    ranges = distance + error.mean + error.stddev * rng.standard_normal(distance.shape)
    ranges[(distance < lidar.range_min) | (distance > lidar.range_max)] = np.inf
    return ranges.reshape(lidar.rows, lidar.columns).astype(np.float32)


def frame(
    lidar: Lidar, distance: Array, rng: np.random.Generator, time: float, base: Array, base_origin: Array,
    rotation: Array, origin: Array, noise: bool,
) -> LidarFrame:  # fmt: skip
    """What it measures at `time` [s] of true distances: see `measured`. base, rotation (3, 3), base_origin,
    origin (3,): of the pelvis and of the lidar in the world. noise: False draws it, but adds none."""
    return LidarFrame(
        time, measured(distance, lidar, rng, noise), *angles(lidar), base.T @ (origin - base_origin),
        quaternion_from_rotation(base.T @ rotation),
    )  # fmt: skip
