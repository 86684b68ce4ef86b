"""From goals to velocities: localisation on the map, costmap, global and local planning, docking."""

__all__ = [
    "astar",
    "costmap",
    "distance_field",
    "footprint",
    "global_planner",
    "navigator",
    "node",
    "params",
    "warm_up",
]
