"""Colour names of an image's pixels."""

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.numba_cache import kernel
from vla_sim.world.colour_names import TABLE

VIVID = ("red", "orange", "yellow", "green", "blue", "purple", "pink")
"""Colours that rooms and robots rarely have and things that are looked for often have."""


@kernel
def _look_up(rgb: NDArray[np.uint8], table: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
    rows, columns = out.shape
    for v in range(rows):
        for u in range(columns):
            i = (np.int64(rgb[v, u, 0]) >> 3) << 10
            i |= (np.int64(rgb[v, u, 1]) >> 3) << 5
            out[v, u] = table[i | (np.int64(rgb[v, u, 2]) >> 3)]


def name_pixels(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Labels (h, w) uint8 of an image (h, w, 3) uint8."""
    out = np.empty(rgb.shape[:2], np.uint8)
    _look_up(np.ascontiguousarray(rgb), TABLE, out)
    return out
