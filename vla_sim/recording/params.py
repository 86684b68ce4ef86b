"""Parameters of the recorder."""

from dataclasses import dataclass

from vla_sim.bringup.node_table import StackOptions
from vla_sim.common.params import StageParams, param, same
from vla_sim.stages.perception.params import PerceptionParams


@dataclass(frozen=True)
class RecorderParams(StageParams):
    recording: str = same(StackOptions, "recording")
    about: str = same(StackOptions, "about")
    real_world: str = same(StackOptions, "real_world")
    base_url: str = same(StackOptions, "base_url")
    color: str = same(PerceptionParams, "color")
    depth: str = same(PerceptionParams, "depth")
    camera_info: str = same(PerceptionParams, "camera_info")
    largest: float = param(
        2000.0, "of a file; then another is begun, and the one before it is kept [MB]", low=1.0, high=1e6
    )
    least_free: float = param(200.0, "of the disk; with less of it the recording ends [MB]", low=0.0)
