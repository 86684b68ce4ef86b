"""The door to any simulator: a body with a world around it."""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.errors import EngineError
from vla_sim.common.geometry import Array
from vla_sim.robot.body import Body, CameraFrame, LidarFrame

Sensors = Literal["auto", "native", "software"]
"""What makes lidar scans and camera frames: the simulator itself ("native"), or ray casting in
`vla_sim.simulation.sensors` ("software"); "auto" is the simulator where it can."""


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
    """The simulator's truth. Poses are (7,) x y z qw qx qy qz in the world; robot: the pelvis; objects: loose
    models by name; clearance: smallest distance of the robot from fixed things that are not the floor [m],
    negative where it has entered one; tools: (3,) positions by frame; movers: models carried along waypoints.
    """

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


class Simulator(Body):
    """One robot in one world.

    Used from one thread, except `render` and `view`, which one other thread may call with a snapshot, so that
    rendering never delays the control loop.
    """

    physics = True
    """Whether things fall, collide and can be held."""
    balanced = False
    """Whether something else than joint commands keeps the robot on its legs and has it walk."""

    @abstractmethod
    def reset(self, seed: int = 0, randomisation: Randomisation | None = None) -> None:
        """Put everything at its start and simulated time at 0. The same seed gives the same world.

        seed: of object and start displacement and of every sensor's noise.
        """

    @abstractmethod
    def scan(self) -> LidarFrame:
        """One turn of the head lidar, noise included."""

    @abstractmethod
    def snapshot(self) -> Any:
        """A cheap copy of all that `render` needs."""

    @abstractmethod
    def render(self, snapshot: Any, shrink: int = 1) -> CameraFrame:
        """The head camera's frame of a snapshot, noise included. Always from the same thread. shrink: divides
        the numbers of rows and columns; the field of view stays."""

    @abstractmethod
    def view(self, snapshot: Any, eye: Array, target: Array, size: tuple[int, int]) -> NDArray[np.uint8]:
        """A free camera's picture (height, width, 3) from `eye` towards `target` (3,) [m]; size: (width,
        height). For reports; from `render`'s thread."""

    @abstractmethod
    def contacts(self) -> list[Contact]:
        """Everything that touched during the last `step`, strongest force of each pair."""

    @abstractmethod
    def truth(self) -> Truth:
        """Ground truth, for checks alone."""

    @abstractmethod
    def put(self, name: str, pose: Array) -> None:
        """Set a loose model down at `pose` (7,) in the world, at rest. Raises `EngineError` if there is no
        such model."""
