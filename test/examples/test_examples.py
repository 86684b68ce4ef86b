"""Every example is run as its reader would: from a copy, by the command that examples/README.md gives."""

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from ports import any_port

EXAMPLES = Path(__file__).parents[2] / "examples"
VLA_SIM = (sys.executable, "-m", "vla_sim.cli.main")
LONGEST = 1800.0
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
    # What pip would install: beside the module its entry points, in a folder where Python looks.
    said, code = run("own_check", sys.executable, "-c", "import setuptools; setuptools.setup()", "egg_info")
    assert code == 0, said

    path = os.pathsep.join([str(tmp_path / "own_check"), str(EXAMPLES / "own_detector")])
    detector = ("--param", "perception.detector=red_cup:RedCup")
    said, code = run(
        "own_check", *VLA_SIM, "play", "pick_the_cup.yaml", *detector, "--json", "record.json", path=path
    )

    assert code == 0, said
    record = json.loads((tmp_path / "own_check" / "record.json").read_text())
    (own,) = [c for c in record["checks"] if c["name"] == "keeps 0.4 m away from the green bottle"]
    assert re.fullmatch(r"came as near as 0\.\d\d m", own["detail"])


@pytest.mark.variant  # fetch_cup does it; test_recorded_runs plays a world from a file
def test_a_world_of_ones_own(run):
    words = "go to the workbench and pick up the red cup"
    said, code = run("own_world", *VLA_SIM, "run", words, "--world", "workshop.sdf", "--speed", "max")
    assert code == 0, said


@pytest.mark.variant  # test_detector_server holds each piece
def test_a_detector_on_a_server_of_ones_own(run):
    port = str(any_port())
    server = (sys.executable, EXAMPLES / "own_detector_server" / "server.py", port)
    words = ("bring me the stapler", "--text", "--world", "desk.sdf", "--speed", "max")
    address = f"perception.detector_url=http://127.0.0.1:{port}/"
    with subprocess.Popen(server) as process:
        try:
            said, code = run("own_detector_server", *VLA_SIM, "run", *words, "--param", address)
        finally:
            process.terminate()
    assert code == 0, said


@pytest.fixture
def stack(tmp_path):
    """Variables by which a process is in the domain of a stack with the planner of the example in it."""
    shutil.copytree(EXAMPLES / "own_node", tmp_path / "own_node")
    options = ("--world", "tabletop", "--without", "voice", "--replace", "language=planner.py")
    line = [*VLA_SIM, "stack", *options, "--thresholds", "nearest.distance<50"]
    with subprocess.Popen(
        line, cwd=tmp_path / "own_node", env=environment(), text=True, stdout=subprocess.PIPE
    ) as process:
        try:
            told = ""
            while (domain := re.search(r"ROS_DOMAIN_ID=(\d+)", told)) is None:
                line = process.stdout.readline()
                assert line, told
                told += line
            yield {"ROS_DOMAIN_ID": domain[1], "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(60.0) == 0


def measured(name, domain):
    """A metric that `vla-sim top` shows, and the components of all alerts, once both are there: on a busy
    machine the monitor hears late of what a node measured."""
    top = (*VLA_SIM, "top", "--once", "--json", "-", "--domain", domain)
    end = time.monotonic() + LONGEST
    while True:
        state = json.loads(subprocess.check_output(top, env=environment(), stderr=subprocess.DEVNULL))
        found = [m for m in state["metrics"] if m["name"] == name]
        alerts = [alert["component"] for alert in state["alerts"]]
        if (found and alerts) or time.monotonic() > end:
            return found[0], alerts


def test_the_planner_does_not_act_on_what_was_half_heard():
    from std_msgs.msg import String

    spec = importlib.util.spec_from_file_location("planner", EXAMPLES / "own_node" / "planner.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sent = []
    planner = SimpleNamespace(plans=SimpleNamespace(publish=sent.append))
    for complete in (False, True):
        heard = {"command_id": "a", "text": "dance", "complete": complete}
        module.Planner.plan(planner, String(data=json.dumps(heard)))
    assert len(sent) == 1


def test_a_planner_a_client_and_a_metric_of_ones_own_in_one_domain(run, stack):
    nearest = (sys.executable, EXAMPLES / "own_metric" / "nearest.py")
    with subprocess.Popen(nearest, env={**environment(), **stack}) as process:
        try:
            for _ in range(5):
                said, code = run("own_client", sys.executable, "go.py", "dance", **stack)
                if code == 0:
                    break  # on a busy machine a node may be silent for longer than the others wait
            own, alerts = measured("nearest.distance", stack["ROS_DOMAIN_ID"])
        finally:
            process.send_signal(signal.SIGINT)
    assert code == 0, said
    assert "running turn" in said
    assert re.search(r"at \(-?\d+\.\d+, -?\d+\.\d+\) in odom", said)
    assert 0.1 < own["last"] < 5.0
    assert own["unit"] == "m"
    assert "nearest" in alerts
    assert process.returncode == 0


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
    assert {p.name for p in EXAMPLES.iterdir() if p.is_dir()} == set(re.findall(r"\]\((\w+)\)", text))
    for line in re.findall(r"\| `(.+)` \|$", text, re.MULTILINE):
        for name in re.findall(r"[\w.]+\.(?:py|yaml|sdf)\b", line):
            assert list(EXAMPLES.rglob(name)), name
