"""The skills of which plans are made, by kind; `table` has them by name."""

__all__ = ["carrying", "grasping", "searching", "table", "walking"]
