"""What the words that were given ask for, as steps: the measure that a run is held against."""

from __future__ import annotations

from vla_sim.contract import Step
from vla_sim.language.rules import RulePlanner
from vla_sim.world import World


def expected_steps(world: World, text: str) -> list[Step]:
    """Steps of the rule planner for `text`; empty if it is no command (then an answer is expected)."""
    raise NotImplementedError(RulePlanner)
