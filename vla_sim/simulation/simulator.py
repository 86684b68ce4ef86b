"""The engine door: all that the rest of the project knows of a simulator or a robot.

Joint arrays follow `g1.JOINTS` (29 body joints, then 4 finger joints). Quaternions are
(w, x, y, z). An engine is used from one thread, except `render`, which one other thread may call
with a snapshot, so that rendering never delays the control loop.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.errors import EngineError
from vla_sim.robot import g1

Array = NDArray[np.float64]

Sensors = Literal["auto", "native", "software"]
"""Who makes lidar scans and camera frames: the simulator, or `vla_sim.sensors` by ray casting; "auto" is
the simulator where it can."""

CONTROL_PERIOD = 0.02
"""Seconds of simulated time between two calls of `step`: the policy's 50 Hz."""


@dataclass
class RobotState:
    """What the robot's own sensors tell at `time` [s]. No ground truth.

    joint_position [rad or m], joint_velocity, joint_effort [Nm or N]: (33,) in `g1.JOINTS` order.
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
    """Joint-level command, held until the next one. All (33,) in `g1.JOINTS` order.

    torque = stiffness * (position - q) + effort - damping * qd, clipped to the joint's effort limit.
    The damping is the model's (`<dynamics><damping>` in the SDF) and is integrated implicitly, as
    (M + h D) a = f - D v: as a merely explicit torque it is unstable on the light wrist and ankle links.
    """

    position: Array
    stiffness: Array
    effort: Array


def known_object(name: str, loose: Iterable[str]) -> str:
    """`name`, or `EngineError` that lists the loose models."""
    known = sorted(loose)
    if name not in known:
        raise EngineError(f"{name!r} cannot be moved: the loose models are {', '.join(known) or 'none'}")
    return name


def checked(command: JointCommand) -> tuple[Array, Array, Array]:
    """Copies of position, stiffness and effort. Raises `EngineError` on NaN or a wrong shape."""
    size = len(g1.JOINTS)
    arrays = []
    for name in ("position", "stiffness", "effort"):
        value = np.array(getattr(command, name), dtype=float)
        if value.shape != (size,) or not np.isfinite(value).all():
            raise EngineError(
                f"the joint command's {name} has shape {value.shape} or a value that is not finite; "
                f"it must be {size} finite numbers"
            )
        arrays.append(value)
    return arrays[0], arrays[1], arrays[2]


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


@dataclass
class Contact:
    """Names are `model::link::collision`; `force` is the normal force [N]."""

    a: str
    b: str
    force: float


@dataclass
class Truth:
    """The simulator's truth; poses are (7,) x y z qw qx qy qz in the world. movers: of what is carried along
    its waypoints, by model."""

    time: float
    robot: Array
    objects: dict[str, Array]
    fallen: bool
    clearance: float
    tools: dict[str, Array] = field(default_factory=dict)
    movers: dict[str, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Randomisation:
    """Largest seeded displacement of movable objects [m] and of the robot's start [m], [rad]."""

    objects: float = 0.0
    start: float = 0.0
    start_yaw: float = 0.0


class Engine(ABC):
    """One robot in one world."""

    @abstractmethod
    def reset(self, seed: int = 0, randomisation: Randomisation | None = None) -> None:
        """Put everything at its start and simulated time at 0. The same seed gives the same world.

        seed: of object and start displacement and of every sensor's noise.
        """

    @abstractmethod
    def state(self) -> RobotState:
        """The robot's state now; fresh arrays that the engine does not touch again."""

    @abstractmethod
    def command(self, command: JointCommand) -> None:
        """Take a joint command. Raises `EngineError` on NaN or a wrong shape; positions outside a
        joint's limits are clipped to them."""

    @abstractmethod
    def step(self) -> None:
        """Advance by `CONTROL_PERIOD`. Raises `EngineError` if the simulation diverged."""

    @abstractmethod
    def scan(self) -> LidarFrame:
        """One turn of the head lidar, noise included."""

    @abstractmethod
    def snapshot(self) -> Any:
        """A cheap copy of all that `render` needs."""

    @abstractmethod
    def render(self, snapshot: Any, shrink: int = 1) -> CameraFrame:
        """The head camera's frame of a snapshot, noise included. Always from the same thread. shrink: the
        same view in so many times fewer rows and columns."""

    def view(self, snapshot: Any, eye: Array, target: Array, size: tuple[int, int]) -> NDArray[np.uint8]:
        """A free camera's picture (height, width, 3) for reports; from `render`'s thread."""
        raise NotImplementedError

    @abstractmethod
    def contacts(self) -> list[Contact]:
        """Everything that touched during the last `step`, strongest force of each pair."""

    @abstractmethod
    def truth(self) -> Truth:
        """Ground truth, for checks alone."""

    @abstractmethod
    def put(self, name: str, pose: Array) -> None:
        """Set a loose model down at `pose` (7,) in the world, at rest: what a scenario does to the robot's
        surroundings. Raises `EngineError` if there is no such model."""

    def close(self) -> None:  # noqa: B027  (most engines hold nothing)
        """Give back what the engine holds. Idempotent."""
