"""The shortest way on the map for the robot's width: the measure of a path."""

from __future__ import annotations

from vla_sim.stages.navigation.costmap import StaticMap
from vla_sim.stages.navigation.global_planner import Path, plan_path
from vla_sim.world.semantic_map import World


def shortest_way(world: World, start: tuple[float, float], goal: tuple[float, float]) -> float | None:
    """Length [m] between two points (x, y), without regard to comfort; None if there is no way."""
    static = StaticMap.from_world(world)
    found = plan_path(static.clearance, start, goal, tolerance=0.5, weight=0.0)
    return found.length if isinstance(found, Path) else None
