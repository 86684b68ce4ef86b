"""Parameters of the executive node."""

from dataclasses import dataclass

from vla_sim.common.params import StageParams, param
from vla_sim.contract.vocabulary import TALK
from vla_sim.stages.executive.ledger import PLAN_TIMEOUT
from vla_sim.stages.executive.skill_context import SEARCH_TIME


@dataclass(frozen=True)
class ExecutiveParams(StageParams):
    rate: float = param(20.0, "ticks of the running skill [Hz]", low=5.0, high=50.0)
    talk: str = param(
        "normal", "little: says only what failed; else what was done too", choices=TALK, live=True
    )
    plan_timeout: float = param(
        PLAN_TIMEOUT, "for a plan, until the command is answered without one [s]", low=1.0, high=300.0
    )
    search_time: float = param(
        SEARCH_TIME, "for looking for one thing, until the robot gives up [s]", low=10.0, high=3600.0,
        live=True,
    )  # fmt: skip
