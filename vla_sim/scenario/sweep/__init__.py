"""Many runs, each in a process of its own, on this machine or on a Ray cluster."""

__all__ = ["processes", "ray_cluster", "shards", "tasks"]
