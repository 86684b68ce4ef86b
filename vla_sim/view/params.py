"""Parameters of the viewer."""

from dataclasses import dataclass

from vla_sim.bringup.node_table import StackOptions
from vla_sim.common.params import StageParams, same
from vla_sim.stages.perception.params import PerceptionParams


@dataclass(frozen=True)
class ViewParams(StageParams):
    view_host: str = same(StackOptions, "view_host")
    view_port: int = same(StackOptions, "view_port")
    speed: float = same(StackOptions, "speed")
    extrinsics: str = same(StackOptions, "extrinsics")
    color: str = same(PerceptionParams, "color")
    camera_info: str = same(PerceptionParams, "camera_info")
