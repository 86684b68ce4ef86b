"""A run as a film: from outside, through the head camera, on the map, with what was said and done."""

__all__ = ["film", "frame", "moment", "outside", "world_picture"]
