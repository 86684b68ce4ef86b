"""Models that something else than physics carries along: to their waypoints on straight lines, or as people
walk."""

from collections.abc import Sequence

import numpy as np

from vla_sim.common.geometry import Array
from vla_sim.simulation.social_force import Crowd, Walker
from vla_sim.simulation.waypoint_motion import WaypointMotion
from vla_sim.world.occupancy_grid import rasterise
from vla_sim.world.sdf import elements
from vla_sim.world.solids import solids_of

HEIGHTS = (0.1, 1.7)
"""[m] between which something is in a person's way."""
CELL = 0.05
"""[m] of the map on which people walk."""


class Movers:
    """motions: with where each begins, x and y [m]. world: whose static models people do not walk into."""

    def __init__(
        self, motions: Sequence[tuple[WaypointMotion, tuple[float, float]]], world: elements.World
    ) -> None:
        self._motions = tuple(motions)
        walkers = [Walker(at, one.waypoints, one.speed) for one, at in motions if one.social]
        self._crowd: Crowd | None = None
        if walkers:
            solids = [solid for model in world.models if model.static for solid in solids_of(model)]
            points = [(float(x), float(y)) for w in walkers for x, y in [w.start, *w.goals]]
            self._crowd = Crowd(walkers, rasterise(solids, points, CELL, *HEIGHTS).grid())
        self._robot: Array | None = None

    def reset(self, seed: int) -> None:
        self._robot = None
        if self._crowd is not None:
            self._crowd.reset(seed)

    def step(self, seconds: float, robot: Array) -> None:
        """robot: (2,) where it is [m]."""
        if self._crowd is not None:
            before = robot if self._robot is None else self._robot
            self._crowd.step(seconds, robot, (robot - before) / seconds)
            self._robot = np.array(robot)

    def poses(self, time: float) -> list[tuple[float, float, float]]:
        """x, y [m], heading [rad] of each at `time` [s]; of people where the last step has left them."""
        people = iter(() if self._crowd is None else self._crowd.poses.tolist())
        return [tuple(next(people)) if one.social else one.at(at, time) for one, at in self._motions]
