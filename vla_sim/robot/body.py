"""The door to any robot (a simulated one, a real G1, or a G1 behind its own protocol), what its sensors
measure, and what its joints are commanded.

Joint arrays follow `facts.JOINTS`: those of the body, then of the fingers. Quaternions are (w, x, y, z).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.errors import EngineError
from vla_sim.common.geometry import Array
from vla_sim.robot import facts

CONTROL_PERIOD = 0.02
"""Seconds between two joint commands: the policy's 50 Hz."""

SENSOR_FROM_OPTICAL: Array = np.array(
    [[0.0, 0.0, 1.0, 0.0], [-1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
)
"""A camera's optical frame (REP-103: x right, y down, z forward) in its sensor frame: an SDF camera looks
along +x with z up."""


@dataclass
class RobotState:
    """What the robot's own sensors measure at `time` [s]. No ground truth.

    joint_position [rad or m], joint_velocity, joint_effort [Nm or N]: (joints,) in `facts.JOINTS` order.
    orientation: (4,) IMU attitude, pelvis in a gravity-aligned frame.
    angular_velocity_base [rad/s], linear_acceleration_base [m/s^2]: (3,) IMU, in the pelvis frame.
    odom_position [m] (3,), odom_orientation (4,): pelvis in `odom`, with the drift of legged
    odometry. odom_velocity_base [m/s] (3,): linear velocity in the pelvis frame.
    """

    time: float
    joint_position: Array
    joint_velocity: Array
    joint_effort: Array
    orientation: Array
    angular_velocity_base: Array
    linear_acceleration_base: Array
    odom_position: Array
    odom_orientation: Array
    odom_velocity_base: Array

    def copy(self) -> RobotState:
        """With arrays of its own."""
        return RobotState(self.time, *(value.copy() for value in list(vars(self).values())[1:]))


@dataclass
class JointCommand:
    """Joint-level command, held until the next one. All (joints,) in `facts.JOINTS` order.

    torque = stiffness * (position - q) + effort - damping * qd, clipped to the joint's effort limit.
    damping [Nms/rad]: None is the model's (`<dynamics><damping>` in the SDF). It is integrated implicitly, as
    (M + h D) a = f - D v: as a merely explicit torque it is unstable on the light wrist and ankle links.
    """

    position: Array
    stiffness: Array
    effort: Array
    base_velocity: Array = field(default_factory=lambda: np.zeros(3))
    """(3,) forward, left [m/s] and turn [rad/s] that the legs are meant to walk: for a body that is not
    held up by its legs, and moves its base by this."""
    damping: Array | None = None


def checked(command: JointCommand) -> JointCommand:
    """A copy, for a body that keeps it. Raises `EngineError` on NaN or a wrong shape."""
    size = len(facts.JOINTS)
    arrays: dict[str, Array] = {}
    for name in ("position", "stiffness", "effort", "damping", "base_velocity"):
        given = getattr(command, name)
        if given is None:
            continue
        arrays[name] = np.array(given, dtype=float)
        wanted = 3 if name == "base_velocity" else size
        if arrays[name].shape != (wanted,) or not np.isfinite(arrays[name]).all():
            raise EngineError(
                f"the joint command's {name} has shape {arrays[name].shape} or a value that is not finite; "
                f"it must be {wanted} finite numbers"
            )
    return JointCommand(**arrays)


@dataclass
class CameraFrame:
    """color: (height, width, 3) uint8 RGB. depth: (height, width) float32 metres along the optical
    axis, NaN where nothing was measured. fx, fy, cx, cy [px]. Both images share one optical frame
    (`head_camera_optical`: x right, y down, z forward). capture_mono: when the state was taken."""

    time: float
    color: NDArray[np.uint8]
    depth: NDArray[np.float32]
    fx: float
    fy: float
    cx: float
    cy: float
    capture_mono: float

    def shrunk(self, by: int) -> CameraFrame:
        """Of every `by`-th pixel each way."""
        return replace(
            self, color=np.ascontiguousarray(self.color[::by, ::by]),
            depth=np.ascontiguousarray(self.depth[::by, ::by]), fx=self.fx / by, fy=self.fy / by,
            cx=self.cx / by, cy=self.cy / by,
        )  # fmt: skip


@dataclass
class LidarFrame:
    """ranges: (rows, columns) float32 [m], inf where nothing was hit. elevation: (rows,) [rad] and
    azimuth: (columns,) [rad] of each ray in the level-mounted lidar frame (x forward, z up);
    the lidar's pose in the pelvis frame is `position` (3,) and `orientation` (4,), waist included."""

    time: float
    ranges: NDArray[np.float32]
    elevation: Array
    azimuth: Array
    position: Array
    orientation: Array


class Body(ABC):
    """A robot's joints and its own senses, at the control period. Used from one thread.

    A simulator does what it is commanded from its start on. A robot does so once it is armed, keeps the
    clock's pace, and stands or is damped when commands stop for 0.1 s.
    """

    why = ""
    """For what reason the robot does not do what it is commanded; "" if it does."""

    @abstractmethod
    def state(self) -> RobotState:
        """The robot's state now; fresh arrays that the body does not touch again."""

    @abstractmethod
    def command(self, command: JointCommand) -> None:
        """Take a joint command, in force from the next `step` on. Raises `EngineError` on NaN or a wrong
        shape; positions outside a joint's limits are clipped to them."""

    @abstractmethod
    def step(self) -> None:
        """Go on by `CONTROL_PERIOD`: a simulator computes it, a real robot's driver waits for it. Raises
        `EngineError` if the body cannot go on."""

    def arm(self) -> None:  # noqa: B027  (a simulator need not be)
        """From the next command on the robot obeys; after a stop of its own, once `disarm` was called."""

    def disarm(self) -> None:  # noqa: B027
        """Nothing is obeyed any more: legs stand or are damped, arms hold or are given back."""

    def status(self) -> dict[str, str]:
        """What else of it a person wants to know, as in /diagnostics: motors' temperatures, its battery."""
        return {}

    def close(self) -> None:  # noqa: B027  (most bodies hold nothing)
        """Release what the body holds. Idempotent."""


def planar_base_in_map(map_to_odom: Array, odom_to_base: Array) -> tuple[float, float, float]:
    """x, y [m] and yaw [rad] of the pelvis in `map`: what of `map_to_odom @ odom_to_base`, (4, 4) each,
    lies in the floor's plane."""
    at = map_to_odom @ odom_to_base[:, 3]
    forward = map_to_odom[:3, :3] @ odom_to_base[:3, 0]
    return float(at[0]), float(at[1]), float(np.arctan2(forward[1], forward[0]))
