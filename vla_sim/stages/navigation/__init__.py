"""From goals to velocities: localisation on the map, costmap, global and local planning, docking."""

__all__ = ["costmap", "distance_field", "gait", "global_planner", "mapper", "navigator", "node", "params"]
