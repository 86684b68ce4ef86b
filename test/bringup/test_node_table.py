"""Which nodes run, ours or the user's."""

import sys

import pytest

from vla_sim.bringup import node_table
from vla_sim.bringup.node_table import StackOptions
from vla_sim.common.errors import InputError
from vla_sim.common.params import named
from vla_sim.hardware.params import CAMERA


def test_nodes_are_left_out_by_name():
    names = [node.name for node in node_table.nodes(StackOptions(without="voice language"))]
    assert names == ["engine", "perception", "navigation", "manipulation", "safety", "executive", "monitor"]


def test_a_program_takes_a_nodes_place_with_its_name_and_what_every_node_has():
    name, line = node_table.replacement("language=my_planner.py --place 'living room'")
    options = StackOptions(world="tabletop", planner="llm", replacements={name: line})
    (own,) = [node for node in node_table.nodes(options) if node.command]
    assert node_table.command(own, options) == [
        sys.executable, "my_planner.py", "--place", "living room", "--ros-args", "-r", "__node:=language",
        "-p", "use_sim_time:=true", "-p", 'world:="tabletop"',
    ]  # fmt: skip


def test_any_other_program_runs_as_it_stands():
    assert node_table.replacement("voice=ros2 run mine ears") == ("voice", ("ros2", "run", "mine", "ears"))


@pytest.mark.parametrize(("word", "why"), [
    ("language", "NODE=COMMAND is allowed"),
    ("language=", "NODE=COMMAND is allowed"),
    ("language='open", "No closing quotation"),
])  # fmt: skip
def test_a_replacement_is_a_node_and_a_command(word, why):
    with pytest.raises(InputError, match=why):
        node_table.replacement(word)


@pytest.mark.parametrize(("options", "why"), [
    (StackOptions(without="langauge"), "no node 'langauge' .*did you mean language"),
    (StackOptions(without="engine"), "no node 'engine' can be left out"),
    (StackOptions(replacements={"eyes": ("true",)}), "no node 'eyes' .*perception"),
    (StackOptions(speed=0.0, replacements={"voice": ("true",)}), "takes no turns in lock-step; give --speed"),
])  # fmt: skip
def test_what_cannot_be_left_out_or_replaced_is_said(options, why):
    with pytest.raises(InputError, match=why):
        node_table.nodes(options)


@pytest.mark.parametrize("name", ["perception", "manipulation"])
def test_on_a_robot_the_images_are_the_cameras_drivers_unless_told_otherwise(name):
    (eyes,) = [node for node in node_table.STACK if node.name == name]
    own = StackOptions(overrides={name: {"color": "/mine"}})
    there = node_table.parameters(eyes, own, simulated=False)
    assert there["depth"] == "/camera/camera/aligned_depth_to_color/image_raw"
    assert there["color"] == "/mine"
    assert "depth" not in node_table.parameters(eyes, own)


@pytest.mark.parametrize("node", node_table.EVERY, ids=lambda node: node.name)
def test_every_node_that_looks_gets_its_images_from_the_cameras_drivers_on_a_robot(node):
    looks = {name: topic for name, topic in CAMERA.items() if name in named(node.params)}
    assert node.drivers == looks


@pytest.mark.parametrize("simulated", [True, False])
def test_a_microphone_is_there_where_it_is_asked_for_and_silence_is_then_no_news(simulated):
    def of(**given):
        options = StackOptions(**given)
        found = {node.name: node for node in node_table.nodes(options, simulated=simulated)}
        return found, node_table.parameters(found["voice"], options, simulated=simulated)

    nodes, voice = of(mic=True)
    assert "microphone" in nodes
    assert voice["silence_seconds"] == 0.0
    _, voice = of(mic=True, overrides={"voice": {"silence_seconds": 9.0}})
    assert voice["silence_seconds"] == 9.0
    nodes, voice = of()
    assert "microphone" not in nodes
    assert "silence_seconds" not in voice
    nodes, _ = of(mic=True, speed=0.0)
    assert "microphone" not in nodes
