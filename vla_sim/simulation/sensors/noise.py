"""Noise of the depth camera, the same for every renderer."""

import numpy as np
from numpy.typing import NDArray

DEPTH_NOISE = (0.002, 0.0015)
"""Standard deviation of depth z: a z + b z^2 [m]; 3.5 mm at 1 m and 10 mm at 2 m, as a D435's."""
POOL = 1 << 20
"""Normal numbers drawn once, more for images of more than 0.25 megapixels; each frame starts reading at a
place of its own."""


class CameraNoise:
    """stddev: of the colours, of a full scale of 1. The same seed and time give the same noise."""

    def __init__(self, stddev: float) -> None:
        self.stddev = stddev
        self._seed: int | None = None
        self._pool = np.zeros(0, np.float32)
        self._grain = np.zeros(0, np.int16)

    def apply(
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
