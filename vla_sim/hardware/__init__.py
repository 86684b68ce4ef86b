"""The door from the stack to a robot that is not simulated in it."""

__all__ = ["capture", "params", "sound_level", "unitree"]
