"""Arm paths and their timing: joint postures, straight tool lines, smooth starts and stops."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from vla_sim.common.geometry import Array, rotation_from_rpy, rotation_from_vector
from vla_sim.robot import facts
from vla_sim.robot.kinematics import MIRROR, ArmChain
from vla_sim.robot.kinematics_kernels import pose_error

READY: dict[str, Array] = {"left": np.array(facts.PROFILE.arms.ready)}
"""Forearm raised beside the chest: the fingertips are 0.2 m ahead of the pelvis and 1.1 m above the
floor, behind the edge of any table the robot docks at and outside of the camera's view. The standing
robot shifts by 1 cm; with the upper arm swung further back it would be 6."""
READY["right"] = READY["left"] * MIRROR
HOME: dict[str, Array] = {side: facts.DEFAULT_POSE[facts.ARM_INDEX[side]] for side in facts.SIDES}
"""The walking policy's own arm posture; a trajectory that ends here gives the arm back to it."""

JOINT_SPEED = 1.1
"""[rad/s] at the fastest part of a joint motion."""
TOOL_SPEED = 0.12
"""[m/s] at the fastest part of a straight tool motion."""
SAMPLE = 0.08
"""Seconds between trajectory points."""

FrameId = Literal["base_link", "odom"]


@dataclass(frozen=True)
class Trajectory:
    """One arm's motion. times (n,) [s] from the start, positions (n, 7) [rad]; frame and stamp [s] as in
    `topics.ARM_TRAJECTORY`; velocities (n, 7) [rad/s] at the positions, None: as they come, at rest at both
    ends. Without points the arm holds where it comes to rest."""

    side: str
    times: Array
    positions: Array
    frame: FrameId = "base_link"
    stamp: float = 0.0
    velocities: Array | None = None

    @property
    def duration(self) -> float:
        return float(self.times[-1])


def smooth_timing(path: Array, measure: Array, fastest: float) -> tuple[Array, Array]:
    """(times (n,), positions (n, 7)) along a path (m, 7) with a quintic start and stop.

    measure (m,): rising length of the path up to each point, in radians or metres; fastest: the largest
    speed in that unit per second.
    """
    total = float(measure[-1])
    if total < 1e-9 or len(path) < 2:
        return np.array([SAMPLE]), path[-1:].copy()
    duration = max(1.875 * total / fastest, 4 * SAMPLE)
    n = math.ceil(duration / SAMPLE) + 1
    u = np.linspace(0.0, 1.0, n)
    s = u**3 * (10.0 - 15.0 * u + 6.0 * u * u)
    positions = np.column_stack([np.interp(s * total, measure, path[:, j]) for j in range(path.shape[1])])
    return u * duration, positions


def joint_motion(path: ArrayLike, speed: float = JOINT_SPEED) -> tuple[Array, Array]:
    """Timing of a joint path (m, 7) through its postures, by the joint that moves most."""
    points = np.atleast_2d(np.asarray(path, dtype=float))
    length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(points, axis=0)).max(axis=1))])
    return smooth_timing(points, length, speed)


def rounded(path: ArrayLike, passes: int = 12) -> Array:
    """A joint path (m, 7) with its corners cut: dense, then smoothed between its fixed ends."""
    points = np.atleast_2d(np.asarray(path, dtype=float))
    dense = [points[:1]]
    for a, b in pairwise(points):
        n = max(2, math.ceil(float(np.abs(b - a).max()) / 0.06))
        dense.append(a + (b - a) * (np.arange(1, n + 1)[:, None] / n))
    out = np.vstack(dense)
    for _ in range(passes):
        out[1:-1] = 0.25 * out[:-2] + 0.5 * out[1:-1] + 0.25 * out[2:]
    return out


def tool_line(start: Array, end: Array, step: float = 0.01) -> Array:
    """(n, 4, 4) poses from `start` (excluded) to `end`: straight, turning at a constant rate."""
    error = pose_error(np.ascontiguousarray(end), np.ascontiguousarray(start))
    angle = float(np.linalg.norm(error[3:]))
    n = max(1, math.ceil(max(float(np.linalg.norm(error[:3])) / step, angle / 0.1)))
    out = np.tile(np.eye(4), (n, 1, 1))
    for i in range(n):
        share = (i + 1) / n
        out[i, :3, 3] = start[:3, 3] + share * error[:3]
        out[i, :3, :3] = rotation_from_vector(error[3:] * share) @ start[:3, :3]
    return out


def follow_line(
    chain: ArmChain, q: ArrayLike, waist: ArrayLike, poses: Array, posture: Array | None = None
) -> Array | None:
    """(n, 7) joints along tool poses (n, 4, 4) from a posture q (7,) that is at the line's start.

    None if a joint limit or the arm's reach ends the line early (more than 1 mm or 10 mrad off).
    """
    now = np.asarray(q, dtype=float).copy()
    out = np.empty((len(poses), 7))
    for i, pose in enumerate(poses):
        for _ in range(12):
            now = chain.differential_step(now, waist, pose, 1.0, posture, 0.02, 0.15)
            error = pose_error(pose, chain.forward(now, waist))
            if np.abs(error[:3]).max() < 3e-4 and np.abs(error[3:]).max() < 2e-3:
                break
        if np.abs(error[:3]).max() > 1e-3 or np.abs(error[3:]).max() > 1e-2:
            return None
        out[i] = now
    return out


def line_motion(path: Array, lengths: Array, speed: float = TOOL_SPEED) -> tuple[Array, Array]:
    """Timing of joints (m, 7) along a tool line; lengths (m,) [m] up to each of them."""
    times, positions = smooth_timing(path, lengths, speed)
    if len(times) < 2:
        return times, positions
    fastest = float((np.abs(np.diff(positions, axis=0)).max(axis=1) / np.diff(times)).max())
    return times * max(1.0, fastest / JOINT_SPEED), positions


def level_pose(position: ArrayLike, yaw: float, pitch: float) -> Array:
    """(4, 4) tool pose in a level frame: x points along `yaw`, tilted down by `pitch`, no roll."""
    out = np.eye(4)
    out[:3, :3] = rotation_from_rpy(0.0, pitch, yaw)
    out[:3, 3] = position
    return out
