"""What the depth camera measures, noise included, the same for every renderer."""

import math

import numpy as np
from numpy.typing import NDArray

from vla_sim.robot.body import CameraFrame
from vla_sim.world.sdf.elements import Camera

DEPTH_NOISE = (0.002, 0.0015)
"""Standard deviation of depth z: a z + b z^2 [m]; 3.5 mm at 1 m and 10 mm at 2 m, as a D435's."""
POOL = 1 << 20
"""Normal numbers drawn once, more for images of more than 0.25 megapixels; each frame starts reading at a
place of its own."""


class DepthCamera:
    """noise: False for none. The same seed and time give the same noise."""

    def __init__(self, optics: Camera, noise: bool = True) -> None:
        self.optics = optics
        self.stddev = optics.noise.stddev if noise else 0.0
        self._seed: int | None = None
        self._pool = np.zeros(0, np.float32)
        self._grain = np.zeros(0, np.int16)

    def frame(
        self, color: NDArray[np.uint8], depth: NDArray[np.float32], time: float, mono: float, seed: int
    ) -> CameraFrame:
        """Of true colours (height, width, 3) and depths (height, width) [m] at a simulated time [s], taken at
        `mono`."""
        height, width = depth.shape
        focal = 0.5 * width / math.tan(self.optics.horizontal_fov / 2)
        if self.stddev > 0.0:
            color, depth = self.noisy(color, depth, seed, time)
        depth[(depth < self.optics.depth_near) | (depth > self.optics.depth_far)] = np.nan
        middle = (width - 1) / 2, (height - 1) / 2
        return CameraFrame(time, color, depth, focal, focal, *middle, mono)

    def noisy(
        self, color: NDArray[np.uint8], depth: NDArray[np.float32], seed: int, time: float
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """color (height, width, 3) and depth (height, width) [m], with noise."""
        if self._seed != seed or self._pool.size < 4 / 3 * color.size:
            rng = np.random.default_rng([seed, 7])
            self._pool = rng.standard_normal(max(POOL, 4 * color.size // 3 + 1), dtype=np.float32)
            self._grain = np.rint(self._pool * 255.0 * self.stddev).astype(np.int16)
            self._seed = seed
        rng = np.random.default_rng([seed, round(time * 1e4)])
        at = int(rng.integers(self._pool.size - color.size))
        grain = self._grain[at : at + color.size].reshape(color.shape)
        noisy = np.clip(color.astype(np.int16) + grain, 0, 255).astype(np.uint8)
        at = int(rng.integers(self._pool.size - depth.size))
        normal = self._pool[at : at + depth.size].reshape(depth.shape)
        a, b = DEPTH_NOISE
        return noisy, depth + depth * (np.float32(a) + np.float32(b) * depth) * normal
