"""Parameters of the manipulation node."""

from dataclasses import dataclass

from vla_sim.common.params import StageParams, param, same
from vla_sim.stages.perception.params import PerceptionParams
from vla_sim.stages.policy.names import OWN


@dataclass(frozen=True)
class ManipulationParams(StageParams):
    rate: float = param(20.0, "ticks of the manipulator [Hz]", low=10.0, high=50.0)
    status_rate: float = param(5.0, "status while a request is under way [Hz]", low=1.0, high=20.0, live=True)
    policy: str = param(
        "",
        "a learned policy that picks, as openpi://127.0.0.1:8000 (or lerobot, gr00t), or one of ours, "
        f"{' or '.join(OWN)}; empty: our own planner",
        metavar="ADDRESS",
    )  # fmt: skip
    policy_mapping: str = param(
        "",
        "what the policy is sent and what its answers mean: a shipped mapping, or a file; empty: that of the "
        "policy if it is one of ours, else scripted",
        metavar="NAME",
    )  # fmt: skip
    policy_pickle: bool = param(False, "speak with a policy's server whose protocol sends pickles: lerobot's")
    policy_timeout: float = param(5.0, "until the policy counts as silent [s]", low=0.1, high=60.0, live=True)
    color: str = same(PerceptionParams, "color")
    depth: str = same(PerceptionParams, "depth")
    camera_info: str = same(PerceptionParams, "camera_info")
    pairing: float = same(PerceptionParams, "pairing")
