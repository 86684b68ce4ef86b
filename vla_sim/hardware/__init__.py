"""The door from the stack to a robot that is not simulated in it."""

__all__ = ["calibration", "calibration_node", "capture", "mapping_node", "params", "sound_level", "unitree"]
