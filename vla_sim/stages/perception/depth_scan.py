"""Obstacles from depth: a virtual laser scan of all that stands between the floor and head height.

The lidar looks from the head and misses what is low and near; the depth camera sees table edges and
things on the floor ahead. Each beam takes the nearest distance that several pixels agree on.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array
from vla_sim.common.numba_cache import kernel
from vla_sim.stages.perception.camera import Intrinsics, Pinhole

BIN = 0.05
"""Width of a range bin [m]."""


@dataclass(frozen=True)
class ScanLayout:
    """Beams from -half_angle to half_angle [rad] in steps; heights low..high above the floor [m].

    own: (x0, x1, y0, y1) a box about the robot [m] whose points are its own body.
    """

    half_angle: float = math.radians(45.0)
    increment: float = math.radians(1.0)
    range_min: float = 0.15
    range_max: float = 3.0
    low: float = 0.05
    high: float = 1.30
    own: tuple[float, float, float, float] = (-0.30, 0.20, -0.22, 0.22)

    @property
    def beams(self) -> int:
        return round(2 * self.half_angle / self.increment) + 1


LAYOUT = ScanLayout()


@kernel
def _fill(
    depth: NDArray[np.float32], stride: int, pinhole: Pinhole, pose: Array, capsules: Array, window: Array,
    half_angle: float, increment: float, count: NDArray[np.int32], total: Array,
) -> None:  # fmt: skip
    """Count and total range of the points in each beam and range bin."""
    fx, fy, cx, cy = pinhole
    rows, columns = depth.shape
    beams, bins = count.shape
    for v in range(0, rows, stride):
        for u in range(0, columns, stride):
            d = np.float64(depth[v, u])
            if not (d > 0.0 and d < 20.0):
                continue
            a, b = d * (u - cx) / fx, d * (v - cy) / fy
            z = pose[2, 0] * a + pose[2, 1] * b + pose[2, 2] * d + pose[2, 3]
            if z < window[0] or z > window[1]:
                continue
            x = pose[0, 0] * a + pose[0, 1] * b + pose[0, 2] * d + pose[0, 3]
            y = pose[1, 0] * a + pose[1, 1] * b + pose[1, 2] * d + pose[1, 3]
            r = math.sqrt(x * x + y * y)
            if r < window[2] or r >= window[3]:
                continue
            if window[4] < x < window[5] and window[6] < y < window[7]:
                continue
            own = False
            for k in range(capsules.shape[0]):
                if _in_capsule(capsules[k], x, y, z):
                    own = True
                    break
            if own:
                continue
            beam = math.floor((math.atan2(y, x) + half_angle) / increment + 0.5)
            if 0 <= beam < beams:
                i = min(int(r / BIN), bins - 1)
                count[beam, i] += 1
                total[beam, i] += r


@kernel
def _in_capsule(c: Array, x: float, y: float, z: float) -> bool:
    ax, ay, az = c[3] - c[0], c[4] - c[1], c[5] - c[2]
    px, py, pz = x - c[0], y - c[1], z - c[2]
    length = ax * ax + ay * ay + az * az
    t = 0.0
    if length > 0.0:
        t = min(1.0, max(0.0, (px * ax + py * ay + pz * az) / length))
    dx, dy, dz = px - t * ax, py - t * ay, pz - t * az
    return dx * dx + dy * dy + dz * dz < c[6] * c[6]


@kernel
def _nearest(count: NDArray[np.int32], total: Array, least: int, out: NDArray[np.float32]) -> None:
    beams, bins = count.shape
    for b in range(beams):
        out[b] = np.inf
        for i in range(bins):
            # A surface may straddle two bins; a lone pixel between fore- and background is none.
            n, s = count[b, i], total[b, i]
            if n == 0:
                continue
            if n < least and i + 1 < bins:
                n += count[b, i + 1]
                s += total[b, i + 1]
            if n >= least:
                out[b] = s / n
                break


def depth_scan(
    depth: NDArray[np.float32], camera: Intrinsics, pose: Array, capsules: Array, layout: ScanLayout = LAYOUT
) -> NDArray[np.float32]:
    """Ranges (layout.beams,) float32 [m] in the level base frame, inf where nothing stands.

    depth: (h, w) float32 [m]. pose: (4, 4) optical frame in the level base frame, whose z = 0 is the
    floor. capsules: (k, 7) the robot's limbs in the same frame: two ends and a radius; points inside
    are its own.
    """
    # A beam needs a few of its pixels, not all.
    stride = max(1, camera.width // 160)
    bins = math.ceil(layout.range_max / BIN)
    count = np.zeros((layout.beams, bins), np.int32)
    total = np.zeros((layout.beams, bins))
    window = np.array([layout.low, layout.high, layout.range_min, layout.range_max, *layout.own])
    _fill(
        np.ascontiguousarray(depth), stride, camera.pinhole, np.ascontiguousarray(pose),
        np.ascontiguousarray(capsules.reshape(-1, 7)), window, layout.half_angle, layout.increment, count,
        total,
    )  # fmt: skip
    out = np.empty(layout.beams, np.float32)
    _nearest(count, total, 3, out)
    return out


def level_from(odom_base: Array) -> Array:
    """(4, 4) pelvis in the level base frame: on the floor under the pelvis, its yaw, z up.

    odom_base: (4, 4) pelvis in `odom`, whose z = 0 is the floor.
    """
    yaw = math.atan2(odom_base[1, 0], odom_base[0, 0])
    c, s = math.cos(yaw), math.sin(yaw)
    turn = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    out = np.eye(4)
    out[:3, :3] = turn @ odom_base[:3, :3]
    out[2, 3] = odom_base[2, 3]
    return out
