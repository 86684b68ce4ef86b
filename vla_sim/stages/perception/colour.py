"""Colour names of pixels: hue, saturation and value decide once, for a table over all RGB values.

The rule is written in HSV, where shading changes the value and leaves the hue. It fills a table over
5 bits a channel (32,768 entries), so that naming a pixel is one look-up.
"""

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array
from vla_sim.common.numba_cache import kernel
from vla_sim.contract import vocabulary

COLOURS = ("none", *vocabulary.COLOURS)
"""Label i of a pixel is COLOURS[i]; 0 is a tint that no name fits."""

VIVID = ("red", "orange", "yellow", "green", "blue", "purple", "pink")
"""Colours that rooms and robots rarely have and things that are looked for often have."""


def label_of(name: str) -> int:
    """The label of a colour name, 0 for an unknown one."""
    return COLOURS.index(name) if name in COLOURS else 0


def hsv(rgb: Array) -> tuple[Array, Array, Array]:
    """Hue [deg] 0..360, saturation and value 0..1 of rgb (..., 3) in 0..1."""
    r, g, b = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    value = rgb.max(axis=-1)
    delta = value - rgb.min(axis=-1)
    d = np.where(delta > 0, delta, 1.0)
    hue = np.where(value == r, (g - b) / d % 6.0, np.where(value == g, (b - r) / d + 2.0, (r - g) / d + 4.0))
    return np.where(delta > 0, hue * 60.0, 0.0), delta / np.where(value > 0, value, 1.0), value


def _table() -> NDArray[np.uint8]:
    level = (np.arange(32) + 0.5) / 32.0
    rgb = np.stack(np.meshgrid(level, level, level, indexing="ij"), axis=-1)
    hue, saturation, value = hsv(rgb)
    out = np.zeros(hue.shape, np.uint8)

    def put(name: str, where: NDArray[np.bool_]) -> None:
        out[where & (out == 0)] = label_of(name)

    put("black", value < 0.14)
    dull = saturation < 0.16
    put("white", dull & (value > 0.78))
    put("grey", dull)
    vivid = saturation > 0.42
    # Wood and cardboard are a dull, dark orange: only a strong orange is called orange.
    warm = (hue >= 14) & (hue < 46)
    put("orange", warm & (hue < 40) & (saturation > 0.78) & (value > 0.45))
    put("yellow", (hue >= 40) & (hue < 70) & (saturation > 0.6) & (value > 0.3))
    put("brown", warm & (saturation > 0.25))
    put("pink", ((hue >= 300) | (hue < 10)) & (saturation < 0.5) & (saturation > 0.25) & (value > 0.6))
    put("red", ((hue >= 342) | (hue < 14)) & (saturation > 0.5))
    put("green", (hue >= 75) & (hue < 170) & vivid)
    put("blue", (hue >= 190) & (hue < 258) & vivid)
    put("purple", (hue >= 258) & (hue < 315) & (saturation > 0.35))
    put("pink", (hue >= 315) & (hue < 342) & vivid)
    return out


TABLE: NDArray[np.uint8] = _table().reshape(-1)


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
