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
    log: str = param(
        "", "MCAP file of all that is sent to the robot and comes from it; empty: none", metavar="FILE"
    )
    dry_run: bool = param(False, "print what would be sent to the robot, and send nothing")
    body: str = param(
        "", 'driver of your own as "my_package.my_module:MyBody"; empty: the G1\'s', metavar="CLASS"
    )
    armed: bool = param(False, "whether the robot obeys; set at run time alone", live=True)


@dataclass(frozen=True)
class LidarParams(StageParams):
    cloud: str = param("/livox/lidar", "topic of the lidar's driver", metavar="TOPIC")
    extrinsics: str = same(PerceptionParams, "extrinsics")


@dataclass(frozen=True)
class MicrophoneParams(StageParams):
    device: str = param(
        "", "number of a sound device, its name or a part of it; empty: the default one", metavar="DEVICE"
    )
    sample_rate: int = param(0, "of the device [Hz]; 0: its own", low=0, high=384_000)
    channel: int = param(0, "which is listened to, from 1 on; 0: the mean of the first two", low=0, high=64)
