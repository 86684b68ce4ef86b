"""The stages of the stack: each is a pure core with a thin ROS node beside it."""

__all__ = [
    "control",
    "executive",
    "language",
    "manipulation",
    "navigation",
    "perception",
    "policy",
    "safety",
    "voice",
]
