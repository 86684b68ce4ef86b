"""The scripted policy refuses what is not of its mapping in one line, before it plans anything."""

import numpy as np
import pytest

from vla_sim.robot import facts
from vla_sim.stages.policy.errors import PolicyError
from vla_sim.stages.policy.scripted_policy import ScriptedPolicy


def observation() -> dict[str, object]:
    return {
        "observation/joints": facts.DEFAULT_POSE,
        "observation/base": np.array([0.0, 0.0, 0.77, 1.0, 0.0, 0.0, 0.0]),
        "observation/time": np.array([1.0]),
        "observation/camera": np.array([400.0, 400.0, 31.5, 23.5]),
        "observation/color": np.zeros((48, 64, 3), np.uint8),
        "observation/depth": np.ones((48, 64), np.float32),
        "prompt": "pick up the red cup",
    }


@pytest.mark.parametrize("spoilt", [{"observation/camera": np.ones(3)}, {"observation/time": np.zeros(0)}])
def test_an_observation_of_another_mapping_is_told_in_one_line(spoilt):
    with pytest.raises(PolicyError, match="not of the mapping scripted"):
        ScriptedPolicy(planner=None, detector=None).infer(observation() | spoilt)
