"""Parameters of the monitor node."""

from dataclasses import dataclass

from vla_sim.bringup.node_table import StackOptions
from vla_sim.common.params import StageParams, same


@dataclass(frozen=True)
class MonitorParams(StageParams):
    monitor_folder: str = same(StackOptions, "monitor_folder")
    prometheus_port: int = same(StackOptions, "prometheus_port")
    shedding: bool = same(StackOptions, "shedding")
    speed: float = same(StackOptions, "speed", live=True)
    thresholds: str = same(StackOptions, "thresholds")
