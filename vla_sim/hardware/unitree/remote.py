"""The remote control's 40 bytes in the robot's state, as the vendor's `gamepad.hpp` (unitree_sdk2) reads
them."""

import numpy as np

KEYS = (
    "R1", "L1", "start", "select", "R2", "L2", "F1", "F3", "A", "B", "X", "Y", "up", "right", "down", "left",
)  # fmt: skip
"""By their bit in bytes 2 and 3."""
STOP = frozenset({"L2", "B"})
"""Together they damp the robot, also in the vendor's own controller."""


STICKS = {"lx": 4, "rx": 8, "ry": 12, "ly": 20}
"""Where each stick's way to the right or up, -1 to 1, is as a float32."""


def word(remote: np.ndarray) -> int:
    """The keys that are down as one number, a bit each; remote: (40,) bytes."""
    return int(remote[2]) | int(remote[3]) << 8


def pressed(remote: np.ndarray) -> frozenset[str]:
    """The keys that are down; remote: (40,) bytes."""
    bits = word(remote)
    return frozenset(key for k, key in enumerate(KEYS) if bits >> k & 1)


def press(remote: np.ndarray, keys: frozenset[str]) -> None:
    """Set the keys that are down. Raises `ValueError` for a key that there is not."""
    if odd := keys - set(KEYS):
        raise ValueError(f"there is no key {', '.join(sorted(odd))}; there are {', '.join(KEYS)}")
    bits = sum(1 << KEYS.index(key) for key in keys)
    remote[2], remote[3] = bits & 0xFF, bits >> 8


def push(remote: np.ndarray, sticks: dict[str, float]) -> None:
    """Set the sticks, by their names in `STICKS`."""
    for name, value in sticks.items():
        remote[STICKS[name] : STICKS[name] + 4] = np.frombuffer(np.float32(value).tobytes(), np.uint8)
