"""The whole stack with a second robot: the Booster T1 goes to the kitchen in the worlds that are the G1's."""

import os
import subprocess
import sys

import pytest

from vla_sim.scenario.sweep.tasks import read


@pytest.mark.scenario
def test_the_t1_goes_to_the_kitchen(tmp_path):
    line = [sys.executable, "-m", "vla_sim.cli.main", "play", "go_to_kitchen", "--robot", "t1"]
    done = subprocess.run([*line, "--out", str(tmp_path)], capture_output=True, text=True, env=os.environ)
    record = read(tmp_path / "record.json")
    assert done.returncode == 0, record.reasons
    assert record.robot == "t1"
    assert record.contacts == []
