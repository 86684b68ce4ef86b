"""A run as one file: written beside the run as MCAP, read again, and played to the stack again."""

__all__ = [
    "about", "decisions", "definitions", "images", "node", "player", "reader", "replay", "rosbag2", "world",
]  # fmt: skip
