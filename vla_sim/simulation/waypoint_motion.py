"""Dynamic obstacles: models that a trajectory-follower plugin carries between waypoints at constant speed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vla_sim.common.errors import SdfError
from vla_sim.common.geometry import Array
from vla_sim.world.derived_world import SOCIAL
from vla_sim.world.sdf.elements import Model


@dataclass(frozen=True)
class WaypointMotion:
    """waypoints (n, 2) [m] in the world, speed [m/s]. loop: from the last waypoint to the first again.
    social: it walks there as people do (see `social_force`), of which Gazebo's plugin knows nothing."""

    waypoints: Array
    speed: float
    loop: bool
    social: bool = False

    @staticmethod
    def of(model: Model) -> WaypointMotion | None:
        """Of a model's TrajectoryFollower plugin, None if it has none. Raises `SdfError`.

        The plugin pushes with a force and the hydrodynamics plugin's drag bounds the speed; with no drag
        given it is 0.4 m/s.
        """
        plugin = next((p for p in model.plugins if p.name.endswith("TrajectoryFollower")), None)
        if plugin is None:
            return None
        points = [
            one.text.split()[:2] for group in plugin.tag.all("waypoints") for one in group.all("waypoint")
        ]
        try:
            waypoints = np.array(points, dtype=float).reshape(-1, 2)
            force = float(plugin.tag.get("force", "60"))
            drag = [float(p.tag.get("xU", "0")) for p in model.plugins if p.name.endswith("Hydrodynamics")]
            speed = force / abs(drag[0]) if drag and drag[0] else 0.4
            if not (np.isfinite(waypoints).all() and 0.0 <= speed < math.inf):
                raise ValueError
        except ValueError:
            raise SdfError(
                f"{plugin.where}: a <waypoint> needs two numbers, x y in metres, <force> and <xU> one each"
            ) from None
        loop, social = (plugin.tag.get(name, "false") in ("true", "1") for name in ("loop", SOCIAL))
        if social and not len(waypoints):
            raise SdfError(f"{plugin.where}: who walks as people do needs a <waypoint> to walk to")
        return WaypointMotion(waypoints, speed, loop, social)

    def at(self, start: tuple[float, float], time: float) -> tuple[float, float, float]:
        """x, y [m] and heading [rad] at `time` [s], at `start` at time 0. A heading at rest is that of the
        last leg."""
        x, y = start
        heading = 0.0
        left = self.speed * time
        points = [(float(p[0]), float(p[1])) for p in self.waypoints]
        if not points:
            return x, y, heading
        round_trip = sum(math.dist(points[i - 1], points[i]) for i in range(len(points)))
        first = math.dist(start, points[0])
        if self.loop and round_trip > 1e-6 and left > first:
            left = first + math.fmod(left - first, round_trip)
        for point in [*points, points[0]] if self.loop else points:
            length = math.dist((x, y), point)
            if length > 1e-9:
                heading = math.atan2(point[1] - y, point[0] - x)
            if left < length:
                share = left / length
                return x + share * (point[0] - x), y + share * (point[1] - y), heading
            left -= length
            x, y = point
        return x, y, heading
