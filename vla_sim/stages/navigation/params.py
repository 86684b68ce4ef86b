"""Parameters of the navigation node."""

from dataclasses import dataclass

from vla_sim.common.params import StageParams, param


@dataclass(frozen=True)
class NavigationParams(StageParams):
    rate: float = param(20.0, "velocity commands [Hz]", low=10.0, high=50.0)
    resolution: float = param(0.025, "cell size of the map [m]", low=0.01, high=0.1)
    localise: bool = param(True, "correct the odometry by matching the scan against the map")
