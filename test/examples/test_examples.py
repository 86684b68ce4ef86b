"""Every example is run as its reader would: from a copy, by the command that examples/README.md gives."""

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
VLA_SIM = (sys.executable, "-m", "vla_sim.cli.main")
LONGEST = 600.0
"""[s] of the machine's clock for one command."""

pytestmark = [pytest.mark.scenario, pytest.mark.ros]


@pytest.fixture
def run(tmp_path):
    """Runs a command in a copy of an example, and returns what it printed and its exit code. path: what
    stands on PYTHONPATH as well."""

    def run(example, *line, path="", **variables):
        folder = tmp_path / example
        if not folder.exists():
            shutil.copytree(EXAMPLES / example, folder)
        done = subprocess.run(
            line, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LONGEST,
            env={**environment(path), **variables}, check=False,
        )  # fmt: skip
        return done.stdout, done.returncode

    return run


def environment(path=""):
    known = [path, str(EXAMPLES.parent), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, known)), "COLUMNS": "200"}


def test_a_check_and_a_detector_of_ones_own_in_one_scenario(run, tmp_path):
    there = str(tmp_path / "installed")
    pip = (sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation")
    said, code = run("own_check", *pip, "--target", there, ".")
    assert code == 0, said

    path = os.pathsep.join([there, str(EXAMPLES / "own_detector")])
    detector = ("--param", "perception.detector=red_cup:RedCup")
    said, code = run(
        "own_check", *VLA_SIM, "play", "pick_the_cup.yaml", *detector, "--json", "record.json", path=path
    )

    assert code == 0, said
    record = json.loads((tmp_path / "own_check" / "record.json").read_text())
    (own,) = [c for c in record["checks"] if c["name"] == "keeps 0.4 m away from the green bottle"]
    assert re.fullmatch(r"came as near as 0\.\d\d m", own["detail"])


def test_a_world_of_ones_own(run):
    words = "go to the workbench and pick up the red cup"
    said, code = run("own_world", *VLA_SIM, "run", words, "--world", "workshop.sdf", "--speed", "max")
    assert code == 0, said


def test_a_planner_of_ones_own_and_a_client_in_its_domain(run, tmp_path):
    shutil.copytree(EXAMPLES / "own_node", tmp_path / "own_node")
    options = ("--world", "tabletop", "--without", "voice", "--replace", "language=planner.py")
    stack = subprocess.Popen(
        [*VLA_SIM, "stack", *options], cwd=tmp_path / "own_node", text=True, stdout=subprocess.PIPE,
        env=environment(),
    )  # fmt: skip
    try:
        told = ""
        while (domain := re.search(r"ROS_DOMAIN_ID=(\d+)", told)) is None:
            line = stack.stdout.readline()
            assert line, told
            told += line
        reach = {"ROS_DOMAIN_ID": domain[1], "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
        said, code = run("own_client", sys.executable, "go.py", "dance", **reach)
    finally:
        stack.send_signal(signal.SIGINT)
        assert stack.wait(60.0) == 0
    assert code == 0, said
    assert "running turn" in said
    assert re.search(r"at \(-?\d+\.\d+, -?\d+\.\d+\) in odom", said)
    assert "succeeded" in said


def test_a_test_of_ones_own_with_pytest(run):
    said, code = run("own_tests", sys.executable, "-m", "pytest", "test_pick.py", "-p", "no:cacheprovider")
    assert code == 0, said
    assert "3 passed" in said


@pytest.mark.skipif(importlib.util.find_spec("launch_testing") is None, reason="launch_testing is missing")
def test_a_test_of_ones_own_with_launch_testing(run):
    said, code = run("own_tests", sys.executable, "-m", "launch_testing.launch_test", "launch_test_pick.py")
    assert code == 0, said


def test_the_readme_names_every_example_and_only_files_that_are_there():
    text = (EXAMPLES / "README.md").read_text()
    assert {p.name for p in EXAMPLES.iterdir() if p.is_dir()} == set(re.findall(r"\]\((own_\w+)\)", text))
    for line in re.findall(r"\| `(.+)` \|$", text, re.MULTILINE):
        for name in re.findall(r"[\w.]+\.(?:py|yaml|sdf)\b", line):
            assert list(EXAMPLES.rglob(name)), name
