"""Joint-level control at 50 Hz: walking policy, arm and gripper followers, falls, their host in a node."""

__all__ = ["body_host", "controller", "frame_publisher", "gripper", "policy", "velocity"]
