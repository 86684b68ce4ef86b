"""A server of the Model Context Protocol: a handful of calls that list what there is, play one run at a time
as a process of its own, and tell what became of it."""

__all__ = ["server"]
