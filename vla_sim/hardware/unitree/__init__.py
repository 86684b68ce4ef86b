"""The G1's own protocol: its messages, its services, a simulated robot that speaks it, a driver."""

__all__ = [
    "cable", "dds", "dds_types", "link", "motion", "network", "robot", "simulated_g1", "simulated_parts",
]  # fmt: skip
