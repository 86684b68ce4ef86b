"""The CI examples say what the commands of today understand."""

import re
import shlex

import pytest
import yaml

from vla_sim.cli import main
from vla_sim.common.assets import share_folder
from vla_sim.scenario.load import find
from vla_sim.simulation.gazebo import bindings

EXAMPLES = sorted((share_folder("config") / "ci").glob("*.yml"))


def texts(node):
    """Every text in a YAML document."""
    if isinstance(node, dict):
        node = list(node.values())
    if isinstance(node, list):
        for one in node:
            yield from texts(one)
    elif isinstance(node, str):
        yield from node.splitlines()


def value(node, key):
    """The first value of a key, at any depth."""
    for name, one in node.items():
        found = one if name == key else value(one, key) if isinstance(one, dict) else None
        if found is not None:
            return found
    return None


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_an_example_plays_scenarios_with_known_options_and_keeps_the_results(path):
    document = yaml.safe_load(path.read_text())
    scenarios = value(document, "SCENARIOS")
    lines = [line for line in texts(document) if "bin/vla-sim" in line]
    played = []
    for line in lines:
        words = shlex.split(line.replace("$SCENARIOS", scenarios))
        arguments = main._parser().parse_args(words[1:])
        if words[1] == "test":
            played.append((arguments.engine, arguments.all))
            assert arguments.junit == f"{arguments.out}/junit.xml"
            assert all(find(target) for target in arguments.targets)
    assert played == [("mujoco", False), ("mujoco", False), ("gazebo", True)]
    assert any("pytest test/launch" in line for line in texts(document))
    assert "results/" in list(texts(document))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_gazebo_comes_with_every_package_that_its_help_names(path):
    named = set(re.findall(r"gz-harmonic|python3-gz-\w+", bindings.HELP))
    assert len(named) == 5
    (line,) = [
        line for line in texts(yaml.safe_load(path.read_text())) if "install" in line and "gz-" in line
    ]
    assert named <= set(line.split())


def test_there_is_one_for_each_service():
    assert [p.stem for p in EXAMPLES] == ["github-actions", "gitlab-ci"]
