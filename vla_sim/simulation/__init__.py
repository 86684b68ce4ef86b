"""Simulators behind one door: MuJoCo, Gazebo Harmonic, a kinematic one; the node that publishes them."""

__all__ = [
    "behind_protocol", "conformance", "fault_injection", "gazebo", "kinematic", "mujoco", "node",
    "params", "registry", "sensors", "simulator",
]  # fmt: skip
