"""Parameters of the language node."""

from dataclasses import dataclass

from vla_sim.common.params import StageParams, param
from vla_sim.stages.language.llm.settings import LlmSettings


@dataclass(frozen=True)
class LanguageParams(LlmSettings, StageParams):
    planner: str = param(
        "rules",
        "llm: the model first; auto: the model for what the rules cannot read",
        choices=("rules", "llm", "auto"),
    )
