"""A run as one file: written beside the run as MCAP, read again, and played to the stack again."""

__all__ = ["about", "definitions", "images", "node", "reader"]
