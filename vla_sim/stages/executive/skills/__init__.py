"""The skills of which plans are made, by kind; `executive.core` has them by name."""

__all__ = ["handling", "naming", "searching", "walking"]
