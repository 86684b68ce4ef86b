"""Parameters of the robot's node."""

from dataclasses import dataclass

from vla_sim.common.params import StageParams, param


@dataclass(frozen=True)
class RobotParams(StageParams):
    interface: str = param("lo", "network interface to the robot", metavar="NAME")
    dds_domain: int = param(0, "DDS domain of the robot", low=0, high=232)
    mode: str = param(
        "sport", "who walks: sport, the robot's own controller; low, our policy", choices=("sport", "low")
    )
    armed: bool = param(False, "whether the robot obeys; set at run time alone", live=True)
