"""Parameters of the safety node."""

from dataclasses import dataclass

from vla_sim.common.params import StageParams, param
from vla_sim.contract.limits import MAX_SPEED


@dataclass(frozen=True)
class SafetyParams(StageParams):
    rate: float = param(50.0, "velocity gate [Hz]", low=20.0, high=200.0)
    max_forward: float = param(MAX_SPEED[0], "of the velocity gate [m/s]", low=0.0, high=1.0, live=True)
    max_lateral: float = param(MAX_SPEED[1], "of the velocity gate [m/s]", low=0.0, high=1.0, live=True)
    max_turn: float = param(MAX_SPEED[2], "of the velocity gate [rad/s]", low=0.0, high=1.0, live=True)
    keep_cores_awake: bool = param(
        True, "where the user may: cores that sleep wake up to 1 ms late; costs power; never in lock-step"
    )
