"""Grasp and placement planning for two arms, base placement, and the requests that move arms and grippers."""

__all__ = [
    "arm_collision",
    "arm_planner",
    "arms",
    "base_placement",
    "grasp",
    "manipulator",
    "node",
    "opening",
    "params",
    "planning_scene",
    "trajectory",
]
