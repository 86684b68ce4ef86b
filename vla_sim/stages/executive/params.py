"""Parameters of the executive node."""

from dataclasses import dataclass

from vla_sim.common.params import StageParams, param


@dataclass(frozen=True)
class ExecutiveParams(StageParams):
    rate: float = param(20.0, "ticks of the running skill [Hz]", low=5.0, high=50.0)
