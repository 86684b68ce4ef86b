"""Obstacles from depth: a virtual laser scan of all that stands between the floor and head height.

The lidar looks from the head and misses what is low and near; the depth camera sees table edges and
things on the floor ahead. Each beam takes the nearest distance that several pixels agree on.
"""

import math

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array, levelled, moved, transform
from vla_sim.common.numba_cache import kernel
from vla_sim.robot.body_size import ARMS_HEIGHTS, HAND_RADIUS, LIMB_RADIUS, TRUNK
from vla_sim.robot.facts import ARM_JOINTS, SIDES, TOOL_FRAME
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.perception.camera import Intrinsics, Pinhole


def own_capsules(kinematics: Kinematics, joint_position: Array) -> Array:
    """The self filter, so that the robot does not take its hands for obstacles.

    (k, 7) two ends and a radius of each forearm, hand and upper arm, in the pelvis frame.

    joint_position: (joints,).
    """

    def at(name: str) -> Array:
        point: Array = kinematics.frame(name, joint_position)[:3, 3]
        return point

    rows, model = [], kinematics.model
    for side in SIDES:
        shoulder, elbow, wrist = (at(model.joint(ARM_JOINTS[side][i]).child) for i in (0, 3, 6))
        tool = at(TOOL_FRAME[side])
        tip = tool + 0.04 * (tool - wrist) / max(float(np.linalg.norm(tool - wrist)), 1e-6)
        rows += [
            np.array([*shoulder, *elbow, LIMB_RADIUS]),
            np.array([*elbow, *wrist, LIMB_RADIUS]),
            np.array([*wrist, *tip, HAND_RADIUS]),
        ]
    return np.array(rows)


def moved_capsules(capsules: Array, t: Array) -> Array:
    """Capsules (k, 7) in another frame, in which theirs is at `t` (4, 4)."""
    ends = moved(capsules[:, :6].reshape(-1, 3), t)
    return np.column_stack([ends.reshape(-1, 6), capsules[:, 6]])


HALF_ANGLE, INCREMENT = math.radians(45.0), math.radians(1.0)
"""Beams go from -HALF_ANGLE to HALF_ANGLE [rad] in steps of INCREMENT."""
BEAMS = round(2 * HALF_ANGLE / INCREMENT) + 1
RANGE_MIN, RANGE_MAX = 0.15, 3.0  # [m]
LOW, HIGH = 0.05, 1.30
"""Heights above the floor [m] at which things are obstacles."""
BIN = 0.05
"""Width of a range bin [m]."""


@kernel
def _fill(
    depth: NDArray[np.float32], stride: int, pinhole: Pinhole, pose: Array, capsules: Array, arms: float,
    count: NDArray[np.int32], total: Array,
) -> None:  # fmt: skip
    """Count and total range of the points in each beam and range bin: (2, beams, bins), of all of them and of
    those above `arms` [m]."""
    rows, columns = depth.shape
    _, beams, bins = count.shape
    for v in range(0, rows, stride):
        for u in range(0, columns, stride):
            d = np.float64(depth[v, u])
            if not (d > 0.0 and d < 20.0):
                continue
            x, y, z = seen_at(pinhole, pose, u, v, d)
            if z < LOW or z > HIGH:
                continue
            r = math.sqrt(x * x + y * y)
            if r < RANGE_MIN or r >= RANGE_MAX or of_robot(capsules, x, y, z):
                continue
            beam = math.floor((math.atan2(y, x) + HALF_ANGLE) / INCREMENT + 0.5)
            if 0 <= beam < beams:
                i = min(int(r / BIN), bins - 1)
                for layer in range(2 if z > arms else 1):
                    count[layer, beam, i] += 1
                    total[layer, beam, i] += r


@kernel
def seen_at(pinhole: Pinhole, pose: Array, u: int, v: int, d: float) -> tuple[float, float, float]:
    """What the pixel in column u and row v sees at the depth d [m], in the frame of `pose` (4, 4)."""
    fx, fy, cx, cy = pinhole
    a, b = d * (u - cx) / fx, d * (v - cy) / fy
    return (
        pose[0, 0] * a + pose[0, 1] * b + pose[0, 2] * d + pose[0, 3],
        pose[1, 0] * a + pose[1, 1] * b + pose[1, 2] * d + pose[1, 3],
        pose[2, 0] * a + pose[2, 1] * b + pose[2, 2] * d + pose[2, 3],
    )


@kernel
def of_robot(capsules: Array, x: float, y: float, z: float) -> bool:
    """Whether a point is the robot's own: of its trunk, or in one of its limbs' `capsules`."""
    if TRUNK[0] < x < TRUNK[1] and TRUNK[2] < y < TRUNK[3]:
        return True
    for c in capsules:
        ax, ay, az = c[3] - c[0], c[4] - c[1], c[5] - c[2]
        px, py, pz = x - c[0], y - c[1], z - c[2]
        length = ax * ax + ay * ay + az * az
        t = 0.0
        if length > 0.0:
            t = min(1.0, max(0.0, (px * ax + py * ay + pz * az) / length))
        dx, dy, dz = px - t * ax, py - t * ay, pz - t * az
        if dx * dx + dy * dy + dz * dz < c[6] * c[6]:
            return True
    return False


def _nearest(count: NDArray[np.int32], total: Array, least: int) -> NDArray[np.float32]:
    """(beams,) [m] mean of the first bin in which `least` points agree; inf without one."""
    # A surface may straddle two bins; a lone pixel between fore- and background is none.
    few = count < least
    n, s = count.copy(), total.copy()
    n[:, :-1] += np.where(few[:, :-1], count[:, 1:], 0)
    s[:, :-1] += np.where(few[:, :-1], total[:, 1:], 0.0)
    found = (count > 0) & (n >= least)
    first = np.arange(len(n)), found.argmax(axis=1)
    return np.where(found[first], s[first] / np.maximum(n[first], 1), np.inf).astype(np.float32)


def depth_scan(
    depth: NDArray[np.float32], camera: Intrinsics, pose: Array, capsules: Array
) -> NDArray[np.float32]:
    """Ranges (2, BEAMS) float32 [m] in the level base frame, inf where nothing stands: of whatever does, and
    of what does at the height of the arms.

    depth: (h, w) float32 [m]. pose: (4, 4) optical frame in the level base frame, whose z = 0 is the
    floor. capsules: (k, 7) the robot's limbs in the same frame: two ends and a radius; points inside
    are its own.
    """
    stride = max(1, camera.width // 160)  # a beam needs a few of its pixels, not all
    count = np.zeros((2, BEAMS, math.ceil(RANGE_MAX / BIN)), np.int32)
    total = np.zeros(count.shape)
    _fill(depth, stride, camera.pinhole, pose, capsules, ARMS_HEIGHTS[0], count, total)
    return np.stack([_nearest(count[layer], total[layer], 3) for layer in range(2)])


def level_from(odom_base: Array) -> Array:
    """(4, 4) pelvis in the level base frame: on the floor under the pelvis, its yaw, z up.

    odom_base: (4, 4) pelvis in `odom`, whose z = 0 is the floor.
    """
    return transform((0.0, 0.0, odom_base[2, 3]), levelled(odom_base[:3, :3]))
