"""Parameters of the nodes that a robot has."""

from dataclasses import dataclass

from vla_sim.common.params import StageParams, param, same
from vla_sim.stages.perception.params import PerceptionParams

CAMERA = {
    "color": "/camera/camera/color/image_raw",
    "depth": "/camera/camera/aligned_depth_to_color/image_raw",
    "camera_info": "/camera/camera/color/camera_info",
}
"""Topics of realsense2_camera, started with `align_depth.enable:=true`, by perception's parameter."""
CAMERA_FRAME = "camera_color_optical_frame"
"""In which that driver gives both images."""


@dataclass(frozen=True)
class RobotParams(StageParams):
    interface: str = param("lo", "network interface to the robot", metavar="NAME")
    dds_domain: int = param(0, "DDS domain of the robot", low=0, high=232)
    mode: str = param(
        "sport", "who walks: sport, the robot's own controller; low, our policy", choices=("sport", "low")
    )
    extrinsics: str = same(PerceptionParams, "extrinsics")
    armed: bool = param(False, "whether the robot obeys; set at run time alone", live=True)


@dataclass(frozen=True)
class LidarParams(StageParams):
    cloud: str = param("/livox/lidar", "topic of the lidar's driver", metavar="TOPIC")
    extrinsics: str = same(PerceptionParams, "extrinsics")
