"""A node's process comes to an end."""

import os
import signal
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.ros, pytest.mark.integration]

HANGS = """
import time
from vla_sim.common.params import StageParams
from vla_sim.ros import spin
from vla_sim.ros.stage_node import StageNode

spin.LONGEST_END = 1.0

class Hangs(StageNode[StageParams]):
    def run(self, executor):
        print("runs", flush=True)
        super().run(executor)

    def close(self):
        time.sleep(600.0)

spin.spin(lambda: Hangs("hangs", StageParams))
"""


def test_a_node_that_hangs_at_its_end_says_where_and_ends(ros_domain):
    line, pipe = [sys.executable, "-c", HANGS], subprocess.PIPE
    with subprocess.Popen(line, stdout=pipe, stderr=pipe, text=True, env=os.environ) as process:
        assert process.stdout.readline() == "runs\n"
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=120.0)
    assert process.returncode == 1
    assert "in close" in told
