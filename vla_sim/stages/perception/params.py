"""Parameters of the perception node."""

from dataclasses import dataclass

from vla_sim.common.params import StageParams, param


@dataclass(frozen=True)
class PerceptionParams(StageParams):
    rate: float = param(10.0, "most images a second of simulated time", low=0.5, high=60.0, live=True)
    detector: str = param(
        "", 'class of your own as "my_package.my_module:MyDetector"; empty: colour, shape and size'
    )
    detector_model: str = param("", "ONNX file of a trained detector, if `detector` is empty; empty: none")
    score_threshold: float = param(0.4, "least score of the trained detector", low=0.0, high=1.0)
