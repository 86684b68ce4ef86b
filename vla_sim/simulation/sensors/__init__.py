"""Lidar and depth camera by ray casting through an SDF world's visuals, noise included; needs no GL."""

__all__ = ["depth_camera", "lidar", "scene", "software"]
