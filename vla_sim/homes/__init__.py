"""Homes by seed: rooms along a hallway, furniture and things, with a scenario that can be passed there."""

__all__ = ["home"]
