"""hardware.launch.py at a simulated robot behind its own protocol: armed, it walks where it is told."""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import launch_testing
from launch import LaunchDescription
from launch.actions import ExecuteProcess, IncludeLaunchDescription, RegisterEventHandler
from launch.event_handlers import OnProcessIO
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_testing.actions import ReadyToTest

from vla_sim.bringup import node_table
from vla_sim.bringup.node_table import StackOptions
from vla_sim.bringup.supervisor import Domain
from vla_sim.common.assets import share_folder
from vla_sim.hardware.unitree.network import domain_beside
from vla_sim.scenario.client import ClientThread
from vla_sim.world.semantic_map import World

WORLD = "apartment"
CLI = [sys.executable, "-m", "vla_sim.cli.main"]
READY_TIMEOUT, WALK_TIMEOUT = 300.0, 400.0
"""[s]"""
NEAR = 0.5
"""[m]"""


def generate_test_description():
    domain = Domain()
    os.environ.update(node_table.middleware(domain.id))
    dds_domain = domain_beside(domain.id)
    folder = Path(tempfile.mkdtemp())
    parameters, truth = folder / "robot.yaml", folder / "truth.jsonl"
    parameters.write_text(f"robot:\n  ros__parameters:\n    dds_domain: {dds_domain}\n")
    g1 = ExecuteProcess(
        cmd=[
            *CLI, "g1", "--world", WORLD, "--dds-domain", str(dds_domain), "--sensors-domain", str(domain.id),
            "--truth", str(truth),
        ],
        name="g1", output="log",
    )  # fmt: skip
    stack = [IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(share_folder("launch") / "hardware.launch.py")),
        launch_arguments={"world": WORLD, "params_file": str(parameters)}.items(),
    )]  # fmt: skip

    def on_said(event):
        """The stack, once the robot is there."""
        return [stack.pop()] if stack and b"a G1 in" in event.text else []

    started = RegisterEventHandler(OnProcessIO(target_action=g1, on_stdout=on_said))
    return LaunchDescription([started, g1, ReadyToTest()]), {"domain": domain.id, "truth": truth}


def until(true, timeout, what):
    deadline = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < deadline, f"not within {timeout:.0f} s: {what()}"
        time.sleep(0.1)


class TheRobot(unittest.TestCase):
    def test_it_walks_to_the_kitchen_once_it_is_armed(self, domain, truth):
        table = node_table.nodes(StackOptions(), simulated=False)  # without a microphone
        names = {spec.name for spec in table if not spec.observer}
        with ClientThread(domain) as client:
            found = client.discovery
            until(lambda: not found.missing(names), READY_TIMEOUT, lambda: found.missing(names))
            arm = [*CLI, "param", "robot.armed=true", "--domain", str(domain)]
            subprocess.run(arm, check=True, timeout=60.0)
            client.type("go", "go to the kitchen")
            recording = client.recording
            until(
                lambda: recording.final("go"), WALK_TIMEOUT,
                lambda: [recording.statuses[-1:], recording.safety[-1:], recording.alerts[-3:]],
            )  # fmt: skip
        assert recording.final("go").state == "succeeded"
        rows = [json.loads(line) for line in truth.read_text().splitlines()]
        assert not any(row["fallen"] for row in rows)
        kitchen = next(place for place in World.load(WORLD).places if place.name == "kitchen")
        x, y = rows[-1]["robot"][:2]
        assert math.dist((x, y), (kitchen.x, kitchen.y)) < NEAR


@launch_testing.post_shutdown_test()
class AfterShutdown(unittest.TestCase):
    def test_every_process_ended_cleanly(self, proc_info):
        launch_testing.asserts.assertExitCodes(proc_info)
