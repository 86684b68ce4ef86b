"""Recorded runs as demonstrations to learn from: what the robot saw, felt and did, frame by frame."""

__all__ = ["episode", "lerobot"]
