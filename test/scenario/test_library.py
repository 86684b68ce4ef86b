"""The shipped scenarios, in lock-step: the same on any machine, and faster than real time on most.

Each runs in a process of its own, as `vla-sim test` has it; what they leave is in the folder that a failure
names. `VLA_SIM_ENGINE` chooses another engine.
"""

import os

import pytest

from vla_sim.scenario import load
from vla_sim.scenario.sweep import Processes, Task

pytestmark = [pytest.mark.scenario, pytest.mark.ros, pytest.mark.gl]


@pytest.mark.parametrize("path", load.shipped(), ids=lambda p: p.stem)
def test_scenario(path, tmp_path):
    file = load.load(path)
    task = Task(str(path), file.name, os.environ.get("VLA_SIM_ENGINE", "mujoco"), 0, 1, tmp_path)
    record = Processes().play(task, 1, [])
    told = "\n".join(
        [*record.reasons, f"kept in {record.folder}", f"again: {record.again}", *record.log[-5:]]
    )
    assert record.passed, told
