"""The G1's own protocol: its messages, its services, a simulated robot that speaks it."""

__all__ = ["dds", "motion", "simulated_g1"]
