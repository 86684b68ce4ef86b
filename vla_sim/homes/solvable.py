"""Whether the robot can do in a home what is asked of it, by the same planners that it plans with."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from vla_sim.common.geometry import Array
from vla_sim.robot import facts
from vla_sim.stages.executive.skills.handling import PRE_DOCK
from vla_sim.stages.executive.skills.walking import behind
from vla_sim.stages.manipulation.base_placement import choose_place_spot, choose_stand, view_stands
from vla_sim.stages.navigation.costmap import StaticMap
from vla_sim.stages.navigation.global_planner import NoPath, plan_path
from vla_sim.world import world_file
from vla_sim.world.semantic_map import UNMAPPED, Surface, World
from vla_sim.world.solids import solids_of


class Home:
    """A world with all that stands in it, that too which the robot's map does not have."""

    def __init__(self, world: World) -> None:
        tree = world_file.load(world.path)
        unmapped = (m for m in tree.models if m.static and m.name.startswith(UNMAPPED))
        solids = (*world.solids, *(solid for model in unmapped for solid in solids_of(model)))
        whole = replace(world, solids=solids)
        self._world = world
        self._grid = whole.rasterise()
        self._field = StaticMap.from_world(whole).clearance

    def no_way(self, x: float, y: float) -> str:
        """Why the robot cannot walk from its start to (x, y) [m] in the map; "" if it can."""
        start = self._world.start
        found = plan_path(self._field, start[:2], (x, y))
        return found.reason if isinstance(found, NoPath) else ""

    def way(self, start: tuple[float, float], goal: tuple[float, float]) -> Array:
        """(n, 2) [m] of the way between two points, on which there is room for the robot; (0, 2) without."""
        found = plan_path(self._field, start, goal)
        return np.zeros((0, 2)) if isinstance(found, NoPath) else found.points

    def out_of_reach(self, surface: Surface, position: tuple[float, float, float]) -> str:
        """Why the robot cannot take what is at `position` (x, y, z in map) on a surface; "" if it can."""
        stand = choose_stand(position, surface, self._grid)
        if stand is None:
            return f"nobody can stand so that he reaches what is on the {surface.name}"
        return self.no_way(*behind((stand.x, stand.y, stand.yaw), PRE_DOCK)[:2])

    def problems(self, things: Iterable[tuple[Surface, tuple[float, float, float]]]) -> list[str]:
        """Everything that keeps the robot from walking to the places, looking at the surfaces, taking the
        things (on which surface, where) and putting things down; [] if nothing does."""
        found = [self.no_way(place.x, place.y) for place in self._world.places]
        for surface in self._world.surfaces:
            stands = view_stands(surface, self._grid)
            if not any(self.no_way(x, y) == "" for x, y, _ in stands):
                found.append(f"nobody can look at the {surface.name}")
            spot = choose_place_spot(surface, (), self._grid)
            if facts.HAND and spot is None:
                found.append(f"nobody can put anything on the {surface.name}")
        found += [self.out_of_reach(surface, at) for surface, at in things]
        return [reason for reason in found if reason]
