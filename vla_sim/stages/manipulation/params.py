"""Parameters of the manipulation node."""

from dataclasses import dataclass

from vla_sim.common.params import StageParams, param


@dataclass(frozen=True)
class ManipulationParams(StageParams):
    rate: float = param(20.0, "ticks of the manipulator [Hz]", low=10.0, high=50.0)
    status_rate: float = param(5.0, "status while a request is under way [Hz]", low=1.0, high=20.0, live=True)
