"""Draws what it is given as plain values: HTML pages, charts, curves over time, and maps from above. It knows
no record of a run or of a benchmark."""

__all__ = ["charts", "console", "curves", "floor_plan", "map_sheet", "page", "svg", "text"]
