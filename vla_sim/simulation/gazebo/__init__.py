"""Gazebo Harmonic in this process, from its own Python bindings, and a ros_gz_bridge configuration."""

__all__ = ["bridge", "simulator"]
