"""The engine door: all that the rest of the project knows of a simulator or a robot.

Joint arrays follow `g1.JOINTS` (29 body joints, then 4 finger joints). Quaternions are
(w, x, y, z). An engine is used from one thread, except `render`, which one other thread may call
with a snapshot, so that rendering never delays the control loop.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.errors import EngineError
from vla_sim.robot.sensor_frames import CameraFrame, LidarFrame
from vla_sim.robot.state import JointCommand, RobotState

Array = NDArray[np.float64]

Sensors = Literal["auto", "native", "software"]
"""Who makes lidar scans and camera frames: the simulator, or `vla_sim.simulation.sensors` by ray casting;
"auto" is the simulator where it can."""


def known_object(name: str, loose: Iterable[str]) -> str:
    """`name`, or `EngineError` that lists the loose models."""
    known = sorted(loose)
    if name not in known:
        raise EngineError(f"{name!r} cannot be moved: the loose models are {', '.join(known) or 'none'}")
    return name


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
