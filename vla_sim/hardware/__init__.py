"""The door from the stack to a robot that is not simulated in it."""

__all__ = ["calibration", "calibration_node", "mapping_node", "params", "unitree"]
