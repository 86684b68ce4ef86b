"""What the words that were given ask for, as steps: the measure that a run is held against."""

from __future__ import annotations

from functools import lru_cache

from vla_sim.contract.records import Step
from vla_sim.stages.language.planning.rule_planner import RulePlanner
from vla_sim.world.semantic_map import World


def expected_steps(world: World, text: str) -> list[Step]:
    """Steps of the rule planner for `text`; empty if it is no command (then an answer is expected)."""
    return list(_planner(str(world.path)).plan(text).steps)


@lru_cache(maxsize=4)
def _planner(path: str) -> RulePlanner:
    return RulePlanner(World.load(path))
