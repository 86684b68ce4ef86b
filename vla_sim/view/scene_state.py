"""What the scene reads of a `ViewState`."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from vla_sim.common.geometry import Array
from vla_sim.contract import records


class Pose(Protocol):
    """In map. position [m]; quaternion: w, x, y, z."""

    @property
    def position(self) -> Sequence[float]: ...
    @property
    def quaternion(self) -> Sequence[float]: ...


class SceneState(Protocol):
    """As `view.state.ViewState` says."""

    stamp: float
    joints: dict[str, float]
    truth: records.GroundTruth | None
    contacts: list[records.ContactPair]
    detected: list[records.DetectedObject]
    scan: Array
    path: Array
    goal: tuple[float, float, float] | None
    costmap: Any
    arm_goals: dict[str, tuple[dict[str, float], float]]

    @property
    def base(self) -> Pose | None: ...
    @property
    def true_base(self) -> Pose | None: ...
    @property
    def objects(self) -> Mapping[str, Pose]: ...
    @property
    def people(self) -> Mapping[str, Pose]: ...
