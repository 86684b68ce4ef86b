"""The robot: its profile, joints, body sizes, kinematics, what its sensors deliver; and `Body`, the door
through which any robot is read and commanded."""

__all__ = [
    "arm_body", "body", "body_size", "extrinsics", "facts", "frame_tree", "kinematics",
    "kinematics_kernels", "leg_odometry", "level_scan", "profile", "urdf",
]  # fmt: skip
