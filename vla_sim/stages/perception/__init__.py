"""Colour and depth images to tracked objects in the map and to a scan of the obstacles near the floor."""

__all__ = [
    "camera",
    "depth_scan",
    "detector",
    "detector_server",
    "last_images",
    "naming",
    "node",
    "onnx_detector",
    "pairing",
    "params",
    "pipeline",
    "pose_estimator",
    "standing_things",
]
