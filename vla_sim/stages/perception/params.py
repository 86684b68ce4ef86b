"""Parameters of the perception node."""

from dataclasses import dataclass

from vla_sim.common.params import StageParams, param
from vla_sim.contract import topics


@dataclass(frozen=True)
class PerceptionParams(StageParams):
    rate: float = param(10.0, "most images a second of simulated time", low=0.5, high=60.0, live=True)
    detector: str = param(
        "", 'class of your own as "my_package.my_module:MyDetector"; empty: colour, shape and size'
    )
    detector_model: str = param("", "ONNX file of a trained detector, if `detector` is empty; empty: none")
    score_threshold: float = param(
        0.4, "least score of the trained detector, and of the one on a server", low=0.0, high=1.0
    )
    detector_url: str = param(
        "", "address of a detector that names measured things (docs/detector_server.md); empty: none",
        metavar="URL",
    )  # fmt: skip
    detector_timeout: float = param(2.0, "until that detector counts as silent [s]", low=0.1, high=60.0)
    extrinsics: str = param(
        "", "file of where the sensors sit; empty: where the robot's model has them", metavar="FILE"
    )
    color: str = param(topics.COLOR.name, "topic of the colour image, rgb8 or bgr8", metavar="TOPIC")
    depth: str = param(
        topics.DEPTH.name,
        "topic of the depth image in the colour image's frame, 16UC1 [mm] or 32FC1 [m]",
        metavar="TOPIC",
    )
    camera_info: str = param(
        topics.CAMERA_INFO.name, "topic of the colour camera's intrinsics", metavar="TOPIC"
    )
    pairing: float = param(
        0.015, "most that the stamps of a colour and a depth image of one pair differ [s]", low=0.0, high=0.1
    )
