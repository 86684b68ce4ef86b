"""How pytest runs launch tests: each file in a process of its own, by launch_testing's own program.

launch_testing brings a plugin for pytest, which pyproject.toml turns off: it stops pytest 9 from starting.
"""

import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

LONGEST = 900.0
"""[s] of the machine's clock for one file."""
INSTALLED = importlib.util.find_spec("launch_testing") is not None
MISSING = "launch_testing is not installed; `make launch-test` brings it, and a ROS 2 installation has it"
INSTEAD = f"test/launch is skipped: {MISSING}. The same scenarios run in test/scenario/test_library.py."


class LaunchFile(pytest.File):
    def collect(self):
        yield LaunchItem.from_parent(self, name="launch_test")


class LaunchItem(pytest.Item):
    def __init__(self, **named):
        super().__init__(**named)
        for mark in (pytest.mark.scenario, pytest.mark.ros, pytest.mark.gl):
            self.add_marker(mark)

    def runtest(self):
        if not INSTALLED:
            pytest.skip(MISSING)
        with tempfile.TemporaryDirectory() as folder:
            self.play(Path(folder) / "junit.xml")

    def play(self, report):
        line = [
            sys.executable,
            "-m",
            "launch_testing.launch_test",
            "--junit-xml",
            str(report),
            str(self.path),
        ]
        line += [f"engine:={os.environ['VLA_SIM_ENGINE']}"] if "VLA_SIM_ENGINE" in os.environ else []
        with subprocess.Popen(line, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            try:
                said, _ = process.communicate(timeout=LONGEST)
            except BaseException:
                process.send_signal(signal.SIGINT)  # it ends its nodes
                raise
        if process.returncode != 0:
            pytest.fail(said, pytrace=False)
        if skipped := [one.get("message", "") for one in ElementTree.parse(report).iter("skipped")]:
            pytest.skip("; ".join(skipped))  # for launch_test what was skipped is as good as passed

    def reportinfo(self):
        return self.path, 0, self.path.stem


def pytest_pycollect_makemodule(module_path, parent):
    return LaunchFile.from_parent(parent, path=module_path)


def pytest_terminal_summary(terminalreporter):
    if not INSTALLED:
        terminalreporter.write_line(INSTEAD)
