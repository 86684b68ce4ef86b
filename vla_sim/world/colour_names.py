"""What a colour is called: one rule for what the camera sees and for what a world's file says.

The rule is written in HSV, where shading changes the value and leaves the hue. It fills a table over
5 bits a channel (32,768 entries), so that naming a pixel is one look-up.
"""

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array
from vla_sim.contract import vocabulary

COLOURS = ("none", *vocabulary.COLOURS)
"""Label i is COLOURS[i]; 0 is a tint that no name fits."""


def label_of(name: str) -> int:
    """The label of a colour name, 0 for an unknown one."""
    return COLOURS.index(name) if name in COLOURS else 0


def name_of(rgb: tuple[float, ...]) -> str:
    """The name of a colour whose channels are in 0..1 (a fourth one is left out); "" if no name fits."""
    r, g, b = (int(min(max(v, 0.0), 1.0) * 255.0) >> 3 for v in rgb[:3])
    label = int(TABLE[r << 10 | g << 5 | b])
    return COLOURS[label] if label else ""


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
