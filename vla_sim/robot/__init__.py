"""The Unitree G1: joints, body sizes, kinematics, what its sensors deliver; and `Body`, the door through
which any robot is read and commanded."""

__all__ = [
    "arm_body",
    "body",
    "body_size",
    "extrinsics",
    "frame_tree",
    "g1",
    "kinematics",
    "kinematics_kernels",
    "leg_odometry",
    "level_scan",
    "urdf",
]
