"""The embedded simulator: an SDF world compiled for MuJoCo, its sensors, its ground truth."""

__all__ = ["compile", "render", "simulator"]
